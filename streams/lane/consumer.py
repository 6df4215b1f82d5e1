"""Faust's consumer, taken at one joint: it feeds shards instead of streams. Written against faust-streaming 0.15.3.

Faust keeps what it is good at: the app's life, the consumer's thread, membership, assignment, rebalancing. Taken over:

- `_drain_messages`, which feeds records to streams one by one, asks for the hungry partitions and feeds their shards;
- Faust resumes the flow while assignment handlers still run, and then seeks to committed offsets on its own: here every
  partition is positioned by its opening, so `perform_seek` does nothing and the flow switch is not looked at;
- its commit loop and its tables' recovery have nothing to do, and `commit` does nothing: shards commit;
- the aiokafka consumer is made here, because Faust waits 1.5 s for a fetch. aiokafka has one fetch a broker under way:
  a partition that was busy when it began waits that long though the others are idle;
- offsets that are gone must not be jumped over: `auto_offset_reset` is none, and partitions are always sought.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver

from streams.errors import Fenced, Unavailable
from streams.lane.hop import REJOIN_WITHIN, Hop
from streams.lane.lane import Lane

log = logging.getLogger(__name__)
faust_log = logging.getLogger("faust.lane")  # what mode tells of its services' lives

T = TypeVar("T")

FETCH_WAIT_MS = 200
POLL_S = 1.0
POLL_WHILE_BUSY_S = 0.02  # a partition that becomes hungry waits for the poll under way, so it is short while one is not
NEVER_MS = int(timedelta(days=1).total_seconds() * 1000)  # the lane's health tells who is stuck, not the poll interval


class LaneThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread around a consumer of our making."""

    logger = faust_log
    mundane_level = "debug"

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        hop: Hop = self.app.lane.hop
        pace = hop.pace
        return AIOKafkaConsumer(
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            client_id=f"leadstream-{hop.name}",
            group_id=hop.group,
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=_ms(pace.session_timeout),
            heartbeat_interval_ms=_ms(pace.heartbeat),
            rebalance_timeout_ms=_ms(REJOIN_WITHIN),
            max_poll_interval_ms=NEVER_MS,
            max_poll_records=pace.batch_max,
            max_partition_fetch_bytes=pace.fetch_bytes_max,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )

    async def on_thread_stop(self) -> None:
        """Stop the client; one whose broker is away awaits a fetch that it has cancelled, and breaks off there."""
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            await self._ensure_consumer()._client.close()  # noqa: SLF001


class LaneConsumer(driver.Consumer):  # type: ignore[misc]
    """Feeds the app's lane, and speaks to the group for its shards. Lives on the main loop, its client in a thread."""

    logger = faust_log
    mundane_level = "debug"

    def _new_consumer_thread(self) -> LaneThread:
        return LaneThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        lane: Lane = self.app.lane
        while not (self.should_stop or fetcher.should_stop):
            wanted = lane.hungry()
            if not wanted:
                await asyncio.sleep(POLL_WHILE_BUSY_S)
                continue
            try:
                fetched = await self._fetch(wanted, POLL_S if lane.all_hungry() else POLL_WHILE_BUSY_S)
            except IllegalStateError:  # One of them was revoked meanwhile.
                continue
            except ConsumerStoppedError:
                return
            except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
                await self._ask_again(error)
            except KafkaError as error:
                lane.fail(error, f"hop {lane.hop.name}: fetching")
                return
            else:
                for tp, records in fetched.items():
                    lane.offer(tp, records)

    async def _fetch(self, wanted: Sequence[TopicPartition], wait_s: float) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        got: Mapping[TopicPartition, Sequence[ConsumerRecord]] = await self._there(
            lambda client: client.getmany(*wanted, timeout_ms=int(wait_s * 1000))
        )
        return got

    async def _ask_again(self, error: NoOffsetForPartitionError | OffsetOutOfRangeError) -> None:
        """Seek the partitions of *error* again, if what they want is in the log; else fail the lane.

        A fetch that was under way during a rebalance sees the new assignment before its partitions are sought.
        """
        asked = error.args[0]
        for tp in asked if isinstance(asked, dict) else [asked]:
            first, end = await self.bounds(tp)
            self.app.lane.ask_again(tp, first=first, end=end)

    # What partitions and shards ask of it.

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Let the next fetch of *tp* begin at *offset*, unless it was revoked meanwhile."""

        def there() -> None:
            try:
                self._thread._ensure_consumer().seek(tp, offset)  # noqa: SLF001
            except IllegalStateError:
                log.debug("%s was revoked before it could be sought", tp)

        self._thread.thread_loop.call_soon_threadsafe(there)

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the first offset in the log of *tp* and the one after the last."""
        with _unavailable(f"where the log of {tp.topic}[{tp.partition}] begins and ends"):
            first = await self._there(lambda client: client.beginning_offsets([tp]))
            end = await self._there(lambda client: client.end_offsets([tp]))
        return first[tp], end[tp]

    async def unread(self, tp: TopicPartition) -> int | None:
        """Return how many offsets of *tp* were not fetched yet, as of the last answer to a fetch."""

        async def there(client: AIOKafkaConsumer) -> int | None:
            end = client.last_stable_offset(tp) if tp in client.assignment() else None
            return None if end is None else max(0, end - await client.position(tp))

        return await self._there(there)

    def group_offset(self, tp: TopicPartition) -> "LaneOffset":
        """Return the group's committed offset of *tp*."""
        return LaneOffset(self, tp)

    async def _there(self, ask: Callable[[AIOKafkaConsumer], Awaitable[T]]) -> T:
        """Ask the client in its own thread, past Faust's queue: that has two workers, and a fetch holds one for long."""

        async def there() -> T:
            return await ask(self._thread._ensure_consumer())  # noqa: SLF001

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), self._thread.thread_loop))

    # What Faust would do beside us.

    async def perform_seek(self) -> None:
        """Leave positions alone: they are the partitions'."""

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Commit nothing: that is the shards' business."""
        return False

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Say nothing about streams that do not exist: the lane's health does."""


class LaneOffset:
    """The group's committed offset of one partition, spoken over the hop's membership."""

    def __init__(self, consumer: LaneConsumer, tp: TopicPartition) -> None:
        self._consumer = consumer
        self._tp = tp

    async def read(self) -> OffsetAndMetadata | None:
        async def there(client: AIOKafkaConsumer) -> OffsetAndMetadata | None:
            # `AIOKafkaConsumer.committed` would leave out the metadata.
            return (await client._coordinator.fetch_committed_offsets([self._tp])).get(self._tp)  # noqa: SLF001

        with _unavailable(f"what the group has committed of {self._tp.topic}[{self._tp.partition}]"):
            return await self._consumer._there(there)  # noqa: SLF001

    async def commit(self, offset: int, metadata: str = "") -> None:
        try:
            await self._consumer._there(lambda client: client.commit({self._tp: (offset, metadata)}))  # noqa: SLF001
        except (CommitFailedError, IllegalStateError) as error:
            raise Fenced(f"{self._tp.topic}[{self._tp.partition}]: the group has given the partition to another before offset {offset} was committed") from error


@contextmanager
def _unavailable(asked: str) -> Iterator[None]:
    """Turn a question that Kafka may answer later into `Unavailable`."""
    try:
        yield
    except KafkaError as error:
        if error.retriable or isinstance(error, KafkaTimeoutError):
            raise Unavailable(f"Kafka does not tell {asked}: {type(error).__name__}") from error
        raise


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
