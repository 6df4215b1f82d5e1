"""Whether a replay tells what was told live: facts and transitions, their ids and their bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from schemas.avro import FACT, TRANSITION, Undecodable
from streams import topics
from streams.errors import Refused
from streams.reading import read
from streams.topics import Names

CHECKED: Final = {topics.EVENTS: ("fact_id", FACT), topics.TRANSITIONS: ("transition_id", TRANSITION)}
"""What is compared: the field that holds the id, and the codec."""
DIFFERENCES_MAX: Final = 20
"""Differences that are told; the rest is counted."""

Row = dict[str, Any]
Place = tuple[int, int, str]  # offset in the inbox, index there, id


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One record that is not the same on both sides; on a side where it is not at all it is None."""

    topic: str
    id: str
    live: Row | None
    replayed: Row | None

    @property
    def fields(self) -> list[str]:
        """The names of the fields that differ; all, where one side has none."""
        live, replayed = self.live or {}, self.replayed or {}
        return sorted(name for name in live.keys() | replayed.keys() if live.get(name) != replayed.get(name))


@dataclass(kw_only=True, slots=True)
class Comparison:
    """How many records are the same by topic, how many are not, and the first of those."""

    same: dict[str, int]
    different: int
    first: list[Difference]


async def compare(consumer: AIOKafkaConsumer, names: Names, until: Mapping[int, int]) -> Comparison:
    """Compare what was decided from the inbox before the offset *until*, by partition.

    What was sent again after a crash is there twice, and must be the same twice: raises Refused if it is not.
    """
    found = Comparison(same=dict.fromkeys(CHECKED, 0), different=0, first=[])
    live_names = Names(prefix=names.prefix)
    for partition, end in until.items():  # one at a time, so that memory holds one partition's
        tps = {(side, topic): TopicPartition(side.topic(topic), partition) for side in (live_names, names) for topic in CHECKED}
        told = await _told(consumer, {tp: topic for (_, topic), tp in tps.items()}, end=end)
        for topic in CHECKED:
            _note(found, topic, live=told[tps[live_names, topic]], replayed=told[tps[names, topic]])
    return found


def _note(found: Comparison, topic: str, *, live: dict[Place, bytes], replayed: dict[Place, bytes]) -> None:
    _, codec = CHECKED[topic]
    for place in sorted(live.keys() | replayed.keys()):
        one, other = live.get(place), replayed.get(place)
        if one == other:
            found.same[topic] += 1
            continue
        found.different += 1
        if len(found.first) < DIFFERENCES_MAX:
            rows = {"live": None if one is None else codec.read(one), "replayed": None if other is None else codec.read(other)}
            found.first.append(Difference(topic=topic, id=place[2], **rows))


async def _told(consumer: AIOKafkaConsumer, tps: Mapping[TopicPartition, str], *, end: int) -> dict[TopicPartition, dict[Place, bytes]]:
    """What partitions of the topology's topics hold that was decided before the inbox's offset *end*."""
    told: dict[TopicPartition, dict[Place, bytes]] = {tp: {} for tp in tps}
    async for batch in read(consumer, list(tps)):
        for record in batch:
            tp = TopicPartition(record.topic, record.partition)
            name, codec = CHECKED[tps[tp]]
            where = f"{tp.topic}[{tp.partition}] at offset {record.offset}"
            try:
                row = codec.read(record.value)
            except Undecodable as error:
                raise Refused(f"{where}: {error}") from error
            place = (row["offset"], row["index"], row[name])
            if row["offset"] < end and told[tp].setdefault(place, record.value) != record.value:
                raise Refused(f"{where}: {name} {row[name]} was told before from the same position with other bytes")
    return told
