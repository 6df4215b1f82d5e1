"""Cohorts, accounts, rules, speed, losses and audiences, on examples small enough to count by hand."""

from datetime import date

import pytest

from schemas.facts import RuleSum, Touch, TouchpointCounted
from schemas.ids import derive
from tests.processors.building import DAY_MS, T0, touch
from tests.sinks.records import Topics

MINUTE_MS = 60_000


def counted(lead_id, kind, *, at=T0, rule=None, offset=0):
    sums = () if rule is None else (RuleSum(rule=rule, points=5.0, as_of=at, half_life_s=0, count=1, window=-1, once=False),)
    event_id = derive(lead_id, kind, str(offset))
    return TouchpointCounted(
        fact_id=derive("fact", event_id), lead_id=lead_id, event_id=event_id, recorded_at=at, model="test@1", kind=kind, touch=Touch("email", None, at), sums=sums
    )


def test_a_cohort_is_a_week_and_a_road_with_what_is_known_of_its_rate(clickhouse):
    told = Topics()
    for n in range(10):
        told.profile(f"v:{n}", stage="mql" if n < 4 else "visitor", first_touch=Touch("email", "spring", T0))
    told.profile("v:late", first_touch=Touch("email", "spring", T0 + 7 * DAY_MS)).deliver(clickhouse)
    rows = clickhouse.query("SELECT * FROM funnel_by_cohort WHERE stage = 'mql'")
    assert [(row["week"], row["leads"], row["reached"], row["rate"]) for row in rows] == [(date(2025, 6, 9), 10, 4, 0.4), (date(2025, 6, 16), 1, 0, 0.0)]
    assert (rows[0]["rate_low"], rows[0]["rate_high"]) == (pytest.approx(0.16818, abs=1e-5), pytest.approx(0.68733, abs=1e-5))
    assert rows[1]["rate_low"] == pytest.approx(0, abs=1e-12)
    assert rows[1]["rate_high"] == pytest.approx(0.79345, abs=1e-5)


def test_people_of_one_company_are_one_account(clickhouse):
    told = Topics()
    for name, company, stage in (("ann", "Acme", "sql"), ("bob", "ACME", "visitor"), ("cleo", "", "customer")):
        told.profile(f"v:{name}", stage=stage)
        told.touchpoint(touch("identified", visitor_id=name, contact={"email": f"{name}@other.example", "company": company}))
    told.deliver(clickhouse)
    found = {row["account"]: row for row in clickhouse.query("SELECT * FROM accounts")}
    assert {name: (row["leads"], row["customers"]) for name, row in found.items()} == {"acme": (2, 0), "other.example": (1, 1)}
    assert sorted(found["acme"]["stages"]) == ["sql", "visitor"]


def test_a_rule_that_buyers_meet_more_often_has_a_lift_above_one(clickhouse):
    told = Topics()
    for n in range(4):
        told.profile(f"v:{n}", stage="customer" if n < 2 else "visitor")
        told.fact(counted(f"v:{n}", "page_view", rule="page", offset=n), offset=n)
    for n in (0, 1, 2):
        told.fact(counted(f"v:{n}", "demo_booked", rule="demo", offset=10 + n), offset=10 + n)
    told.fact(counted("v:1", "phone_call", rule="after", at=T0 + 9 * DAY_MS, offset=20), offset=20)
    for n in (0, 1):
        told.transition(f"v:{n}", "visitor", "customer", day=2, offset=30 + n)
    told.deliver(clickhouse)
    found = {row["rule"]: row for row in clickhouse.query("SELECT * FROM rule_report")}
    assert (found["demo"]["coverage"], found["demo"]["among_others"], found["demo"]["lift"]) == (1.0, 0.5, 2.0)
    assert found["page"]["lift"] == 1.0
    assert found["after"]["customers"] == 0  # it came after the purchase, and told nothing of it


def test_speed_is_from_asking_until_sales_first_spoke(clickhouse):
    told = Topics().profile("v:ann", stage="sql").profile("v:bob", stage="sql")
    told.transition("v:ann", "visitor", "sql", day=1, offset=1).transition("v:bob", "visitor", "sql", day=1, offset=2)
    told.fact(counted("v:ann", "phone_call", at=T0, offset=3), offset=3)  # before: it was no answer
    told.fact(counted("v:ann", "phone_call", at=T0 + DAY_MS + 42 * MINUTE_MS, offset=4), offset=4)
    told.fact(counted("v:ann", "meeting_held", at=T0 + 3 * DAY_MS, offset=5), offset=5)
    told.deliver(clickhouse)
    assert {row["lead_id"]: row["minutes"] for row in clickhouse.query("SELECT lead_id, minutes FROM speed_to_lead")} == {"v:ann": 42.0, "v:bob": None}


def test_who_went_back_is_told_with_the_reason(clickhouse):
    told = Topics().profile("v:ann").profile("v:bob", stage="disqualified")
    told.transition("v:ann", "visitor", "mql", day=1, offset=1).transition("v:ann", "mql", "visitor", day=9, offset=2, reason="cooled")
    told.transition("v:bob", "visitor", "disqualified", day=1, offset=3, reason="verdict").deliver(clickhouse)
    found = clickhouse.query("SELECT from_stage, to_stage, reason, leads FROM lost_and_recycled")
    assert [tuple(row.values()) for row in found] == [("mql", "visitor", "cooled", 1), ("visitor", "disqualified", "verdict", 1)]


def test_audiences_are_the_warm_the_quiet_and_the_customers(clickhouse):
    told = Topics().profile("v:warm", stage="mql").profile("v:quiet", stage="sql", last_touch=Touch("email", None, T0)).profile("v:new").profile("v:ours", stage="customer")
    told.deliver(clickhouse)
    found = {row["lead_id"]: row["audience"] for row in clickhouse.query("SELECT lead_id, audience FROM audiences")}
    assert found == {"v:warm": "nurture", "v:quiet": "gone_quiet", "v:ours": "customers"}
