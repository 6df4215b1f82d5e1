"""Every kind of fault, once, under traffic; and the check that finds nothing wrong finds what is made wrong.

The long run, the runs with a safeguard switched off, and the figures: docs/chaos.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from schemas.avro import FACT, PROFILE, TRANSITION
from streams import topics
from tests.chaos.faults import FAULTS
from tests.chaos.history import Evidence, Found, Told, Topics
from tests.chaos.sitting import Outcome, Plan, Sitting

pytestmark = [pytest.mark.local, pytest.mark.timeout(420)]  # whichever test is first waits for the sitting
PLAN = Plan(seed="short", faults=len(FAULTS), events=8_000, every_s=3.0, people=400)


@dataclass
class Ran:
    outcome: Outcome
    tampered: Mapping[str, Found]


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Ran:
    """One sitting; while its servers are there, the check is made once more of evidence that was tampered with."""
    tampered: dict[str, Found] = {}

    def tamper(evidence: Evidence) -> None:
        tampered.update({name: change(evidence).check() for name, change in TAMPERINGS.items()})

    said: list[str] = []
    outcome = Sitting(PLAN, tmp_path_factory.mktemp("chaos"), say=said.append).run(tamper)
    print("\n".join(said))
    return Ran(outcome, tampered)


def test_nothing_is_lost_and_nothing_counted_twice_whatever_dies(ran):
    found = ran.outcome.found
    assert (found.told, found.lost, found.double, found.illegal_transitions, found.ledger_ok) == ([], 0, 0, 0, True)
    assert found.score_diff_max <= 1e-9
    assert found.events >= PLAN.events * 0.8
    assert found.transitions > 100
    assert ran.outcome.ok


def test_every_kind_of_fault_has_happened(ran):
    missing = FAULTS.keys() - {each.kind for each in ran.outcome.happened}
    assert missing <= {"fill kafka's disk"}  # only root may mount a small disk
    assert len(ran.outcome.happened) >= 12


# ---- the check can fail ----------------------------------------------------------------------------------------------


def changed(evidence: Evidence, topic: str, change: Callable[[list], list]) -> Evidence:
    """The evidence with the records of one topic changed, partition by partition."""
    records = {name: dict(partitions) for name, partitions in evidence.topics.records.items()}
    records[topic] = {partition: change(list(found)) for partition, found in records[topic].items()}
    return replace(evidence, topics=Topics(records, evidence.topics.decided))


def edited(record, codec, **fields):
    row = codec.read(record.value)
    value = codec.write(row | {name: change(row) for name, change in fields.items()})
    return SimpleNamespace(topic=record.topic, partition=record.partition, offset=record.offset, key=record.key, value=value, timestamp=record.timestamp)


def counted(record) -> bool:
    return FACT.read(record.value)["fact"] == "touchpoint_counted"


def without_a_fact(records):
    gone = next((record.value for record in reversed(records) if counted(record)), None)
    return [record for record in records if record.value != gone]


def with_a_fact_twice(records):
    last = next((record for record in reversed(records) if counted(record)), None)
    return records if last is None else [*records, edited(last, FACT, index=lambda row: row["index"] + 1_000, fact_id=lambda row: row["fact_id"][::-1])]


def with_a_transition_from_nowhere(records):
    return records if not records else [*records, edited(records[-1], TRANSITION, index=lambda row: row["index"] + 1, from_stage=lambda _: "visitor", to_stage=lambda _: "visitor")]


def with_scores_a_little_off(records):
    return [record if record.value is None else edited(record, PROFILE, score=lambda row: row["score"] + 1e-6) for record in records]


def without_the_last_state(records):
    last = {record.key for record in records[-3:]}
    return [record for record in records if record.key not in last]


class Rows:
    """ClickHouse, but of one view's rows some are missing, or there twice."""

    def __init__(self, clickhouse, view: str, change: Callable[[list], list]) -> None:
        self._clickhouse, self._view, self._change = clickhouse, view, change

    def execute(self, sql: str) -> list:
        rows = self._clickhouse.execute(sql)
        return self._change(rows) if self._view in sql else rows


TAMPERINGS: dict[str, Callable[[Evidence], Evidence]] = {
    "an answered event that is nowhere": lambda e: replace(e, told=Told(e.told.events | {"f" * 32: True}, e.told.bad)),
    "an unusable event that is nowhere": lambda e: replace(e, told=Told(e.told.events, e.told.bad | {"nobody": True})),
    "a touchpoint gone from Kafka": lambda e: changed(e, topics.WEB, lambda records: records[1:]),
    "mail gone from the inbox": lambda e: changed(e, topics.INBOX, lambda records: records[:5] + records[6:]),
    "a fact gone": lambda e: changed(e, topics.EVENTS, without_a_fact),
    "an event counted twice": lambda e: changed(e, topics.EVENTS, with_a_fact_twice),
    "a transition from nowhere": lambda e: changed(e, topics.TRANSITIONS, with_a_transition_from_nowhere),
    "scores a little off": lambda e: changed(e, topics.PROFILES, with_scores_a_little_off),
    "states gone from the changelog": lambda e: changed(e, topics.STATE, without_the_last_state),
    "a row missing in ClickHouse": lambda e: replace(e, clickhouse=Rows(e.clickhouse, "transitions_once", lambda rows: rows[1:])),
    "a row twice in ClickHouse": lambda e: replace(e, clickhouse=Rows(e.clickhouse, "facts_once", lambda rows: rows + rows[:1])),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_the_check_notices(ran, name):
    assert not ran.tampered[name].ok, name
    assert ran.tampered[name].told or not ran.tampered[name].ledger_ok or ran.tampered[name].score_diff_max > 1e-9


def test_the_check_counts_what_is_lost_and_what_is_double(ran):
    assert ran.tampered["an answered event that is nowhere"].lost == 1
    assert ran.tampered["a fact gone"].lost > 0
    assert ran.tampered["an event counted twice"].double > 0
    assert ran.tampered["a transition from nowhere"].illegal_transitions > 0
    assert ran.tampered["scores a little off"].score_diff_max > 1e-9
    assert ran.tampered["a row missing in ClickHouse"].lost == 1
    assert ran.tampered["a row twice in ClickHouse"].double == 1
