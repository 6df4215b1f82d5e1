"""The facts in ClickHouse are the facts: read back and folded, they give the state they were decided in."""

import pytest

from processors.lead import replay
from schemas import avro
from schemas.facts import (
    CapUse,
    FitGraded,
    IdentityMerged,
    LeadForwarded,
    LeadReleased,
    ProfileLearned,
    StageChanged,
    Touch,
    TouchpointCounted,
    TouchpointDuplicated,
    TransitionRefused,
    Verdict,
    VerdictExpired,
    VerdictGiven,
)
from schemas.state import decode_mailbox
from sinks.history import history
from tests.processors.building import T0
from tests.sinks.records import Topics, lived, points, quarter

COMMON = {"lead_id": "v:ann", "event_id": "e", "recorded_at": T0 + 7, "model": "test@1"}
FIRST, LAST = Touch("email", "spring", T0 + 1), Touch("social", None, T0 + 2)
EVERY = [
    TouchpointCounted(**COMMON, fact_id="0", kind="page_view", touch=FIRST, sums=(points("page", 0.1, half_life_s=60), points("demo", -2.5, count=3))),
    TouchpointCounted(**COMMON, fact_id="1", kind="page_view", touch=LAST, import_id="history"),
    TouchpointDuplicated(**COMMON, fact_id="2", kind="page_view"),
    ProfileLearned(**COMMON, fact_id="3", attributes={"role": "vp", "industry": ""}),
    FitGraded(**COMMON, fact_id="4", fit=0.0, grade="D", criteria={"decides": 0.0}),
    StageChanged(
        **COMMON, fact_id="5", transition_id="t", from_stage="visitor", to_stage="mql", reason="score", rule=None, effective_at=T0, occurred_at=T0 - 5,
        score=0.0, grade="D", touch=None, first_touch=FIRST,
    ),
    TransitionRefused(**COMMON, fact_id="6", from_stage="sql", to_stage="mql", reason="held"),
    VerdictGiven(**COMMON, fact_id="7", verdict=Verdict("accepted", T0, 0)),
    VerdictExpired(**COMMON, fact_id="8", verdict="accepted", effective_at=T0 + 3),
    LeadForwarded(**COMMON, fact_id="9", to="e:1", handed_over=False),
    LeadReleased(**COMMON, fact_id="10", was="e:1"),
    IdentityMerged(
        **COMMON, fact_id="11", absorbed="v:bob", sums=(points("page", 1.0),), caps=(CapUse("page", 20_000, 1.5),),
        verdict=Verdict("rejected", T0 + 4, T0 + 5), event_ids=((1, T0), ((1 << 64) - 1, T0 + 1)), attributes={}, touches=0, stage="visitor", first_touch=FIRST, last_touch=LAST,
    ),
]  # fmt: skip


@pytest.mark.parametrize("fact", EVERY, ids=lambda fact: type(fact).__name__)
def test_a_fact_comes_back_exactly(clickhouse, fact):
    Topics().fact(fact, partition=3, offset=8, index=2).deliver(clickhouse)
    assert list(history(clickhouse)) == [avro.FactAt(fact, 3, 8, 2)]


def test_a_pure_fold_over_the_facts_in_clickhouse_is_the_state(clickhouse):
    states = {}
    lived(quarter(), states=states).deliver(clickhouse)
    by_lead = {}
    for at in history(clickhouse):
        by_lead.setdefault(at.fact.lead_id, []).append(at.fact)
    assert {lead: replay(facts) for lead, facts in by_lead.items()} == {
        lead: decode_mailbox(value).lead for lead, value in states.items()
    }
    assert len(by_lead) == 6


def test_the_history_of_some_leads_is_theirs_alone(clickhouse):
    lived(quarter()).deliver(clickhouse)
    assert {at.fact.lead_id for at in history(clickhouse, ["v:bob", "v:cleo"])} == {"v:bob", "v:cleo"}
