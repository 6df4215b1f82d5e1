"""Watching what comes out: leads as they are decided, stage changes as sales sees them, and whether all is decided."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from processors.imports import ROUNDS
from processors.model.scoring_model import VISITOR
from schemas import inbox
from schemas.avro import decode_transition, fact_row
from schemas.inbox import ImportReached, UndecodableRecord
from schemas.transition import Transition
from streams import identify, score, topics
from streams.errors import Unavailable
from streams.kafka import started
from streams.reading import partitions_of, read, reader
from streams.topics import Names

SETTLED_WITHIN: Final = timedelta(seconds=90)
_LOOK_EVERY_S: Final = 0.1
_WATCHED: Final = (topics.EVENTS, topics.TRANSITIONS, topics.INBOX)
_PARTITIONS: Final = topics.BY_NAME[topics.INBOX].partitions
_OUTCOMES: Final = ("touchpoint_counted", "touchpoint_duplicated")


@dataclass(slots=True)
class Seen:
    """What has been seen so far, each fact and transition once, whatever was published twice after a crash."""

    leads: dict[str, str] = field(default_factory=dict)  # by id, the stage; those that turned out to be another are left out
    decided: int = 0  # touchpoints that were counted or found to be duplicates
    stage_changes: int = 0
    first_transition: float | None = None  # time.monotonic()
    listeners: list[Callable[[Transition], None]] = field(default_factory=list)
    marks: dict[tuple[str, int], set[tuple[int, int]]] = field(default_factory=dict)  # (import, until): (partition, from log)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: set[str] = field(default_factory=set)

    def by_stage(self) -> Counter[str]:
        """How many leads are in each stage."""
        return Counter(self.leads.values())

    def fact(self, value: bytes) -> None:
        """Take a fact."""
        row = fact_row(value)
        if row["fact_id"] in self._ids:
            return
        self._ids.add(row["fact_id"])
        lead_id: str = row["lead_id"]
        match row["fact"]:
            case "lead_forwarded":
                self.leads.pop(lead_id, None)
            case "stage_changed":
                self.leads[lead_id] = row["to_stage"]
                self.stage_changes += 1
            case "touchpoint_duplicated":  # of a lead that may be another by now
                self.decided += 1
            case kind:
                self.leads.setdefault(lead_id, VISITOR)
                self.decided += kind in _OUTCOMES

    def transition(self, value: bytes) -> None:
        """Take a transition."""
        made = decode_transition(value)
        if made.transition_id in self._ids:
            return
        self._ids.add(made.transition_id)
        self.first_transition = self.first_transition or time.monotonic()
        for listener in self.listeners:
            listener(made)

    def control(self, partition: int, value: bytes) -> None:
        """Take a control record of the inbox: the last round of an import's marks says what is decided from here on."""
        with suppress(UndecodableRecord):
            record = inbox.decode(value)
            if isinstance(record, ImportReached) and record.round == ROUNDS:
                self.marks.setdefault((record.import_id, record.until), set()).add((partition, record.origin.log))


class Watch:
    """An open watch over one installation."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, names: Names, *, alive: Callable[[], object]) -> None:
        self.seen = Seen()
        self._alive = alive
        self._following = asyncio.create_task(self._follow())
        self._consumer = consumer
        self._admin = admin
        self._names = names
        self._watched = partitions_of(names, _WATCHED)
        self._take = {
            names.topic(topics.EVENTS): lambda record: self.seen.fact(record.value),
            names.topic(topics.TRANSITIONS): lambda record: self.seen.transition(record.value),
            names.topic(topics.INBOX): self._take_mail,
        }

    async def _follow(self) -> None:
        """Take whatever comes, for ever."""
        async for batch in read(self._consumer, self._watched, follow=True):
            for record in batch:
                self._take[record.topic](record)
            self.seen.news.set()
            await asyncio.sleep(0)

    def _take_mail(self, record: Any) -> None:
        if record.key is None:  # mail has a key, control records have none
            self.seen.control(record.partition, record.value)

    async def reached(self, import_id: str, until: int, *, decided: int) -> None:
        """Return once the import has reached *until* in every partition's log and *decided* touchpoints are decided.

        Whatever is sent now lies behind the mark everywhere: next week's mail, which may tell who is who, finds this
        week decided, and a run can be repeated. No commit is waited for: the order of the log is enough. Raises Unavailable.
        """
        marks = self.seen.marks.setdefault((import_id, until), set())
        await self._until(lambda: len(marks) == _PARTITIONS * _PARTITIONS and self.seen.decided >= decided)
        await self._caught_up()

    async def settled(self) -> None:
        """Return once nothing is left to decide, all of it is committed, and was seen here. Raises Unavailable."""
        until = time.monotonic() + SETTLED_WITHIN.total_seconds()
        while not await self._is_settled():
            self._look(until)
            await asyncio.sleep(_LOOK_EVERY_S)
        await self._caught_up()

    async def stop(self) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])

    async def _until(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + SETTLED_WITHIN.total_seconds()
        while not holds():
            self._look(until)
            self.seen.news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.seen.news.wait(), _LOOK_EVERY_S)

    async def _caught_up(self) -> None:
        """Wait until all that is in the topics now has been seen."""
        until = time.monotonic() + SETTLED_WITHIN.total_seconds()
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(self._watched)
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
            self._look(until)
            await asyncio.sleep(_LOOK_EVERY_S / 5)

    def _look(self, until: float) -> None:
        """Raise what has ended the watching or a process, and Unavailable once it is *until*."""
        if self._following.done():
            self._following.result()
        self._alive()
        if time.monotonic() > until:
            raise Unavailable(f"what was sent is not decided after {SETTLED_WITHIN.total_seconds():.0f} s: do the workers run?")

    async def _is_settled(self) -> bool:
        """Whether no record is left to decide.

        A hop commits behind the acks of all that its records led to, so: where it had committed everything, and the ends
        are read after the commits, nothing is on its way. `identify` comes first, for it writes what `score` reads.
        """
        return await self._is_done(identify.NAME, topics.TOUCHPOINTS) and await self._is_done(score.NAME, (topics.INBOX,))

    async def _is_done(self, hop: str, read_topics: Collection[str]) -> bool:
        tps = partitions_of(self._names, read_topics)
        known = await self._admin.list_consumer_group_offsets(self._names.group(hop), partitions=tps)
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(tps)
        return all(ends[tp] == 0 or (tp in known and known[tp].offset >= ends[tp]) for tp in tps)


@asynccontextmanager
async def watch(bootstrap: str, names: Names, *, alive: Callable[[], object]) -> AsyncIterator[Watch]:
    """Watch the installation as long as the context lives. *alive* raises why a process that is needed cannot run."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with reader(bootstrap, [names.topic(topic) for topic in _WATCHED]) as consumer:
        try:
            await started(admin.start())
            watching = Watch(consumer, admin, names, alive=alive)
            try:
                yield watching
            finally:
                await watching.stop()
        except KafkaError as error:
            raise Unavailable(f"Kafka at {bootstrap} stopped answering: {type(error).__name__}") from error
        finally:
            await admin.close()
