"""Deciding the past anew: the hop `score` over the inbox, into topics of its own beside the live ones, up to an end.

The same shards as the live hop's, driven here without a group. Committed as it goes: a replay that was interrupted goes
on where it stopped.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams import topics
from streams.broker import committed
from streams.errors import OffsetsLost, Unavailable
from streams.kafka import started
from streams.lane.hop import Shard
from streams.lane.partition import lost
from streams.outcomes import Count
from streams.score import NAME, Home, score_hop
from streams.topics import Names

COMMIT_EVERY_S: Final = 1.0
BATCH_MAX: Final = 4_000
FETCH_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """What one partition of the inbox holds for a replay: the next offset to decide, and the end as of its start."""

    start: int
    end: int


class _NoGroup:
    """The group's offset where there is no group: shards of `score` commit theirs with their state."""

    async def read(self) -> OffsetAndMetadata | None:
        return None

    async def commit(self, offset: int, metadata: str = "") -> None:  # noqa: ARG002 - the protocol's
        raise AssertionError("a replay commits by its shards' transactions only")


class Replay:
    """One replay, named by `names.replay`."""

    def __init__(self, bootstrap: str, names: Names, *, count: Count) -> None:
        assert names.replay
        self._bootstrap = bootstrap
        self._names = names
        self._hop = score_hop(Home(bootstrap=bootstrap, names=names, count=count))
        self._inbox = names.topic(topics.INBOX)

    async def run(self, *, progress: Callable[[int, int], None]) -> Mapping[int, Span]:
        """Decide everything up to the inbox's end as of now; *progress* is told records decided and records in all.

        Raises OffsetsLost where the inbox no longer holds its beginning, Unavailable, Fenced by a replay of this name.
        """
        async with self._consumer() as consumer:
            spans = await self._spans(consumer)
        whole, done = sum(span.end - span.start for span in spans.values()), 0
        progress(done, whole)

        def tell(records: int) -> None:
            nonlocal done
            done += records
            progress(done, whole)

        async with self._hop.shards() as shard_of:
            # Not where nothing is to be read: aiokafka cannot stop a consumer that has not done anything yet.
            news = [(tp, span) for tp, span in spans.items() if span.start < span.end]
            await _all([self._decide(shard_of(tp, _NoGroup()), tp, span=span, tell=tell) for tp, span in news])
        return {tp.partition: span for tp, span in spans.items()}

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", enable_auto_commit=False,
            auto_offset_reset="none", max_partition_fetch_bytes=FETCH_BYTES,
        )  # fmt: skip
        try:
            await started(consumer.start())
            yield consumer
        except (KafkaError, OSError) as error:
            raise Unavailable(f"Kafka at {self._bootstrap} stopped answering: {type(error).__name__}; start the replay again, it goes on") from error
        finally:
            await consumer.stop()

    async def _decide(self, shard: Shard, tp: TopicPartition, *, span: Span, tell: Callable[[int], None]) -> None:
        """Decide one partition from its span's start to its end, and commit."""
        try:
            await shard.open()
            async with self._consumer() as consumer:
                consumer.assign([tp])
                consumer.seek(tp, span.start)
                due, dirty = time.monotonic() + COMMIT_EVERY_S, False
                while await consumer.position(tp) < span.end:
                    fetched = (await consumer.getmany(tp, timeout_ms=1_000, max_records=BATCH_MAX)).get(tp, [])
                    records = [record for record in fetched if record.offset < span.end]
                    if records:
                        await shard.handle(records)
                        dirty = True
                        tell(len(records))
                    if dirty and time.monotonic() >= due:
                        await shard.commit()
                        due, dirty = time.monotonic() + COMMIT_EVERY_S, False
                if dirty:
                    await shard.commit()
        finally:
            await shard.drop()

    async def _spans(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, Span]:
        tps = [TopicPartition(self._inbox, partition) for partition in range(topics.BY_NAME[topics.INBOX].partitions)]
        known = await committed(self._bootstrap, self._names.group(NAME), tps)
        firsts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        spans = {tp: Span(start=known[tp].offset if tp in known else 0, end=ends[tp]) for tp in tps}
        for tp, span in spans.items():
            if not firsts[tp] <= span.start <= span.end:
                missing: OffsetsLost = lost(tp, span.start, first=firsts[tp], end=span.end)
                raise OffsetsLost(f"a replay needs the inbox from its beginning: {missing}")
        return spans


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of *work* at once; the first that fails ends the others, and is raised as it is."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def live_end(bootstrap: str, names: Names, spans: Mapping[int, Span]) -> dict[int, int]:
    """Up to where of the replayed inbox the live hop has decided too, by partition: what can be compared."""
    live = Names(prefix=names.prefix)
    tps = [TopicPartition(live.topic(topics.INBOX), partition) for partition in spans]
    known = await committed(bootstrap, live.group(NAME), tps)
    return {tp.partition: min(spans[tp.partition].end, known[tp].offset if tp in known else 0) for tp in tps}
