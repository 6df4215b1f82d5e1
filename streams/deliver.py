"""The hop `deliver`: what the topics say, into ClickHouse.

An offset is committed after ClickHouse has acknowledged the rows up to it, so a crash repeats rows and loses none; what
is repeated has the same key and is seen once. A record that no row can be made of, or whose row ClickHouse refuses, goes
to the dead letters, acknowledged before the commit.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas import avro
from schemas.avro import Undecodable
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.errors import SinkError
from sinks.load import Refusal
from sinks.rows import Row
from streams import topics
from streams.dead_letters import LIMITS, DeadLetters, Limits
from streams.errors import Misconfigured
from streams.kafka import Outputs, shared_producer
from streams.lane.hop import GroupOffset, Hop, Pace, ShardFactory
from streams.outcomes import DEAD_LETTERED, GIVEN_BACK, IN, RECORDED, Count
from streams.recorder import Bounds, Recorder
from streams.usable import Unusable

NAME: Final = "deliver"
AT_ONCE: Final = 250
"""Records decoded before the event loop gets its turn: about 5 ms."""

log = logging.getLogger(__name__)

TABLES: Final = {
    **dict.fromkeys(topics.TOUCHPOINTS, rows.TOUCHPOINTS),
    topics.EVENTS: rows.FACTS,
    topics.TRANSITIONS: rows.TRANSITIONS,
    topics.PROFILES: rows.PROFILES,
    topics.DEAD_LETTERS: rows.DEAD_LETTERS,
}

# A commit waits for the load in hand, up to a second in which its partition stands still: so it is not asked for every
# second. Sixty partitions wait with one small fetch each.
PACE: Final = Pace(commit_every=timedelta(seconds=3), waiting_max=1, fetch_bytes_max=1 << 19)


def deliver_hop(
    bootstrap: str,
    *,
    names: topics.Names,
    connect: Callable[[], ClickHouse],
    count: Count,
    limits: Limits = LIMITS,
    pace: Pace = PACE,
    bounds: Bounds | None = None,
) -> Hop:
    """Build the hop; *connect* prepares a connection to the database that records (`sinks.clickhouse.connect`)."""

    @asynccontextmanager
    async def shards() -> AsyncIterator[ShardFactory]:
        try:
            recorder = Recorder(connect, bounds or Bounds())
        except SinkError as error:
            raise Misconfigured(str(error)) from error
        async with shared_producer(bootstrap) as producer, recorder.running():
            yield lambda tp, offset: DeliverShard(tp, offset, producer, recorder=recorder, names=names, count=count, limits=limits)

    return Hop(
        name=NAME,
        group=names.group(NAME),
        topics=tuple(names.topic(topic) for topic in TABLES),
        writes=(names.topic(topics.DEAD_LETTERS),),
        shards=shards,
        newer=avro.newer,
        pace=pace,
    )


class DeliverShard:
    """One partition of one topic."""

    def __init__(
        self,
        tp: TopicPartition,
        offset: GroupOffset,
        producer: AIOKafkaProducer,
        *,
        recorder: Recorder,
        names: topics.Names,
        count: Count,
        limits: Limits = LIMITS,
    ) -> None:
        self._table = TABLES[names.base(tp.topic)]
        self._group = offset
        self._outputs = Outputs(producer)
        self._dead = DeadLetters(self._outputs, hop=NAME, tp=tp, topic=names.topic(topics.DEAD_LETTERS), limits=limits)
        self._recorder = recorder
        self._count = count
        self._next = 0
        self._load = 0  # the one that holds the last row
        self._usable = 0  # rows since the last commit

    async def open(self) -> int | None:
        await self._recorder.ready()
        return None

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        for start in range(0, len(records), AT_ONCE):
            await self._recorder.room()
            self._take([record for record in records[start : start + AT_ONCE] if record.offset >= self._next])
            await asyncio.sleep(0)
        await self._outputs.flush()

    async def commit(self) -> None:
        await self._recorder.written(self._load)
        refusals = self._recorder.refusals(self)
        for refusal in refusals:
            self._set_aside(refusal)
        await self._outputs.acked()
        await self._group.commit(self._next)
        self._count(NAME, RECORDED, self._usable - len(refusals))
        self._count(NAME, DEAD_LETTERED, len(refusals))
        self._usable = 0

    async def idle(self, now: int) -> None:
        """Time asks nothing of a hop without state."""

    async def drop(self) -> None:
        self._recorder.refusals(self)
        self._outputs.forget()
        self._count(NAME, GIVEN_BACK, self._usable)

    def _take(self, records: Sequence[ConsumerRecord]) -> None:
        """Hand over what rows can be made of, and put the rest among the dead letters."""
        made: list[Row] = []
        sources: list[ConsumerRecord] = []
        usable = told = 0
        for record in records:
            self._next = record.offset + 1
            try:
                row = self._row(record)
            except Undecodable as error:
                self._dead.healthy(usable - told)
                told = usable
                self._dead.put(record, Unusable("undecodable", str(error)))
                self._count(NAME, DEAD_LETTERED, 1)
                continue
            usable += 1
            if row is not None:
                made.append(row)
                sources.append(record)
        self._dead.healthy(usable - told)
        self._usable += usable
        if made:
            self._load = self._recorder.put(self._table, made, sources, owner=self)
        self._count(NAME, IN, len(records))

    def _row(self, record: ConsumerRecord) -> Row | None:
        """The row of *record*; None for a tombstone, which has none. Raises Undecodable."""
        if record.value is None and self._table is rows.PROFILES and record.key is not None:
            try:
                self._load = self._recorder.forget(record.key.decode(), record.offset)
            except UnicodeDecodeError:
                raise Undecodable("the record's key is not UTF-8") from None
            return None
        return self._table.read(record.value, record)

    def _set_aside(self, refusal: Refusal[ConsumerRecord]) -> None:
        record = refusal.source
        if refusal.table is rows.DEAD_LETTERS:
            # A letter about it would be refused as well, and so would the letter about that one.
            where = f"{record.topic}[{record.partition}] at offset {record.offset}"
            log.error("%s: this dead letter stays in the topic only: %s", where, refusal.detail)
        else:
            self._dead.put(record, Unusable("refused_by_clickhouse", refusal.detail), was_healthy=True)
