"""The topology as data: every topic, who writes it, who reads it, how long it lives.

Partition counts are for life: a lead's log is one partition of the inbox, and origins name partitions. To change a
count, start a new epoch (new topics) and replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zlib import crc32

WEB: Final = "touchpoints.web"
EMAIL: Final = "touchpoints.email"
ADS: Final = "touchpoints.ads"
CRM: Final = "touchpoints.crm"
TOUCHPOINTS: Final = (WEB, EMAIL, ADS, CRM)
INBOX: Final = "leads.inbox"
EVENTS: Final = "leads.events"
TRANSITIONS: Final = "leads.transitions"
PROFILES: Final = "leads.profiles"
STATE: Final = "leads.state"
MODELS: Final = "leads.models"
DEAD_LETTERS: Final = "dead-letters"

PARTITIONS_MAX: Final = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """One topic. `retention` None: compacted, the newest record per key stays. A `changelog` belongs to one hop."""

    name: str
    number: int  # names the topic inside origins: for life
    key: str
    value: str
    partitions: int
    retention: timedelta | None
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    personal_data: bool

    @property
    def compacted(self) -> bool:
        return self.retention is None


_MONTH = timedelta(days=30)
_FOR_EVER = timedelta(days=36500)

TOPOLOGY: Final = (
    Topic(name=WEB, number=0, key="identifier", value="Touchpoint, Avro", partitions=8, retention=_MONTH,
          writers=("collect", "dead-letters replay"), readers=("identify", "deliver"), personal_data=True),
    Topic(name=EMAIL, number=1, key="identifier", value="Touchpoint, Avro", partitions=8, retention=_MONTH,
          writers=("collect", "dead-letters replay"), readers=("identify", "deliver"), personal_data=True),
    Topic(name=ADS, number=2, key="identifier", value="Touchpoint, Avro", partitions=8, retention=_MONTH,
          writers=("collect", "dead-letters replay"), readers=("identify", "deliver"), personal_data=True),
    Topic(name=CRM, number=3, key="identifier", value="Touchpoint, Avro", partitions=8, retention=_MONTH,
          writers=("collect", "dead-letters replay"), readers=("identify", "deliver"), personal_data=True),
    Topic(name=INBOX, number=4, key="lead id, or none for control", value="InboxRecord, msgpack", partitions=8,
          retention=_MONTH, writers=("identify", "score", "model publish"), readers=("score",), personal_data=True),
    Topic(name=EVENTS, number=5, key="lead id", value="Fact, Avro", partitions=8, retention=_FOR_EVER,
          writers=("score",), readers=("deliver",), personal_data=False),
    Topic(name=TRANSITIONS, number=6, key="lead id", value="Transition, Avro", partitions=8, retention=_FOR_EVER,
          writers=("score",), readers=("deliver", "sales tooling"), personal_data=False),
    Topic(name=PROFILES, number=7, key="lead id", value="LeadProfile, Avro", partitions=8, retention=None,
          writers=("score",), readers=("deliver", "sales tooling"), personal_data=True),
    Topic(name=STATE, number=8, key="lead id, or @partition", value="Mailbox, msgpack", partitions=8, retention=None,
          writers=("score",), readers=("score",), personal_data=True),
    Topic(name=MODELS, number=9, key="name@version", value="the model's YAML", partitions=1, retention=None,
          writers=("model publish",), readers=("model show",), personal_data=False),
    Topic(name=DEAD_LETTERS, number=10, key="source", value="DeadLetter, Avro", partitions=4, retention=_MONTH,
          writers=("collect", "identify", "score", "deliver"), readers=("deliver", "dead-letters"), personal_data=True),
)

BY_NAME: Final = {topic.name: topic for topic in TOPOLOGY}


def log_number(topic: str, partition: int) -> int:
    """Name one partition of one topic as a small number, for origins. The topology's numbers are for life."""
    return BY_NAME[topic].number * PARTITIONS_MAX + partition


def other_counts(found: Mapping[str, int], expected: Mapping[str, int]) -> str | None:
    """Say which topics of those *found* have another number of partitions than *expected*, and what to do; None if none."""
    wrong = [
        f"{name} has {count} partitions, the topology says {expected[name]}"
        for name, count in sorted(found.items())
        if count != expected.get(name, count)
    ]
    if not wrong:
        return None
    return (
        "; ".join(wrong) + ". A lead's log is one partition for life, so counts never change: "
        "start a new installation (LEADSTREAM_PREFIX) and replay into it, or restore the topics"
    )


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, for every topic that we write: CRC-32, a tenth of the cost of Kafka's murmur2 in Python."""
    return crc32(key) % partitions


@dataclass(frozen=True, slots=True)
class Names:
    """Names of topics and groups in this installation.

    *prefix* keeps installations on one cluster apart. *replay* names a rebuild: it reads the inbox and writes facts,
    transitions, profiles and state of its own beside the live ones, and nothing into the inbox.
    """

    prefix: str = ""
    replay: str = ""

    def topic(self, name: str) -> str:
        """The name of one of the topology's topics here."""
        rebuilt = self.replay and name in (EVENTS, TRANSITIONS, PROFILES, STATE)
        return f"{self.prefix}{name}.{self.replay}" if rebuilt else f"{self.prefix}{name}"

    def partitions(self) -> dict[str, int]:
        """How many partitions each of the topology's topics has, by their names here."""
        return {self.topic(topic.name): topic.partitions for topic in TOPOLOGY}

    def base(self, topic: str) -> str:
        """The topology's name of a topic here."""
        name = topic.removeprefix(self.prefix)
        return name.removesuffix(f".{self.replay}") if self.replay else name

    def group(self, hop: str) -> str:
        """The consumer group of a hop, also the stem of its transactional ids."""
        return f"{self.prefix}leadstream.{hop}" + (f".{self.replay}" if self.replay else "")
