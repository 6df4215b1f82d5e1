"""Kafka's client in the shapes that hops need: outputs, fenced commits, a changelog read back.

What the client library raises is turned into this package's errors here; see `streams.errors`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError
from aiokafka.structs import TopicPartition

from streams.errors import Fenced, Misconfigured, Refused, Unavailable

log = logging.getLogger(__name__)

Output: TypeAlias = tuple[str, int, bytes | None, bytes | None]  # topic, partition, key, value (None: a tombstone)

BATCH_BYTES: Final = 256 * 1024
RECORD_BYTES_MAX: Final = 4 * 1024 * 1024
ENVELOPE_BYTES: Final = 64 * 1024  # what a dead letter adds to the bytes it keeps, at most
IN_FLIGHT_MAX: Final = 64  # batches a shard may have sent and not seen acknowledged
RESTORE_FETCH_BYTES: Final = 4 * 1024 * 1024
STOP_WITHIN_S: Final = 1.5


class Outputs:
    """One shard's records on their way out: in whole batches, bounded, and acknowledged together.

    At most `IN_FLIGHT_MAX` batches are under way; `flush` waits for the broker beyond that, however long it is away.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._open: dict[tuple[str, int], Any] = {}
        self._full: list[tuple[str, int, Any]] = []
        self._in_flight: set[asyncio.Future[Any]] = set()

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Put a record into its batch; nothing is sent before `flush`. Raise `Refused` if no topic takes it."""
        refuse_giant(topic, partition, value)
        batch = self._open.get((topic, partition))
        if batch is not None and batch.append(key=key, value=value, timestamp=None) is not None:
            return
        if batch is not None:
            self._full.append((topic, partition, batch))
        batch = self._open[topic, partition] = self._producer.create_batch()
        batch.append(key=key, value=value, timestamp=None)

    async def flush(self) -> None:
        """Send what was added, in order per partition, as fast as the broker acknowledges; raise `Fenced` if it will not."""
        ready = self._full + [(topic, partition, batch) for (topic, partition), batch in self._open.items()]
        self._full, self._open = [], {}
        for topic, partition, batch in ready:
            while len(self._in_flight) >= IN_FLIGHT_MAX:
                await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
                self._settle()
            self._in_flight.add(await _send_batch(self._producer, topic, partition, batch))
        if len(self._in_flight) > IN_FLIGHT_MAX // 2:
            self._settle()

    async def acked(self) -> None:
        """Send what was added and wait until the broker has acknowledged everything; raise `Fenced` if it will not."""
        await self.flush()
        if self._in_flight:
            await asyncio.wait(self._in_flight)
        self._settle()

    def forget(self) -> None:
        """Let go of what is under way; whether it arrives no longer matters."""
        for ack in self._in_flight:
            ack.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _settle(self) -> None:
        for ack in [ack for ack in self._in_flight if ack.done()]:
            self._in_flight.discard(ack)
            if error := ack.exception():
                raise Fenced(f"an output was not accepted: {type(error).__name__}") from error


class FencedProducer:
    """A shard's producer: at most one in the world per *transactional_id* can commit, the one started last.

    So state and offset move together or not at all, and a former owner that wakes up is refused by the broker.
    """

    def __init__(self, bootstrap: str, *, transactional_id: str, group: str) -> None:
        self._bootstrap = bootstrap
        self._id = transactional_id
        self._group = group
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Fence any former owner: after this, none of its transactions is under way and none can begin."""
        if self._producer is None:
            made = new_producer(self._bootstrap, transactional_id=self._id)
            await _start(made, self._bootstrap)
            self._producer = made

    async def commit(self, records: Iterable[Output], *, source: TopicPartition, offset: int) -> None:
        """Write *records* and the group's *offset* of *source* (the next to handle) in one transaction.

        Raise `Fenced` if that failed: whether it did not happen, or did and we were not told, the next owner will know.
        """
        where = f"{source.topic}[{source.partition}]: committing offset {offset} as {self._id}"
        producer = self._producer
        if producer is None:
            raise Fenced(f"{where}: not started")
        try:
            await producer.begin_transaction()
            # One partition after the other: the broker verifies each partition's first batch with the coordinator, and of
            # two at once it refuses one (as NotEnoughReplicas), which is sent again a tenth of a second later.
            for (topic, partition), batches in _batches(producer, records).items():
                acks = [await _send_batch(producer, topic, partition, batch) for batch in batches]
                await asyncio.gather(*acks)  # aiokafka would commit although one had failed, and without it
            await producer.send_offsets_to_transaction({source: offset}, self._group)
            await producer.commit_transaction()
        except (KafkaError, AssertionError) as error:  # It asserts that a producer once fenced begins nothing.
            raise Fenced(f"{where}: {type(error).__name__}") from error

    async def stop(self) -> None:
        """Close the connections; an open transaction is aborted by the next owner's start."""
        if self._producer is not None:
            await _stop(self._producer)
            self._producer = None


@asynccontextmanager
async def shared_producer(bootstrap: str, **settings: Any) -> AsyncIterator[AIOKafkaProducer]:
    """Run the producer that a hop's shards share for their outputs."""
    made = new_producer(bootstrap, **settings)
    await _start(made, bootstrap)
    try:
        yield made
    finally:
        await _stop(made)


def new_producer(bootstrap: str, **settings: Any) -> AIOKafkaProducer:
    """Return a producer that does not repeat or reorder on its own; the caller starts and stops it."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=BATCH_BYTES, max_request_size=RECORD_BYTES_MAX, **settings
    )


async def restore(bootstrap: str, topic: str, partition: int) -> dict[bytes, bytes]:
    """Read a compacted partition from its beginning to its end as of now: the newest value per key, without tombstones.

    Only committed records count. Fence the former owner first, or it may still be writing.
    """
    tp = TopicPartition(topic, partition)
    held: dict[bytes, bytes] = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=RESTORE_FETCH_BYTES,
    )
    try:
        await _start(consumer, bootstrap)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, ()):
                if record.value is None:
                    held.pop(record.key, None)
                else:
                    held[record.key] = record.value
    except KafkaError as error:
        raise Unavailable(f"{topic}[{partition}] could not be read back: {type(error).__name__}") from error
    finally:
        await consumer.stop()
    return held


def refuse_giant(topic: str, partition: int, value: bytes | None) -> None:
    """Raise `Refused` for what no topic takes: after sending it would fail the whole batch, at every retry."""
    if value is not None and len(value) > RECORD_BYTES_MAX:
        raise Refused(f"a record of {len(value)} bytes for {topic}[{partition}] is larger than the {RECORD_BYTES_MAX} bytes a topic takes")


def _batches(producer: AIOKafkaProducer, records: Iterable[Output]) -> dict[tuple[str, int], list[Any]]:
    """*records* in as few batches as hold them, by topic and partition, in their order. Raise `Refused` for a giant."""
    found: dict[tuple[str, int], list[Any]] = {}
    for topic, partition, key, value in records:
        refuse_giant(topic, partition, value)
        batches = found.setdefault((topic, partition), [])
        if not batches or batches[-1].append(key=key, value=value, timestamp=None) is None:
            batches.append(producer.create_batch())
            batches[-1].append(key=key, value=value, timestamp=None)
    return found


async def _send_batch(producer: AIOKafkaProducer, topic: str, partition: int, batch: Any) -> asyncio.Future[Any]:
    """Submit a batch and return its ack, however long the broker is away; it is sent at once, without linger."""
    batch.close()
    while True:
        try:
            ack: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
        except KafkaTimeoutError:  # The one before it could not leave yet.
            log.warning("%s[%d]: no room for outputs, the broker is slow or away; still trying", topic, partition)
        except UnknownTopicOrPartitionError as error:
            raise Misconfigured(f"there is no topic {topic} to write to: create it") from error
        except KafkaError as error:
            raise Fenced(f"{topic}[{partition}]: outputs can no longer be sent: {type(error).__name__}") from error
        else:
            return ack


async def started(start: Coroutine[Any, Any, None]) -> None:
    """Await the *start* of a client. Cancelled, it lets the start come to its end first, for a while.

    aiokafka forgets the connection that it bootstraps by where that is cancelled: nobody could close it any more.
    """
    starting = asyncio.ensure_future(start)
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=STOP_WITHIN_S)
        if not starting.cancel() and not starting.cancelled():
            starting.exception()  # asked for, so that nobody misses it
        raise


async def _start(client: AIOKafkaProducer | AIOKafkaConsumer, bootstrap: str) -> None:
    try:
        await started(client.start())
    except (KafkaError, OSError) as error:
        await _stop(client)
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {type(error).__name__}") from error
    except asyncio.CancelledError:
        await _stop(client)
        raise


async def _stop(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a client; one whose broker is away would flush for ever, so its connections are closed after a while."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_WITHIN_S):
            await client.stop()
            return
    log.info("a Kafka client did not stop in time")
