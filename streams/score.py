"""The hop `score`: shards of the inbox. State and offset are committed together, in one fenced transaction a second.

Facts, transitions and mail go out at once and outside the transaction, so latency is milliseconds; the commit first
awaits their acks. After a crash they are decided again from the committed state and sent again byte for byte.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from processors.imports import Logs
from processors.model.file import load
from processors.model.problems import ModelProblems
from processors.model.scoring_model import ScoringModel
from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import encode_fact, encode_profile, encode_transition
from schemas.facts import StageChanged
from schemas.inbox import InboxRecord, Tick
from schemas.state import UnreadableState
from schemas.transition import Transition
from streams import clock, topics, usable
from streams.dead_letters import LIMITS, DeadLetters, Limits
from streams.errors import Misconfigured, OffsetsLost
from streams.kafka import FencedProducer, Output, Outputs, restore, shared_producer
from streams.lane.hop import GroupOffset, Hop, Pace, ShardFactory
from streams.outcomes import DEAD_LETTERED, IN, Count
from streams.usable import Unusable

NAME: Final = "score"
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """Where the hop lives: the broker, the names of its topics, who counts, whether it only replays, and when it stops."""

    bootstrap: str
    names: topics.Names
    count: Count
    limits: Limits = LIMITS

    @property
    def partitions(self) -> int:
        return topics.BY_NAME[topics.INBOX].partitions


def score_hop(home: Home, *, pace: Pace | None = None) -> Hop:
    """Build the hop."""

    @asynccontextmanager
    async def shards() -> AsyncIterator[ShardFactory]:
        async with shared_producer(home.bootstrap) as producer:
            # A replay begins without a group, where it was interrupted by its own reckoning.
            yield lambda tp, offset: ScoreShard(tp, producer, home, offset=None if home.names.replay else offset)

    names = home.names
    return Hop(
        name=NAME,
        group=names.group(NAME),
        topics=(names.topic(topics.INBOX),),
        writes=tuple(
            names.topic(name)
            for name in (topics.EVENTS, topics.TRANSITIONS, topics.PROFILES, topics.STATE, topics.DEAD_LETTERS)
        ),
        shards=shards,
        newer=inbox.newer,
        pace=pace or Pace(),
    )


def logs() -> Logs:
    """The log numbers that an import's marks come through."""
    return Logs(
        touchpoints=frozenset(
            topics.log_number(name, p) for name in topics.TOUCHPOINTS for p in range(topics.BY_NAME[name].partitions)
        ),
        inbox=tuple(topics.log_number(topics.INBOX, p) for p in range(topics.BY_NAME[topics.INBOX].partitions)),
    )


def read_model(text: str) -> ScoringModel:
    """Read a published model; it was checked before, so one that cannot be read was published by another release."""
    try:
        return load(text, name_of_file="the published scoring model")
    except ModelProblems as problems:
        raise Misconfigured(
            f"this release cannot read the scoring model in force: {problems}. Publish a corrected one with the release that wrote it"
        ) from problems


class ScoreShard:
    """One partition of the inbox: its leads, its outputs, its fenced producer."""

    def __init__(self, tp: TopicPartition, producer: AIOKafkaProducer, home: Home, *, offset: GroupOffset | None = None) -> None:
        self._tp = tp
        self._offset = offset
        self._home = home
        self._group = home.names.group(NAME)
        self._outputs = Outputs(producer)
        self._fenced = FencedProducer(
            home.bootstrap, transactional_id=f"{self._group}.{tp.partition}", group=self._group
        )
        self._dead = DeadLetters(self._outputs, hop=NAME, tp=tp, topic=home.names.topic(topics.DEAD_LETTERS), limits=home.limits)
        self._partition = Partition(tp.partition, logs=logs(), read_model=read_model)
        self._next = 0
        self._ticked = False  # a tick of ours is on its way

    async def open(self) -> int | None:
        await self._fenced.start()
        state = self._home.names.topic(topics.STATE)
        forgotten = self._offset is not None and await self._offset.read() is None
        held = await restore(self._home.bootstrap, state, self._tp.partition)
        with self._states():
            for key, value in held.items():
                self._partition.restore(key, value)
        if held and forgotten:
            # They were committed together. Kafka forgets a topic's offsets with the topic, and those of a group that is
            # away for a week; from the beginning again, every model ever published would be in force once more.
            raise OffsetsLost(
                f"{self._tp.topic}[{self._tp.partition}]: the group {self._group} has no offset, though there are states of "
                f"what it had decided: the topic was deleted and made anew, or no worker ran for longer than Kafka keeps "
                "offsets. Set the group's offset by hand to say where to go on, or start a new installation (LEADSTREAM_PREFIX)"
            )
        return None

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        with self._states():
            out = await self._decide(records)
        self._emit(out)
        await self._outputs.flush()

    async def _decide(self, records: Sequence[ConsumerRecord]) -> Effects:
        out = Effects()
        read, decide = usable.mail, self._partition.apply
        good = told = 0
        for record in records:
            if record.offset >= self._next:  # what an interrupted call had decided is decided
                mail = read(record.key, record.value)
                if isinstance(mail, Unusable):
                    self._dead.healthy(good - told)
                    told = good
                    self._set_aside(record, mail, out)
                else:
                    lead_id, said = mail
                    steps = decide(lead_id, said, record.offset, out)
                    if steps is not None:
                        await self._walk(said, steps)
                    good += 1
                self._next = record.offset + 1
        self._dead.healthy(good - told)
        return out

    async def commit(self) -> None:
        partition, names = self._tp.partition, self._home.names
        state, profile = names.topic(topics.STATE), names.topic(topics.PROFILES)
        with self._states():
            records, profiles = self._partition.changes(self._next)
        writes: list[Output] = [(state, partition, key, value) for key, value in records]
        writes += [(profile, partition, p.lead_id.encode(), encode_profile(p)) for p in profiles]
        await self._tick(clock.now_ms())
        await self._outputs.acked()
        await self._fenced.commit(writes, source=self._tp, offset=self._next)

    async def idle(self, now: int) -> None:
        await self._tick(now)
        await self._outputs.acked()

    async def drop(self) -> None:
        self._outputs.forget()
        await self._fenced.stop()

    @contextmanager
    def _states(self) -> Iterator[None]:
        """End the hop where a state cannot be read: at the start, or only when its lead has mail, which decodes it."""
        try:
            yield
        except UnreadableState as error:
            raise Misconfigured(f"{self._home.names.topic(topics.STATE)}[{self._tp.partition}]: {error}") from error

    async def _walk(self, control: InboxRecord, steps: Iterator[None]) -> None:
        """Decide what a control record means for each lead of the partition."""
        if isinstance(control, Tick):
            self._ticked = False
        for _ in steps:
            await asyncio.sleep(0)  # the group's heartbeats and the other shards go on

    def _set_aside(self, record: ConsumerRecord, wrong: Unusable, out: Effects) -> None:
        self._dead.put(record, wrong, model=self._partition.model.id if self._partition.has_model() else None)
        out.counts[IN] += 1
        out.counts[DEAD_LETTERED] += 1

    def _emit(self, out: Effects) -> None:
        """Put what was decided among the outputs. A lead's facts keep its inbox's partition, hence its order."""
        names, partition, add = self._home.names, self._tp.partition, self._outputs.add
        events, transitions = names.topic(topics.EVENTS), names.topic(topics.TRANSITIONS)
        for fact, offset, index in out.facts:
            key = fact.lead_id.encode()
            add(events, partition, key, encode_fact(fact, partition=partition, offset=offset, index=index))
            if isinstance(fact, StageChanged):
                told = Transition.of(fact, partition=partition, offset=offset, index=index)
                add(transitions, partition, key, encode_transition(told))
        if not names.replay:  # a replay finds its mail in the log it reads
            mailbox = names.topic(topics.INBOX)
            for lead_id, mail in out.mail:
                key = lead_id.encode()
                add(mailbox, topics.partition_of(key, self._home.partitions), key, inbox.encode(mail))
            for to, control in out.control:
                add(mailbox, to, None, inbox.encode(control))
        for outcome, records in out.counts.items():
            self._home.count(NAME, outcome, records)

    async def _tick(self, now: int) -> None:
        """Say in the log that time has passed, if that changes a lead here; one tick at a time is on its way."""
        if self._home.names.replay or self._ticked or self._partition.due_at() > now:
            return
        self._ticked = True
        tick = inbox.encode(Tick(now))
        self._outputs.add(self._home.names.topic(topics.INBOX), self._tp.partition, None, tick)
