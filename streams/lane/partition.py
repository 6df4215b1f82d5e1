"""The life of one owned partition: open, then handle, commit and idle in turn, until it is finished or revoked.

One task does all of it, so a shard never sees two calls at once, and while one partition waits for acks or for a server
that is away, the others go on. What arrives meanwhile waits here (bounded) and becomes the next batch.
"""

import asyncio
import logging
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Protocol, TypeVar

from aiokafka.structs import ConsumerRecord, TopicPartition

from streams import clock
from streams.errors import OffsetsLost, Unavailable
from streams.lane.health import PartitionHealth
from streams.lane.hop import GroupOffset, Hop, LaneObserver, Shard
from streams.lane.trouble import Troubles

log = logging.getLogger(__name__)

IDLE_EVERY_S = 1.0
_offset_of = attrgetter("offset")
T = TypeVar("T")


class Source(Protocol):
    """What a partition asks of the consumer that feeds it."""

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Let the next fetch of *tp* begin at *offset*."""

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the first offset in the log of *tp* and the one after the last."""

    async def unread(self, tp: TopicPartition) -> int | None:
        """Return how many offsets of *tp* the consumer has yet to fetch; None before the first answer."""


class _Stopped(Exception):
    """The partition shall finish while its step waits for a server that is away."""


class Partition:
    """One owned partition, its shard and its position."""

    def __init__(
        self, tp: TopicPartition, shard: Shard, *, hop: Hop, offset: GroupOffset, source: Source, observer: LaneObserver, troubles: Troubles
    ) -> None:
        self.tp = tp
        self._shard = shard
        self._hop = hop
        self._offset = offset
        self._source = source
        self._observer = observer
        self._troubles = troubles
        self._opened = False
        self._doing = "opening"
        self._trouble: str | None = None
        self._lag: int | None = None
        self._progressed_at = time.monotonic()
        self._waiting: list[Sequence[ConsumerRecord]] = []
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._next = 0  # the next offset to hand over
        self._expected = 0  # the next offset to arrive
        self._hole_at = -1
        self._dirty = False

    # What the lane asks and tells.

    @property
    def hungry(self) -> bool:
        """Whether it takes more records now."""
        return self._opened and not self._stopping.is_set() and len(self._waiting) < self._hop.pace.waiting_max

    def offer(self, records: Sequence[ConsumerRecord]) -> None:
        """Take what was fetched: drop what is behind, and ask again where something is missing.

        A fetch that was under way during a rebalance or a seek arrives too early or too late, and what an earlier
        assignment had fetched is lost to this one. So a gap is asked for once more; if the log answers with the same
        gap, it has a hole there (compaction, an aborted transaction).
        """
        if not self._opened or self._stopping.is_set():
            return  # Opening seeks, and what a finishing partition does not take is not committed.
        first = records[0].offset
        if first > self._expected and self._hole_at != self._expected:
            self._hole_at = self._expected
            self._source.seek(self.tp, self._expected)
            return
        if first < self._expected:
            records = records[bisect_left(records, self._expected, key=_offset_of) :]
        if records:
            self._expected = records[-1].offset + 1
            self._waiting.append(records)
            self._arrived.set()

    def ask_again(self, *, first: int, end: int) -> None:
        """Seek to what should arrive next; raise `OffsetsLost` if the log, which holds *first* to *end*, does not hold it."""
        if self._opened:
            if not first <= self._expected <= end:
                raise lost(self.tp, self._expected, first=first, end=end)
            self._source.seek(self.tp, self._expected)

    def finish(self) -> None:
        """Ask it to handle no more than the batch in hand, commit and end."""
        self._stopping.set()
        self._arrived.set()

    def health(self) -> PartitionHealth:
        """Tell how it does, from any thread."""
        trouble = self._trouble  # before the instant: what is over has moved it
        still = timedelta(seconds=time.monotonic() - self._progressed_at)
        return PartitionHealth(opened=self._opened, doing=self._doing, lag=self._lag, still_for=still, trouble=trouble)

    def where(self) -> str:
        """Name the position for a person: topic, partition, offset."""
        return f"hop {self._hop.name}: {self.tp.topic}[{self.tp.partition}] at offset {self._next}, while {self._doing}"

    # Its life.

    async def live(self) -> None:
        """Open the shard, then serve it until `finish`; return with everything handled committed."""
        try:
            await self._open()
            commit_due = idle_due = time.monotonic()
            commit_due += self._first_commit_in()
            while True:
                batch = await self._next_batch(until=min(commit_due, idle_due) if self._dirty else idle_due)
                if batch:
                    await self._handle(batch)
                if self._dirty and (self._stopping.is_set() or time.monotonic() >= commit_due):
                    await self._commit()
                    commit_due = time.monotonic() + self._hop.pace.commit_every.total_seconds()
                if self._stopping.is_set():
                    return
                if time.monotonic() >= idle_due:
                    await self._idle()
                    idle_due = time.monotonic() + IDLE_EVERY_S
        except _Stopped:
            if not self._opened:  # nothing was handled
                return
            log.warning("%s: stopped while waiting; what came after the last commit will be handled again", self.where())

    async def drop(self) -> None:
        """Let the shard go."""
        await self._shard.drop()

    def _first_commit_in(self) -> float:
        """Spread the commits of a worker's partitions over the second, or all of them wait for the broker at once."""
        share: float = (1 + self.tp.partition % 8) / 8
        return share * self._hop.pace.commit_every.total_seconds()

    async def _open(self) -> None:
        began = time.monotonic()
        start = await self._insist(self._shard.open)
        if start is None:
            committed = await self._insist(self._offset.read)
            start = None if committed is None else committed.offset
        first, end = await self._insist(lambda: self._source.bounds(self.tp))
        if start is None:
            start = first
        elif not first <= start <= end:
            raise lost(self.tp, start, first=first, end=end)
        self._next = self._expected = start
        self._source.seek(self.tp, start)
        self._opened = True
        self._progress()
        self._observer.opened(self._hop.name, self.tp, time.monotonic() - began)

    async def _next_batch(self, *, until: float) -> Sequence[ConsumerRecord]:
        """Wait *until* then at most; return what waits, cut to one batch: empty if nothing came or it shall finish."""
        if not self._waiting and not self._stopping.is_set():
            self._arrived.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._arrived.wait()
            except TimeoutError:
                return ()
        if self._stopping.is_set() or not self._waiting:
            return ()
        if len(self._waiting) == 1:
            whole = self._waiting.pop()
        else:
            whole = [record for fetch in self._waiting for record in fetch]
            self._waiting.clear()
        most = self._hop.pace.batch_max
        if len(whole) > most:
            self._waiting.append(whole[most:])
        return whole[:most]

    async def _handle(self, batch: Sequence[ConsumerRecord]) -> None:
        self._doing = f"handling {len(batch)} records up to offset {batch[-1].offset}"
        began = time.monotonic()
        await self._insist(lambda: self._shard.handle(batch))
        self._next = batch[-1].offset + 1
        self._dirty = True
        self._progress()
        self._observer.batch(self._hop.name, self.tp, len(batch), time.monotonic() - began)

    async def _commit(self) -> None:
        self._doing = "committing"
        began = time.monotonic()
        await self._insist(self._shard.commit)
        self._dirty = False
        self._progress()
        self._observer.commit(self._hop.name, self.tp, time.monotonic() - began)

    async def _idle(self) -> None:
        """Measure the lag; if there is none, let the shard do what time asks for."""
        unread = await self._source.unread(self.tp)
        if unread is None:
            return
        self._lag = unread + sum(map(len, self._waiting))
        self._observer.lag(self._hop.name, self.tp, self._lag)
        if self._lag == 0:
            self._doing = "idling"
            await self._insist(lambda: self._shard.idle(clock.now_ms()))
            self._progress()

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat *step* while a server it needs is away, ever more slowly; raise `_Stopped` if it shall finish."""
        pause = self._hop.pace.retry_first.total_seconds()
        while True:
            try:
                done = await step()
            except Unavailable as away:
                if self._trouble is None:
                    self._troubles.met(self.tp, str(away), where=self.where())
                self._trouble = str(away)
                self._observer.unavailable(self._hop.name, self.tp)
            else:
                if self._trouble is not None:
                    self._troubles.over(self.tp)
                    self._progressed_at = time.monotonic()  # or, no longer excused, it would count as stuck
                self._trouble = None
                return done
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
                raise _Stopped
            except TimeoutError:
                pause = min(2 * pause, self._hop.pace.retry_longest.total_seconds())

    def _progress(self) -> None:
        self._doing = "waiting for records"
        self._progressed_at = time.monotonic()


def lost(tp: TopicPartition, start: int, *, first: int, end: int) -> OffsetsLost:
    """Say which range is missing, and what the operator can do."""
    name = f"{tp.topic}[{tp.partition}]"
    if start > end:
        return OffsetsLost(
            f"{name}: offset {start} should be read next, but the log ends at {end}: the topic was made anew or cut. "
            f"Restore the log, or set the group's offset by hand to say where to go on"
        )
    return OffsetsLost(
        f"{name}: offsets {start} to {first - 1} were not handled and are no longer in the log: retention removed them, "
        f"the log begins at {first}. Restore them, or set the group's offset by hand to {first} to go on without them"
    )
