"""A hop's owned partitions in this process: taken over, fed, finished, let go."""

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from streams.errors import Fenced, OffsetsLost, StreamsError
from streams.lane.health import HopHealth
from streams.lane.hop import REJOIN_WITHIN, GroupOffset, Hop, LaneObserver, ShardFactory
from streams.lane.partition import Partition, Source
from streams.lane.trouble import Troubles

log = logging.getLogger(__name__)

CANCEL_WITHIN_S = 2.0
DROP_WITHIN_S = 2.0


class Feed(Source, Protocol):
    """The consumer of one hop: feeds its partitions and speaks for its group."""

    def group_offset(self, tp: TopicPartition) -> GroupOffset:
        """Return the group's committed offset of *tp*."""


class Lane:
    """The owned partitions of one hop. The first of them that fails, fails the lane: *on_failure* is told once."""

    def __init__(self, hop: Hop, shards: ShardFactory, *, observer: LaneObserver, on_failure: Callable[[BaseException], None]) -> None:
        self.hop = hop
        self.failure: BaseException | None = None
        self._shards = shards
        self._observer = observer
        self._on_failure = on_failure
        self._troubles = Troubles(hop.name)
        self._owned: dict[TopicPartition, tuple[Partition, asyncio.Task[None]]] = {}
        self._dropping: dict[TopicPartition, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._joined = False
        self._joined_at = time.monotonic()

    async def assigned(self, tps: Iterable[TopicPartition], feed: Feed) -> None:
        """Take *tps* over, and nothing else; each opens on its own and is fed from then on."""
        await self.revoked(list(self._owned))
        self._join(joined=True)
        for tp in tps:
            offset = feed.group_offset(tp)
            try:
                shard = self._shards(tp, offset)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
                return self.fail(error, f"hop {self.hop.name}: making the shard of {tp.topic}[{tp.partition}]")
            partition = Partition(tp, shard, hop=self.hop, offset=offset, source=feed, observer=self._observer, troubles=self._troubles)
            living = self._live(partition, after=self._dropping.get(tp))
            self._owned[tp] = partition, asyncio.create_task(living, name=f"{tp.topic}[{tp.partition}]")
            self._observer.assigned(self.hop.name, tp)
        return None

    async def revoked(self, tps: Collection[TopicPartition]) -> None:
        """Stop handling *tps* at once and without a commit; let their shards go in the background.

        Recomputing is safe, writing late is not. The group waits for this call, so it does not wait for a server.
        """
        self._join(joined=False)
        gone = [self._owned.pop(tp) for tp in tps if tp in self._owned]
        for _, task in gone:
            task.cancel()
        if gone:
            await asyncio.wait([task for _, task in gone], timeout=CANCEL_WITHIN_S)
        for partition, _ in gone:
            self._let_go(partition)

    def hungry(self) -> list[TopicPartition]:
        """Return the partitions that take more records now."""
        return [tp for tp, (partition, _) in self._owned.items() if partition.hungry]

    def all_hungry(self) -> bool:
        """Whether nothing can change but by what is fetched."""
        return all(partition.hungry for partition, _ in self._owned.values())

    def offer(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Hand over what was fetched; what is no longer owned is dropped."""
        if tp in self._owned:
            self._owned[tp][0].offer(records)

    def ask_again(self, tp: TopicPartition, *, first: int, end: int) -> None:
        """Seek *tp* again to what it waits for; fail if the log, which holds *first* to *end*, does not hold that."""
        if tp in self._owned:
            partition = self._owned[tp][0]
            try:
                partition.ask_again(first=first, end=end)
            except OffsetsLost as error:
                self.fail(error, partition.where())

    async def finish(self) -> None:
        """Let every partition end its batch in hand and commit, then let the shards go."""
        for partition, _ in self._owned.values():
            partition.finish()
        if tasks := [task for _, task in self._owned.values()]:
            _, late = await asyncio.wait(tasks, timeout=self.hop.pace.stop_within.total_seconds())
            for task in late:
                log.warning("hop %s: %s did not finish in time; its last second will be handled again", self.hop.name, task.get_name())
        await self.abandon()

    async def abandon(self) -> None:
        """Let every shard go without a commit."""
        await self.revoked(list(self._owned))
        if self._dropping:
            await asyncio.wait(self._dropping.values(), timeout=DROP_WITHIN_S)

    def fail(self, error: BaseException, where: str) -> None:
        """End the process without a commit, for this reason. The first reason counts."""
        if self.failure is not None:
            return
        if isinstance(error, KafkaError):  # A producer or a group that cannot go on; nothing here can mend it.
            error = Fenced(f"{where}: Kafka said {type(error).__name__}").with_traceback(error.__traceback__)
        self.failure = error
        if isinstance(error, StreamsError):
            log.error("%s: %s", where, error)
        else:  # The traceback's frames, not the exception's text: it may hold what a record holds.
            log.error("%s: a bug, %s\n%s", where, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        self._on_failure(error)

    def health(self) -> HopHealth:
        """Tell how it goes, for /live and /ready: from any thread, also while the event loop does not turn."""
        owned = self._owned.copy()  # in one step, for it changes meanwhile
        running = asyncio.current_task(self._loop)
        return HopHealth(
            hop=self.hop.name,
            joined=self._joined,
            still_for=timedelta(seconds=time.monotonic() - self._joined_at),
            join_within=self.hop.pace.session_timeout + REJOIN_WITHIN,
            failure=None if self.failure is None else type(self.failure).__name__,
            partitions={tp: partition.health() for tp, (partition, _) in owned.items()},
            running=next((tp for tp, (_, task) in owned.items() if task is running), None),
        )

    def _join(self, *, joined: bool) -> None:
        self._joined_at = time.monotonic()  # first: another thread may look in between
        self._joined = joined

    async def _live(self, partition: Partition, *, after: asyncio.Task[None] | None) -> None:
        try:
            if after is not None:  # The same transactional id must not be opened while its former shard lets go.
                await asyncio.wait([after])
            await partition.live()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
            self.fail(error, partition.where())

    def _let_go(self, partition: Partition) -> None:
        tp = partition.tp
        self._troubles.gone(tp)
        self._observer.revoked(self.hop.name, tp)
        task = asyncio.create_task(self._drop(partition), name=f"drop {self.hop.name} {tp}")
        self._dropping[tp] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self._dropping.get(tp) is done:
                del self._dropping[tp]

        task.add_done_callback(forget)

    async def _drop(self, partition: Partition) -> None:
        with contextlib.suppress(TimeoutError):
            try:
                async with asyncio.timeout(DROP_WITHIN_S):
                    await partition.drop()
            except (StreamsError, KafkaError) as error:
                log.info("%s: while letting go: %s", partition.where(), type(error).__name__)
