"""What the sink's topics hold after the bench's traffic: made by the pure core, in the proportions of the real pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processors.partition import Effects, Partition
from schemas.avro import encode_fact, encode_profile, encode_transition
from schemas.facts import StageChanged
from schemas.inbox import Origin, TouchpointArrived
from schemas.transition import Transition
from streams import topics
from streams.score import logs, read_model
from tests.bench.input import PARTITIONS, Input, Sent, lead_of, published

MODEL = "b2b"
COMMIT_EVERY = 4_000
"""Touchpoints between two commits of the scorer, each of which writes the profiles that have changed."""
READ = (topics.WEB, topics.EVENTS, topics.TRANSITIONS, topics.PROFILES)


@dataclass(frozen=True, kw_only=True)
class Held:
    """The records of one topic in their order; those from `warm_up` on are measured."""

    topic: str
    records: Sequence[Sent]
    warm_up: int

    @property
    def measured(self) -> int:
        return len(self.records) - self.warm_up


def held(traffic: Input) -> Mapping[str, Held]:
    """Decide *traffic* and return what each topic of READ then holds."""
    records: dict[str, list[Sent]] = {topic: [] for topic in READ}
    warm: dict[str, int] = {}
    partitions = [Partition(p, logs=logs(), read_model=read_model) for p in range(PARTITIONS)]
    for partition in partitions:
        for _ in partition.apply(None, published(MODEL), 0, Effects()) or ():
            pass
        partition.changes(1)
    for n, (touchpoint, sent) in enumerate(zip(traffic.touchpoints, traffic.avro, strict=True)):
        if n % COMMIT_EVERY == 0 or n == traffic.warm_up:
            _commit(partitions, n + 1, records[topics.PROFILES])
        if n == traffic.warm_up:
            warm = {topic: len(told) for topic, told in records.items()}
        records[topics.WEB].append(sent)
        out, lead_id = Effects(), lead_of(touchpoint)
        partitions[sent.partition].apply(lead_id, TouchpointArrived(Origin(sent.partition, n, 0), touchpoint), n + 1, out)
        for fact, at, index in out.facts:
            where = {"partition": sent.partition, "offset": at, "index": index}
            records[topics.EVENTS].append(Sent(sent.partition, sent.key, encode_fact(fact, **where)))
            if isinstance(fact, StageChanged):
                told = encode_transition(Transition.of(fact, **where))
                records[topics.TRANSITIONS].append(Sent(sent.partition, sent.key, told))
    _commit(partitions, len(traffic.touchpoints) + 1, records[topics.PROFILES])
    return {topic: Held(topic=topic, records=told, warm_up=warm[topic]) for topic, told in records.items()}


def _commit(partitions: Sequence[Partition], offset: int, told: list[Sent]) -> None:
    for p, partition in enumerate(partitions):
        _, profiles = partition.changes(offset)
        told += [Sent(p, profile.lead_id.encode(), encode_profile(profile)) for profile in profiles]
