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

from schemas import inbox
from schemas.avro import Undecodable, decode_touchpoint
from schemas.inbox import ImportReached, Origin, TouchpointArrived
from schemas.touchpoint import IMPORT_REACHED, Touchpoint
from streams import topics
from streams.dead_letters import DeadLetters
from streams.kafka import Outputs, shared_producer
from streams.lane.hop import GroupOffset, Hop, Pace, ShardFactory
from streams.outcomes import COUNTED, DEAD_LETTERED, IN, Count

NAME: Final = "identify"


def identify_hop(bootstrap: str, *, names: topics.Names, count: Count, pace: Pace | None = None) -> Hop:
    """Build the hop for the topics that *names* names."""

    @asynccontextmanager
    async def shards() -> AsyncIterator[ShardFactory]:
        async with shared_producer(bootstrap) as producer:
            yield lambda tp, offset: IdentifyShard(tp, offset, producer, names=names, count=count)

    return Hop(
        name=NAME,
        group=names.group(NAME),
        topics=tuple(names.topic(topic) for topic in topics.TOUCHPOINTS),
        writes=(names.topic(topics.INBOX), names.topic(topics.DEAD_LETTERS)),
        shards=shards,
        pace=pace or Pace(),
    )


class IdentifyShard:
    """One partition of one channel's touchpoints."""

    def __init__(
        self, tp: TopicPartition, offset: GroupOffset, producer: AIOKafkaProducer, *, names: topics.Names, count: Count
    ) -> None:
        self._group = offset
        self._outputs = Outputs(producer)
        self._inbox = names.topic(topics.INBOX)
        self._partitions = topics.BY_NAME[topics.INBOX].partitions
        self._log = topics.log_number(names.base(tp.topic), tp.partition)
        self._dead = DeadLetters(self._outputs, hop=NAME, tp=tp, topic=names.topic(topics.DEAD_LETTERS))
        self._count = count
        self._next = 0

    async def open(self) -> int | None:
        return None

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        fresh = [record for record in records if record.offset >= self._next]  # an interrupted call's are added
        usable = 0
        for record in fresh:
            usable += self._identify(record)
            self._next = record.offset + 1
        self._count(NAME, IN, len(fresh))
        self._count(NAME, COUNTED, usable)
        self._count(NAME, DEAD_LETTERED, len(fresh) - usable)
        await self._outputs.flush()

    async def commit(self) -> None:
        await self._outputs.acked()
        await self._group.commit(self._next)

    async def idle(self, now: int) -> None:
        """Time asks nothing of a hop without state."""

    async def drop(self) -> None:
        self._outputs.forget()

    def _identify(self, record: ConsumerRecord) -> bool:
        """Send one record on; False if it went to the dead letters instead."""
        try:
            touchpoint = decode_touchpoint(record.value)
        except Undecodable as error:
            self._dead.put(record, reason="undecodable", detail=str(error))
            return False
        identifiers = touchpoint.identifiers()
        if touchpoint.kind == IMPORT_REACHED:
            self._pass_mark(touchpoint, record.offset)
        elif identifiers:
            self._deliver(identifiers[0], touchpoint, record.offset)
        else:
            self._dead.put(record, reason="no_identity", detail="visitor_id, crm_id and email_hash are all absent")
            return False
        self._dead.healthy()
        return True

    def _deliver(self, lead_id: str, touchpoint: Touchpoint, offset: int) -> None:
        if touchpoint.contact:  # personal data ends here: the inbox decides without it
            touchpoint = msgspec.structs.replace(touchpoint, contact={})
        key = lead_id.encode()
        value = inbox.encode(TouchpointArrived(Origin(self._log, offset, 0), touchpoint))
        self._outputs.add(self._inbox, topics.partition_of(key, self._partitions), key, value)

    def _pass_mark(self, touchpoint: Touchpoint, offset: int) -> None:
        ended = touchpoint.properties.get("ended") == "true"
        for partition in range(self._partitions):
            origin = Origin(self._log, offset, partition)
            mark = ImportReached(origin, touchpoint.import_id or "", touchpoint.occurred_at, round=0, ended=ended)
            self._outputs.add(self._inbox, partition, None, inbox.encode(mark))
