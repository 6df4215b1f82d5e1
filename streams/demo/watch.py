"""Watching what comes out: stage changes as they happen, leads as they stand, and whether all that went in is decided."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from processors.imports import ROUNDS
from schemas import inbox
from schemas.avro import decode_profile, decode_transition
from schemas.inbox import ImportReached, UndecodableRecord
from schemas.transition import Transition
from streams import identify, score, topics
from streams.errors import Unavailable
from streams.reading import partitions_of, read, reader
from streams.topics import Names

SETTLED_WITHIN: Final = timedelta(seconds=90)
_LOOK_EVERY_S: Final = 0.1
_WATCHED: Final = (topics.TRANSITIONS, topics.PROFILES, topics.INBOX)
_PARTITIONS: Final = topics.BY_NAME[topics.INBOX].partitions


@dataclass(slots=True)
class Seen:
    """What has been seen so far. `stages` are of leads as they stand; those that turned out to be another are left out."""

    stages: dict[str, str] = field(default_factory=dict)
    transitions: Counter[str] = field(default_factory=Counter)  # by the stage that was entered
    first_transition: float | None = None  # time.monotonic()
    listeners: list[Callable[[Transition], None]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    marks: dict[tuple[str, int], set[tuple[int, int]]] = field(default_factory=dict)  # (import, until): (partition, from log)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def by_stage(self) -> Counter[str]:
        """How many leads are in each stage."""
        return Counter(self.stages.values())

    def transition(self, value: bytes) -> None:
        """Take a transition; one that was published twice counts once."""
        made = decode_transition(value)
        if made.transition_id in self.told:
            return
        self.told.add(made.transition_id)
        self.first_transition = self.first_transition or time.monotonic()
        self.transitions[made.to_stage] += 1
        for listener in self.listeners:
            listener(made)

    def profile(self, key: bytes, value: bytes | None) -> None:
        """Take a profile; the newest of a lead counts, in the order of its partition."""
        profile = None if value is None else decode_profile(value)
        if profile is None or profile.forwarded_to is not None:
            self.stages.pop(key.decode(), None)
        else:
            self.stages[profile.lead_id] = profile.stage

    def control(self, partition: int, value: bytes) -> None:
        """Take a control record of the inbox: the last round of an import's marks says what is decided from here on."""
        with suppress(UndecodableRecord):
            record = inbox.decode(value)
            if isinstance(record, ImportReached) and record.round == ROUNDS:
                self.marks.setdefault((record.import_id, record.until), set()).add((partition, record.origin.log))
                self.news.set()


class Watch:
    """An open watch over one installation."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, names: Names) -> None:
        self.seen = Seen()
        self._consumer = consumer
        self._admin = admin
        self._names = names
        self._watched = partitions_of(names, _WATCHED)
        self._transitions = names.topic(topics.TRANSITIONS)
        self._inbox = names.topic(topics.INBOX)

    async def follow(self) -> None:
        """Take whatever comes, for ever."""
        async for batch in read(self._consumer, self._watched, follow=True):
            for record in batch:
                if record.topic == self._transitions:
                    self.seen.transition(record.value)
                elif record.topic != self._inbox:
                    self.seen.profile(record.key, record.value)
                elif record.key is None:
                    self.seen.control(record.partition, record.value)
            await asyncio.sleep(0)

    async def reached(self, import_id: str, until: int, within: timedelta = SETTLED_WITHIN) -> None:
        """Return once the import has reached *until* in every partition's log: whatever is sent now lies behind it there.

        So the next week's mail, which may tell who is who, finds this week decided, and a run can be repeated. No commit
        is waited for: the order of the log is enough. Raises Unavailable.
        """
        marks = self.seen.marks.setdefault((import_id, until), set())
        try:
            async with asyncio.timeout(within.total_seconds()):
                while len(marks) < _PARTITIONS * _PARTITIONS:
                    self.seen.news.clear()
                    await self.seen.news.wait()
        except TimeoutError:
            raise Unavailable(f"the import has not reached its mark after {within.total_seconds():.0f} s: do the workers run?") from None

    async def settled(self, within: timedelta = SETTLED_WITHIN) -> None:
        """Return once everything in the logs is decided, and what was decided has been seen here. Raises Unavailable."""
        until = time.monotonic() + within.total_seconds()
        while not await self._is_settled():
            if time.monotonic() > until:
                raise Unavailable(f"what was sent is not decided after {within.total_seconds():.0f} s: do the workers run?")
            await asyncio.sleep(_LOOK_EVERY_S)
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(self._watched)
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):  # noqa: ASYNC110 - a fetch ends it
            await asyncio.sleep(_LOOK_EVERY_S)

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
async def watch(bootstrap: str, names: Names) -> AsyncIterator[Watch]:
    """Watch the installation as long as the context lives; what fails in the watching ends it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with reader(bootstrap, [names.topic(topic) for topic in _WATCHED]) as consumer:
        try:
            await admin.start()
            watching = Watch(consumer, admin, names)
            following = asyncio.create_task(watching.follow())
            yield watching
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        except KafkaError as error:
            raise Unavailable(f"Kafka at {bootstrap} stopped answering: {type(error).__name__}") from error
        finally:
            await admin.close()
