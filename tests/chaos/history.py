"""The checker: what became of every event, from the client's log, the topics and ClickHouse alone.

It shares the schemas with the product, and for the expected facts the pure core (`processors`), folded over the inbox
without Kafka, batches or crashes. Scores are summed here once more, by the formula.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord, TopicPartition
from clickhouse_driver import Client as ClickHouseClient

from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import (
    FACT,
    TRANSITION,
    Undecodable,
    decode_dead_letter,
    decode_profile,
    decode_touchpoint,
    encode_fact,
    encode_transition,
)
from schemas.facts import StageChanged
from schemas.inbox import LeadAbsorbed, TouchpointArrived, UndecodableRecord
from schemas.profile import LeadProfile
from schemas.state import PARTITION_KEY, decode_mailbox
from schemas.transition import Transition
from streams import score, topics

LEGAL = {(one, other) for one in ("visitor", "mql", "sql", "customer", "disqualified") for other in ("visitor", "mql", "sql", "customer", "disqualified") if one != other}
TOLD_MAX = 12
"""Problems of one kind that are told; the rest is counted."""

Place = tuple[int, int, int]  # partition of the inbox, offset there, index of the fact


@dataclass
class Found:
    """What the checker found; `ok` when nothing is off."""

    events: int = 0  # answered 200, each id once
    unanswered: int = 0
    counted: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    facts: int = 0
    facts_again: int = 0  # sent again after a crash, byte for byte
    transitions: int = 0
    leads: int = 0
    lost: int = 0
    double: int = 0
    score_diff_max: float = 0.0
    illegal_transitions: int = 0
    ledger_ok: bool = True
    problems: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems and not self.lost and not self.double and not self.illegal_transitions and self.ledger_ok and self.score_diff_max <= 1e-9

    def off(self, kind: str, what: object = "") -> None:
        self.problems[kind] += 1
        if self.problems[kind] <= TOLD_MAX:
            self.told.append(f"{kind}: {what}")


@dataclass
class Topics:
    """Every record of one installation, by topic of the topology and partition, in the order of the log."""

    records: Mapping[str, Mapping[int, Sequence[ConsumerRecord]]]
    decided: Mapping[int, int]
    """By partition of the inbox, the offset up to which `score` has committed: the last tick may lie beyond it."""

    def all(self, *names: str) -> Iterable[ConsumerRecord]:
        for name in names:
            for partition in sorted(self.records[name]):
                yield from self.records[name][partition]


def read_topics(bootstrap: str, names: topics.Names) -> Topics:
    return asyncio.run(_read(bootstrap, names))


async def _read(bootstrap: str, names: topics.Names) -> Topics:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )  # fmt: skip
    await admin.start()
    await consumer.start()
    try:
        known = await admin.list_consumer_group_offsets(names.group(score.NAME))
        wanted = {TopicPartition(names.topic(t.name), p): (t.name, p) for t in topics.TOPOLOGY for p in range(t.partitions)}
        consumer.assign(list(wanted))
        ends = await consumer.end_offsets(list(wanted))
        found: dict[str, dict[int, list[ConsumerRecord]]] = {t.name: {p: [] for p in range(t.partitions)} for t in topics.TOPOLOGY}
        left = {tp for tp in wanted if await consumer.position(tp) < ends[tp]}
        while left:
            for tp, batch in (await consumer.getmany(*left, timeout_ms=500)).items():
                name, partition = wanted[tp]
                found[name][partition] += [record for record in batch if record.offset < ends[tp]]
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
        return Topics(found, {tp.partition: each.offset for tp, each in known.items()})
    finally:
        await consumer.stop()
        await admin.close()


@dataclass
class Told:
    """What the client wrote down, merged by event: whether it was ever answered 200."""

    events: dict[str, bool]
    bad: dict[str, bool]


def read_client(log: Path) -> Told:
    told = Told({}, {})
    with log.open() as lines:
        for line in lines:
            attempt = json.loads(line)
            for kept, ids in ((told.events, attempt["ids"]), (told.bad, attempt["bad"])):
                for each in ids:  # 400: nothing in it was of use, and that is written, too
                    kept[each] = kept.get(each, False) or attempt["status"] in (200, 400)
    return told


@dataclass
class Folded:
    """What the pure core makes of the inbox."""

    facts: dict[Place, bytes] = field(default_factory=dict)
    transitions: dict[Place, bytes] = field(default_factory=dict)
    mail: Counter[tuple[int, str, bytes]] = field(default_factory=Counter)
    leads: dict[str, Any] = field(default_factory=dict)
    profiles: dict[str, LeadProfile] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)


def fold(found: Topics) -> Folded:
    """Decide every record of the inbox once more, partition by partition, in the order of its log."""
    folded = Folded()
    for number, records in found.records[topics.INBOX].items():
        partition = Partition(number, logs=score.logs(), read_model=score.read_model)
        out = Effects()
        for record in records:
            if record.offset >= found.decided.get(number, 0):
                break
            try:
                mail = inbox.decode(record.value)
            except UndecodableRecord:
                continue
            lead_id = None if record.key is None else record.key.decode()
            for _ in partition.apply(lead_id, mail, record.offset, out) or ():
                pass
        for fact, offset, index in out.facts:
            at = {"partition": number, "offset": offset, "index": index}
            folded.facts[number, offset, index] = encode_fact(fact, **at)
            if isinstance(fact, StageChanged):
                folded.transitions[number, offset, index] = encode_transition(Transition.of(fact, **at))
        for lead_id, mail in out.mail:
            folded.mail[topics.partition_of(lead_id.encode(), topics.BY_NAME[topics.INBOX].partitions), lead_id, inbox.encode(mail)] += 1
        folded.outcomes.update(out.counts)
        states, profiles = partition.changes(records[-1].offset + 1 if records else 0)
        folded.leads |= {key.decode(): decode_mailbox(value).lead for key, value in states if key != PARTITION_KEY}
        folded.profiles |= {profile.lead_id: profile for profile in profiles}
    return folded


@dataclass(frozen=True)
class Evidence:
    """All that the check reads. *poison*: unusable records that were put into topics by hand, by position."""

    topics: Topics
    told: Told
    clickhouse: ClickHouseClient
    poison: Mapping[tuple[str, int, int], bytes]
    names: topics.Names

    def check(self) -> Found:
        """Compare all with all."""
        return _check(self.topics, self.told, self.clickhouse, poison=self.poison, names=self.names)


def _check(found: Topics, told: Told, clickhouse: ClickHouseClient, *, poison: Mapping[tuple[str, int, int], bytes], names: topics.Names) -> Found:
    result = Found(events=sum(told.events.values()), unanswered=sum(not answered for answered in told.events.values()))
    folded = fold(found)
    facts = _check_facts(result, found, folded)
    transitions = _check_transitions(result, found, folded, facts)
    letters = _check_letters(result, found, told, poison, names)
    _check_events(result, found, told, facts, letters)
    _check_mail(result, found, folded)
    _check_scores(result, found, folded, facts)
    _check_clickhouse(result, found, clickhouse, facts=facts, transitions=transitions, letters=letters, poison=poison)
    return result


def _distinct(result: Found, records: Iterable[ConsumerRecord], codec: Any, what: str) -> dict[Place, tuple[dict[str, Any], bytes]]:
    """The records by place, each once; sent again they must be the same bytes."""
    rows: dict[Place, tuple[dict[str, Any], bytes]] = {}
    newest: dict[str, tuple[int, int]] = {}
    for record in records:
        row = codec.read(record.value)
        place = (row["partition"], row["offset"], row["index"])
        if record.partition != row["partition"]:
            result.off(f"a {what} of another partition's log", place)
        if place in rows:
            result.facts_again += what == "fact"
            if rows[place][1] != record.value:
                result.off(f"a {what} sent again with other bytes", place)
            continue
        rows[place] = row, record.value
        if newest.get(row["lead_id"], (-1, -1)) > place[1:]:
            result.off(f"a {what} out of its lead's order", place)
        newest[row["lead_id"]] = place[1:]
    return rows


def _check_facts(result: Found, found: Topics, folded: Folded) -> dict[Place, dict[str, Any]]:
    rows = _distinct(result, found.all(topics.EVENTS), FACT, "fact")
    for place in folded.facts.keys() - rows.keys():
        result.off("a fact is missing in leads.events", place)
        result.lost += 1
    for place, (_, value) in rows.items():
        if place not in folded.facts:
            result.off("a fact that the fold does not know", place)
        elif folded.facts[place] != value:
            result.off("a fact other than the fold's", place)
    ids = Counter(row["fact_id"] for row, _ in rows.values())
    for fact_id, times in ids.items():
        if times > 1:
            result.off("a fact's id at two places", fact_id)
    result.facts = len(rows)
    return {place: row for place, (row, _) in sorted(rows.items())}


def _check_transitions(result: Found, found: Topics, folded: Folded, facts: Mapping[Place, dict[str, Any]]) -> set[str]:
    rows = _distinct(result, found.all(topics.TRANSITIONS), TRANSITION, "transition")
    for place in folded.transitions.keys() - rows.keys():
        result.off("a transition is missing in leads.transitions", place)
        result.lost += 1
    for place, (row, value) in rows.items():
        if folded.transitions.get(place) != value:
            result.off("a transition other than the fold's", place)
        if facts.get(place, {}).get("transition_id") != row["transition_id"]:
            result.off("a transition without its fact", place)
    ids = Counter(row["transition_id"] for row, _ in rows.values())
    result.double += sum(times - 1 for times in ids.values())
    stage: dict[str, str] = {}
    for _, (row, _) in sorted(rows.items()):
        if (row["from_stage"], row["to_stage"]) not in LEGAL or stage.get(row["lead_id"], "visitor") != row["from_stage"]:
            result.illegal_transitions += 1
        stage[row["lead_id"]] = row["to_stage"]
    result.transitions = len(ids)
    return set(ids)


def _check_letters(
    result: Found, found: Topics, told: Told, poison: Mapping[tuple[str, int, int], bytes], names: topics.Names
) -> dict[str, Any]:
    letters = {letter.letter_id: letter for letter in map(decode_dead_letter, (record.value for record in found.all(topics.DEAD_LETTERS)))}
    at_the_door = Counter(json.loads(letter.body)["properties"]["marker"] for letter in letters.values() if letter.hop == "collect")
    for marker, answered in told.bad.items():
        if answered and not at_the_door[marker]:
            result.off("an unusable event that is no dead letter", marker)
            result.lost += 1
    # The sink reads every topic, too: what a hop cannot read, it cannot either, and says so with a letter of its own.
    by_position = {(letter.hop, names.base(letter.topic), letter.partition, letter.offset): letter for letter in letters.values() if letter.topic}
    for (topic, partition, offset), body in poison.items():
        hop = "score" if topic == topics.INBOX else "identify"
        letter = by_position.pop((hop, topic, partition, offset), None)
        if letter is None or letter.body != body:
            result.off("a poison record that is no dead letter, or another's bytes", (topic, partition, offset))
        by_position.pop(("deliver", topic, partition, offset), None)
    for position in by_position:
        result.off("a dead letter about a good record", position)
    result.dead_letters = len(letters)
    return letters


def _check_events(result: Found, found: Topics, told: Told, facts: Mapping[Place, dict[str, Any]], letters: Mapping[str, Any]) -> None:
    """One in is exactly one of counted, duplicate, dead-lettered; counted once at most."""
    came: Counter[str] = Counter()
    for record in found.all(*topics.TOUCHPOINTS):
        try:
            came[decode_touchpoint(record.value).event_id] += 1
        except Undecodable:
            continue
    counted = Counter(row["event_id"] for row in facts.values() if row["fact"] == "touchpoint_counted")
    repeated = Counter(row["event_id"] for row in facts.values() if row["fact"] == "touchpoint_duplicated")
    for event, answered in told.events.items():
        if answered and not came[event]:
            result.off("answered 200 and not in Kafka", event)
        if answered and not counted[event]:
            result.lost += 1
            result.off("answered 200 and not counted", event)
        if counted[event] > 1:
            result.double += counted[event] - 1
            result.off("counted twice", event)
    for event in came.keys() | counted.keys() | repeated.keys():
        if event not in told.events:
            result.off("an event that nobody sent", event)
        if came[event] != counted[event] + repeated[event]:
            result.ledger_ok = False
            result.off("in is not counted and duplicate", (event, came[event], counted[event], repeated[event]))
    result.counted, result.duplicates = counted.total(), repeated.total()


def _check_mail(result: Found, found: Topics, folded: Folded) -> None:
    """What identify and the leads sent is in the inbox, and nothing else: once, or again with the same origin."""
    logs = {topics.log_number(name, p): (name, p) for name in topics.TOUCHPOINTS for p in range(topics.BY_NAME[name].partitions)}
    arrived: dict[tuple[int, int], set[str]] = defaultdict(set)
    forwarded: set[tuple[int, str, bytes]] = set()
    for record in found.all(topics.INBOX):
        try:
            mail = inbox.decode(record.value)
        except UndecodableRecord:
            continue
        if record.key is None:
            continue
        key = record.key.decode()
        if isinstance(mail, TouchpointArrived | LeadAbsorbed) and mail.origin.log in logs:
            arrived[mail.origin.log, mail.origin.offset].add(key)
        else:
            forwarded.add((record.partition, key, bytes(record.value)))
    for name in topics.TOUCHPOINTS:
        for partition, records in found.records[name].items():
            for record in records:
                try:
                    lead = decode_touchpoint(record.value).identifiers()[0]
                except Undecodable:
                    continue
                if arrived.pop((topics.log_number(name, partition), record.offset), set()) != {lead}:
                    result.off("a touchpoint that did not reach its inbox", (name, partition, record.offset))
    for where in arrived:
        result.off("mail from a touchpoint that is none", where)
    for mail in folded.mail.keys() - forwarded:
        result.off("mail of a lead that did not arrive", mail[:2])
    for mail in forwarded - folded.mail.keys():
        result.off("mail that no lead sent", mail[:2])


def _check_scores(result: Found, found: Topics, folded: Folded, facts: Mapping[Place, dict[str, Any]]) -> None:
    """Sum points by the formula, and compare with the profiles, the changelog and the fold."""
    profiles = {record.key.decode(): decode_profile(record.value) for record in found.all(topics.PROFILES) if record.value is not None}
    states = {record.key.decode(): record.value for record in found.all(topics.STATE) if record.key != PARTITION_KEY}
    sums: dict[str, list[Any]] = defaultdict(list)
    stage: dict[str, str] = {}
    for row in facts.values():  # by partition and place, so by lead in the order of its log
        if row["fact"] == "lead_forwarded" and row["handed_over"]:
            sums[row["lead_id"]].clear()
        elif row["fact"] == "stage_changed":
            stage[row["lead_id"]] = row["to_stage"]
        sums[row["lead_id"]] += row["sums"] or ()
    for lead_id, lead in folded.leads.items():
        state = states.get(lead_id)
        if state is None or decode_mailbox(state).lead != lead:
            result.off("the changelog's lead is not the fold's", lead_id)
        if (profile := profiles.get(lead_id)) is None:
            if lead.touches:
                result.off("a lead without a profile", lead_id)
            continue
        if profile.stage != lead.stage or profile.touches != lead.touches or profile.forwarded_to != lead.forwarded_to:
            result.off("a profile that is not the fold's", lead_id)
        if profile.forwarded_to is None:
            total = sum(each["points"] * (2 ** -((profile.as_of - each["as_of"]) / 1000 / each["half_life_s"]) if each["half_life_s"] else 1) for each in sums[lead_id])
            result.score_diff_max = max(result.score_diff_max, abs(total - profile.score))
            if stage.get(lead_id, "visitor") != profile.stage:
                result.off("a stage that the transitions do not lead to", lead_id)
    for lead_id in states.keys() - folded.leads.keys():
        result.off("a lead that the fold does not know", lead_id)
    result.leads = sum(profile.forwarded_to is None for profile in profiles.values())


def _check_clickhouse(
    result: Found, found: Topics, clickhouse: ClickHouseClient, *, facts: Mapping[Place, dict[str, Any]], transitions: set[str], letters: Mapping[str, Any],
    poison: Mapping[tuple[str, int, int], bytes],
) -> None:  # fmt: skip
    """Through the views, nothing is missing and nothing is there twice."""
    touchpoints = {(record.topic, record.partition, record.offset) for record in found.all(*topics.TOUCHPOINTS) if _readable(record)}
    wanted: dict[str, tuple[str, set[Any]]] = {
        "touchpoints": ("SELECT topic, partition, offset FROM touchpoints_once", touchpoints),
        "facts": ("SELECT partition, offset, `index`, fact_id FROM facts_once", {(*place, row["fact_id"]) for place, row in facts.items()}),
        "transitions": ("SELECT transition_id FROM transitions_once", {(each,) for each in transitions}),
        "dead_letters": ("SELECT letter_id FROM dead_letters_once", {(each,) for each in letters}),
        "profiles": ("SELECT lead_id FROM profiles_once", {(record.key.decode(),) for record in found.all(topics.PROFILES)}),
    }
    for table, (sql, expected) in wanted.items():
        rows = Counter(clickhouse.execute(sql))
        missing, more = len(expected - rows.keys()), len(rows.keys() - expected)
        twice = sum(rows.values()) - len(rows)
        result.lost += missing
        result.double += twice
        for count, what in ((missing, "missing"), (twice, "double"), (more, "from nowhere")):
            if count:
                result.off(f"{table} in ClickHouse {what}", count)
    (ledger,) = clickhouse.execute("SELECT touchpoints, counted, duplicates, waiting, unexplained, counted_twice FROM ledger")
    undecided = sum(topic == topics.INBOX for topic, _, _ in poison)  # letters about no touchpoint
    if ledger[1:] != (result.counted, result.duplicates, -undecided, 0, 0):
        result.ledger_ok = False
        result.off("the ledger view does not add up", ledger)
    ((_, drift, adrift),) = clickhouse.execute("SELECT * FROM drift_max")
    if adrift:
        result.off("leads adrift between stream and tables", (drift, adrift))


def check_by_views(told: Told, clickhouse: ClickHouseClient) -> Found:
    """Compare what the client was answered with what the analyst's views say: less than `Evidence.check`, at any size."""
    result = Found(events=sum(told.events.values()), unanswered=sum(not answered for answered in told.events.values()))
    ((came, counted, repeated, waiting, unexplained, twice),) = clickhouse.execute(
        "SELECT touchpoints, counted, duplicates, waiting, unexplained, counted_twice FROM ledger"
    )
    ((leads, drift, adrift),) = clickhouse.execute("SELECT leads, drift_max, leads_adrift FROM drift_max")
    result.counted, result.duplicates, result.leads, result.score_diff_max = counted, repeated, leads, drift
    result.lost, result.double = max(0, result.events - counted), twice
    result.ledger_ok = (came - counted - repeated, waiting, unexplained) == (0, 0, 0)
    if not result.events <= counted <= len(told.events):
        result.off("counted more or less than was answered", (counted, result.events, len(told.events)))
    if adrift:
        result.off("leads adrift between stream and tables", adrift)
    return result


def _readable(record: ConsumerRecord) -> bool:
    try:
        decode_touchpoint(record.value)
    except Undecodable:
        return False
    return True
