"""The hop `identify`: touchpoints of every channel, each to the inbox of the lead that its first identifier names.

Stateless: no look-up, so a crash costs nothing but work. It awaits the broker's acks, then commits; what it emits again
after a crash carries the same origin and falls away in the inbox.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from schemas import avro, inbox
from schemas.inbox import ImportReached, Origin, TouchpointArrived
from schemas.touchpoint import IMPORT_REACHED, Touchpoint
from streams import topics, usable
from streams.dead_letters import LIMITS, DeadLetters, Limits
from streams.kafka import Outputs, shared_producer
from streams.lane.hop import GroupOffset, Hop, Pace, ShardFactory
from streams.outcomes import COUNTED, DEAD_LETTERED, IN, Count
from streams.usable import Unusable

NAME: Final = "identify"


def identify_hop(bootstrap: str, *, names: topics.Names, count: Count, limits: Limits = LIMITS, pace: Pace | None = None) -> Hop:
    """Build the hop for the topics that *names* names."""

    @asynccontextmanager
    async def shards() -> AsyncIterator[ShardFactory]:
        async with shared_producer(bootstrap) as producer:
            yield lambda tp, offset: IdentifyShard(tp, offset, producer, names=names, count=count, limits=limits)

    return Hop(
        name=NAME,
        group=names.group(NAME),
        topics=tuple(names.topic(topic) for topic in topics.TOUCHPOINTS),
        writes=(names.topic(topics.INBOX), names.topic(topics.DEAD_LETTERS)),
        shards=shards,
        newer=avro.newer,
        pace=pace or Pace(),
    )


class IdentifyShard:
    """One partition of one channel's touchpoints."""

    def __init__(
        self, tp: TopicPartition, offset: GroupOffset, producer: AIOKafkaProducer, *, names: topics.Names, count: Count, limits: Limits = LIMITS
    ) -> None:
        self._group = offset
        self._outputs = Outputs(producer)
        self._inbox = names.topic(topics.INBOX)
        self._partitions = topics.BY_NAME[topics.INBOX].partitions
        self._log = topics.log_number(names.base(tp.topic), tp.partition)
        self._dead = DeadLetters(self._outputs, hop=NAME, tp=tp, topic=names.topic(topics.DEAD_LETTERS), limits=limits)
        self._count = count
        self._next = 0

    async def open(self) -> int | None:
        return None

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        fresh = [record for record in records if record.offset >= self._next]  # an interrupted call's are added
        good = told = 0
        for record in fresh:
            touchpoint = usable.touchpoint(record.value)
            if isinstance(touchpoint, Unusable):
                self._dead.healthy(good - told)
                told = good
                self._dead.put(record, touchpoint)
            else:
                self._send_on(touchpoint, record.offset)
                good += 1
            self._next = record.offset + 1
        self._dead.healthy(good - told)
        self._count(NAME, IN, len(fresh))
        self._count(NAME, COUNTED, good)
        self._count(NAME, DEAD_LETTERED, len(fresh) - good)
        await self._outputs.flush()

    async def commit(self) -> None:
        await self._outputs.acked()
        await self._group.commit(self._next)

    async def idle(self, now: int) -> None:
        """Time asks nothing of a hop without state."""

    async def drop(self) -> None:
        self._outputs.forget()

    def _send_on(self, touchpoint: Touchpoint, offset: int) -> None:
        """To the lead that it names; a mark of an import to everybody."""
        if touchpoint.kind == IMPORT_REACHED:
            self._pass_mark(touchpoint, offset)
            return
        key = touchpoint.identifiers()[0].encode()
        if touchpoint.contact:  # personal data ends here: the inbox decides without it
            touchpoint = msgspec.structs.replace(touchpoint, contact={})
        value = inbox.encode(TouchpointArrived(Origin(self._log, offset, 0), touchpoint))
        self._outputs.add(self._inbox, topics.partition_of(key, self._partitions), key, value)

    def _pass_mark(self, touchpoint: Touchpoint, offset: int) -> None:
        ended = touchpoint.properties.get("ended") == "true"
        for partition in range(self._partitions):
            origin = Origin(self._log, offset, partition)
            mark = ImportReached(origin, touchpoint.import_id or "", touchpoint.occurred_at, round=0, ended=ended)
            self._outputs.add(self._inbox, partition, None, inbox.encode(mark))
