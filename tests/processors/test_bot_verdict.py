"""A lead that turned out to be a program: what it earned is taken back, with the reason, and it stays out."""

import pytest

from processors.engagement import total_at
from processors.lead import replay
from schemas.facts import PointsWithdrawn, StageChanged, TouchpointCounted
from tests.processors.building import DAY_MS, T0, Scenario, touch

VISITS = [touch("ebook_downloaded"), *(touch(at=T0 + n * DAY_MS, properties={"path": "/pricing"}) for n in range(5)), touch("signed_up", at=T0 + 6 * DAY_MS)]


def bot(**more):
    return touch("bot_verdict", channel="crm", **{"at": T0 + 7 * DAY_MS, **more})


def test_all_points_are_taken_back_and_the_fact_says_why():
    """
    0 d        1 d ... 6 d           7 d
     | ebook    | pricing, sign-up    | bot_verdict: everything is taken back
    """
    s = Scenario().given(*VISITS)
    assert total_at(s.lead, s.lead.now) > 40
    s.when(bot()).then("TouchpointCounted", "PointsWithdrawn", "VerdictGiven", "StageChanged").then_stage("disqualified")
    withdrawn = next(fact for fact in s.facts if isinstance(fact, PointsWithdrawn))
    assert withdrawn.reason == "bot"
    assert {each.rule for each in withdrawn.sums} == {"ebook", "page", "pricing", "signup"}
    assert s.lead.engagement == {}
    assert total_at(s.lead, s.lead.now) == 0


def test_what_was_earned_and_what_was_taken_back_add_up_to_nothing_at_any_later_instant():
    s = Scenario().given(*VISITS, bot())
    sums = [each for fact in s.history if isinstance(fact, TouchpointCounted | PointsWithdrawn) for each in fact.sums]
    for instant in (T0 + 7 * DAY_MS, T0 + 100 * DAY_MS):
        left = sum(each.points * (0.5 ** ((instant - each.as_of) / 1000 / each.half_life_s) if each.half_life_s else 1) for each in sums)
        assert left == pytest.approx(0, abs=1e-9)


def test_what_a_program_does_afterwards_moves_it_no_more():
    s = Scenario().given(*VISITS, bot())
    s.when(touch("demo_booked", at=T0 + 8 * DAY_MS)).then("TouchpointCounted", "TransitionRefused").then_stage("disqualified")
    assert [each.to_stage for each in s.history if isinstance(each, StageChanged)][-1] == "disqualified"


def test_the_verdict_given_again_takes_nothing_twice():
    Scenario().given(*VISITS, bot()).when(bot(at=T0 + 8 * DAY_MS)).then("TouchpointCounted", "VerdictGiven")
    s = Scenario().given(*VISITS, bot(event="one"))
    s.when(bot(event="one")).then("TouchpointDuplicated")


def test_a_customer_stays_one_and_loses_the_points():
    s = Scenario().given(*VISITS, touch("deal_won", at=T0 + 6 * DAY_MS)).when(bot())
    s.then("TouchpointCounted", "PointsWithdrawn", "VerdictGiven", "TransitionRefused").then_stage("customer")


def test_a_visitor_without_points_is_disqualified_all_the_same():
    Scenario().when(bot()).then("TouchpointCounted", "VerdictGiven", "StageChanged").then_stage("disqualified")


def test_the_lead_is_what_its_facts_say():
    s = Scenario().given(*VISITS, bot())
    assert replay(s.history) == s.lead
