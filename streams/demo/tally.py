"""What became of what was sent: counted in the topics, counted again in ClickHouse, and whether it adds up."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from schemas.avro import FACT, decode_dead_letter, decode_profile, decode_touchpoint, decode_transition
from schemas.touchpoint import IMPORT_REACHED
from sinks.clickhouse import ClickHouse
from streams import topics
from streams.collecting import intake
from streams.demo.play import Answered
from streams.reading import partitions_of, read, reader
from streams.topics import Names

DRIFT_MAX: Final = 1e-6
_COUNTED: Final = "touchpoint_counted"
_DUPLICATED: Final = "touchpoint_duplicated"
_ROWS: Final = """
SELECT
    (SELECT count() FROM touchpoints_once WHERE kind != 'import_reached') AS touchpoints,
    (SELECT count() FROM facts_once) AS facts,
    (SELECT count() FROM transitions_once) AS transitions,
    (SELECT count() FROM profiles_once) AS profiles,
    (SELECT count() FROM dead_letters_once) AS dead_letters
"""


@dataclass(slots=True, kw_only=True)
class Held:
    """What the topics hold, each record once, whatever was published twice after a crash."""

    touchpoints: int = 0
    facts: Counter[str] = field(default_factory=Counter)  # by fact
    transitions: Counter[str] = field(default_factory=Counter)  # by the stage entered
    stages: Counter[str] = field(default_factory=Counter)  # leads that are no other
    profiles: int = 0
    rejected: int = 0  # dead letters of the collector
    dead_lettered: int = 0  # of all that comes behind it

    @property
    def counted(self) -> int:
        return self.facts[_COUNTED]

    @property
    def duplicates(self) -> int:
        return self.facts[_DUPLICATED]

    @property
    def leads(self) -> int:
        return self.stages.total()

    def rows(self) -> dict[str, int]:
        """How many rows ClickHouse must hold, by table."""
        return {
            "touchpoints": self.touchpoints, "facts": self.facts.total(), "transitions": self.transitions.total(),
            "profiles": self.profiles, "dead_letters": self.rejected + self.dead_lettered,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What ClickHouse holds, read through the views that analysts read."""

    rows: dict[str, int]
    drift_max: float
    adrift: int
    waiting: int
    unexplained: int
    counted_twice: int


async def held(bootstrap: str, names: Names) -> Held:
    """Read the topics from their beginning to their end as of now. Raises Unavailable."""
    found = Held()
    written = (*topics.TOUCHPOINTS, topics.EVENTS, topics.TRANSITIONS, topics.PROFILES, topics.DEAD_LETTERS)
    async with reader(bootstrap, [names.topic(topic) for topic in written]) as consumer:
        await _count_touchpoints(consumer, names, found)
        await _count_facts(consumer, names, found)
        await _count_profiles(consumer, names, found)
        await _count_letters(consumer, names, found)
    return found


async def _each(consumer: AIOKafkaConsumer, names: Names, wanted: Collection[str], take: Callable[[Any], None]) -> None:
    async for batch in read(consumer, partitions_of(names, wanted)):
        for record in batch:
            take(record)


async def _count_touchpoints(consumer: AIOKafkaConsumer, names: Names, found: Held) -> None:
    def take(record: Any) -> None:
        found.touchpoints += decode_touchpoint(record.value).kind != IMPORT_REACHED

    await _each(consumer, names, topics.TOUCHPOINTS, take)


async def _count_facts(consumer: AIOKafkaConsumer, names: Names, found: Held) -> None:
    facts: dict[str, str] = {}
    transitions: dict[str, str] = {}

    def take(record: Any) -> None:
        if names.base(record.topic) == topics.EVENTS:
            row = FACT.read(record.value)
            facts[row["fact_id"]] = row["fact"]
        else:
            made = decode_transition(record.value)
            transitions[made.transition_id] = made.to_stage

    await _each(consumer, names, (topics.EVENTS, topics.TRANSITIONS), take)
    found.facts, found.transitions = Counter(facts.values()), Counter(transitions.values())


async def _count_profiles(consumer: AIOKafkaConsumer, names: Names, found: Held) -> None:
    newest: dict[bytes, bytes] = {}

    def take(record: Any) -> None:
        if record.value is None:
            newest.pop(record.key, None)
        else:
            newest[record.key] = record.value

    await _each(consumer, names, (topics.PROFILES,), take)
    profiles = [decode_profile(value) for value in newest.values()]
    found.profiles = len(profiles)
    found.stages = Counter(profile.stage for profile in profiles if profile.forwarded_to is None)


async def _count_letters(consumer: AIOKafkaConsumer, names: Names, found: Held) -> None:
    hops: dict[str, str] = {}

    def take(record: Any) -> None:
        letter = decode_dead_letter(record.value)
        hops[letter.letter_id] = letter.hop

    await _each(consumer, names, (topics.DEAD_LETTERS,), take)
    found.rejected = sum(hop == intake.HOP for hop in hops.values())
    found.dead_lettered = len(hops) - found.rejected


def stored(clickhouse: ClickHouse) -> Stored:
    """Ask ClickHouse. Raises the errors of `sinks.errors`."""
    rows = clickhouse.query(_ROWS)[0]
    drift = clickhouse.query("SELECT drift_max, leads_adrift FROM drift_max")[0]
    ledger = clickhouse.query("SELECT waiting, unexplained, counted_twice FROM ledger")[0]
    return Stored(
        rows={name: int(count) for name, count in rows.items()}, drift_max=float(drift["drift_max"] or 0.0),
        adrift=int(drift["leads_adrift"]), waiting=int(ledger["waiting"]), unexplained=int(ledger["unexplained"]),
        counted_twice=int(ledger["counted_twice"]),
    )  # fmt: skip


def row_counts(clickhouse: ClickHouse) -> dict[str, int]:
    """How many rows ClickHouse holds, by table: what is asked again and again while the sink catches up."""
    return {name: int(count) for name, count in clickhouse.query(_ROWS)[0].items()}


def contradictions(answered: Answered, before: Held, after: Held, in_store: Stored) -> list[str]:
    """Every way in which the ledger does not add up, a sentence each; none where it does."""
    came = after.touchpoints - before.touchpoints
    counted, duplicates = after.counted - before.counted, after.duplicates - before.duplicates
    dead = after.dead_lettered - before.dead_lettered
    laws = (
        (answered.sent == answered.accepted + answered.rejected, f"{answered.sent} events sent are not {answered.accepted} accepted and {answered.rejected} rejected"),
        (came == answered.accepted, f"{answered.accepted} events were accepted and {came} touchpoints are in the topics"),
        (came == counted + duplicates + dead, f"{came} touchpoints are not {counted} counted, {duplicates} duplicates and {dead} dead letters"),
        (after.rejected - before.rejected == answered.rejected, f"{answered.rejected} events were rejected and {after.rejected - before.rejected} dead letters say so"),
        (in_store.rows == after.rows(), f"ClickHouse holds {in_store.rows} and the topics hold {after.rows()}"),
        (in_store.drift_max <= DRIFT_MAX, f"a score drifts by {in_store.drift_max}"),
        (in_store.adrift == 0, f"{in_store.adrift} leads are other in their profile than in their facts"),
        (in_store.waiting == 0, f"{in_store.waiting} touchpoints wait still"),
        (in_store.unexplained == 0, f"{in_store.unexplained} outcomes are of touchpoints that never came"),
        (in_store.counted_twice == 0, f"{in_store.counted_twice} touchpoints were counted twice"),
    )  # fmt: skip
    return [sentence for holds, sentence in laws if not holds]
