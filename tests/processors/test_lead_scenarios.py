"""What makes a lead qualified, what recycles it, and what sales may say: the business in sentences."""

import pytest

from processors.engagement import total_at
from schemas.facts import StageChanged
from tests.processors.building import DAY_MS, MODEL, T0, Scenario, touch


def verdict(name: str, **more):
    return touch("sales_verdict", properties={"verdict": name}, channel="crm", **more)


def test_a_page_view_earns_points_and_nothing_else():
    s = Scenario().when(touch()).then("TouchpointCounted").then_stage("visitor")
    assert s.facts[0].sums[0].points == 2.0


def test_an_ebook_download_makes_a_visitor_a_marketing_qualified_lead():
    Scenario().when(touch("ebook_downloaded")).then("TouchpointCounted", "StageChanged").then_stage("mql")


def test_a_demo_booking_makes_a_visitor_a_sales_qualified_lead():
    s = Scenario().when(touch("demo_booked", channel="paid_search", campaign="q3")).then("TouchpointCounted", "StageChanged")
    moved = s.facts[1]
    assert (moved.from_stage, moved.to_stage, moved.reason, moved.rule) == ("visitor", "sql", "conversion", "demo")
    assert (moved.touch.channel, moved.touch.campaign, moved.score) == ("paid_search", "q3", 40.0)


def test_a_score_alone_makes_a_marketing_qualified_lead():
    s = Scenario().given(*(touch(properties={"path": "/pricing"}, at=T0 + n * DAY_MS) for n in range(5))).then_stage("mql")
    assert [f.reason for f in s.history if isinstance(f, StageChanged)] == ["score"]


def test_score_and_fit_together_make_a_sales_qualified_lead_where_the_score_alone_does_not():
    visits = [touch(properties={"path": "/pricing"}, at=T0 + n * 1000) for n in range(8)]
    Scenario().given(*visits).then_stage("mql")
    s = Scenario().given(*visits).when(touch("identified", at=T0 + 9000, profile={"role": "vp"}))
    s.then("TouchpointCounted", "ProfileLearned", "FitGraded", "StageChanged").then_stage("sql")
    assert s.lead.grade == "B"


def test_points_of_a_capped_rule_end_at_the_cap_for_the_day():
    s = Scenario().given(*(touch(at=T0 + n) for n in range(9)))
    assert total_at(s.lead, s.lead.now) == pytest.approx(6.0)
    assert total_at(s.when(touch(at=T0 + DAY_MS)).lead, T0 + DAY_MS) == pytest.approx(6.0 * 2 ** (-1 / 10) + 2.0, rel=1e-6)


def test_a_once_only_rule_counts_once():
    s = Scenario().given(touch("signed_up"), touch("signed_up", at=T0 + 5))
    assert total_at(s.lead, T0 + 5) == 5.0


def test_a_duplicate_changes_nothing_and_says_so():
    s = Scenario().given(touch(event="one"))
    before = s.lead.__copy__()
    s.when(touch(event="one", at=T0 + DAY_MS)).then("TouchpointDuplicated")
    assert s.lead == before


def test_a_lead_cools_down_at_the_computed_instant_whenever_it_is_noticed():
    """
    ebook 20 points, half-life 30 d; mql cools below 10
    0 d                          30 d             50 d
     |----------- mql ------------|--- visitor ----|
    20                           10               noticed
    """
    s = Scenario().given(touch("ebook_downloaded")).when_time_reaches(T0 + 50 * DAY_MS).then("StageChanged").then_stage("visitor")
    moved = s.facts[0]
    assert moved.reason == "cooled"
    assert moved.effective_at == moved.recorded_at == T0 + 30 * DAY_MS + 1  # the first millisecond below


def test_the_instant_of_cooling_does_not_depend_on_who_notices():
    by_tick = Scenario().given(touch("ebook_downloaded", event="e")).when_time_reaches(T0 + 31 * DAY_MS)
    by_touch = Scenario().given(touch("ebook_downloaded", event="e")).when(touch("search_performed", at=T0 + 90 * DAY_MS))
    assert by_touch.facts[0] == by_tick.facts[0]


def test_a_lead_stays_at_least_its_minimum_dwell():
    s = Scenario().given(touch("ebook_downloaded"), touch("email_unsubscribed", at=T0 + 1000))
    s.when_time_reaches(T0 + 4 * DAY_MS).then().then_stage("mql")
    s.when_time_reaches(T0 + 6 * DAY_MS).then("StageChanged").then_stage("visitor")
    assert s.facts[0].effective_at == T0 + 5 * DAY_MS


def test_a_lead_that_cooled_comes_back_only_at_the_entry_threshold():
    s = Scenario().given(touch("ebook_downloaded")).when_time_reaches(T0 + 31 * DAY_MS).then_stage("visitor")
    s.when(touch(properties={"path": "/pricing"}, at=T0 + 31 * DAY_MS)).then_stage("visitor")


def test_a_won_deal_makes_a_customer_and_no_score_moves_a_customer():
    s = Scenario().given(touch("demo_booked"), touch("deal_won", at=T0 + DAY_MS)).then_stage("customer")
    s.when_time_reaches(T0 + 2000 * DAY_MS).then().then_stage("customer")


def test_a_lost_deal_recycles_a_sales_qualified_lead():
    s = Scenario().given(touch("demo_booked"), touch("deal_lost", at=T0 + 5)).then_stage("mql")
    assert s.facts[-1].reason == "recycled"


def test_a_competitor_is_disqualified_and_a_demo_booking_is_refused():
    s = Scenario().given(touch("custom_competitor")).then_stage("disqualified")
    s.when(touch("demo_booked", at=T0 + 1)).then("TouchpointCounted", "TransitionRefused").then_stage("disqualified")


def test_sales_rejects_a_lead_and_its_score_cannot_bring_it_back_until_the_verdict_expires():
    s = Scenario().given(touch("demo_booked"), verdict("rejected", at=T0 + 10)).then_stage("visitor")
    s.when(touch(properties={"path": "/pricing"}, at=T0 + 20)).then_stage("visitor")
    s.when_time_reaches(T0 + 10 + 30 * DAY_MS).then("VerdictExpired")
    s.when(touch("demo_booked", at=T0 + 31 * DAY_MS)).then_stage("sql")


def test_a_rejected_lead_that_books_a_demo_has_spoken_again():
    Scenario().given(verdict("rejected")).when(touch("demo_booked", at=T0 + 5)).then_stage("sql")


def test_a_disqualification_expires_and_the_lead_starts_again_as_a_visitor():
    s = Scenario().given(touch("ebook_downloaded"), verdict("disqualified", at=T0 + 5)).then_stage("disqualified")
    s.when_time_reaches(T0 + 100 * DAY_MS).then("VerdictExpired", "StageChanged").then_stage("visitor")


def test_an_accepted_lead_does_not_cool_while_the_verdict_holds():
    s = Scenario().given(verdict("accepted")).then_stage("sql")
    s.when_time_reaches(T0 + 29 * DAY_MS).then().then_stage("sql")
    s.when_time_reaches(T0 + 31 * DAY_MS).then("VerdictExpired", "StageChanged").then_stage("mql")
    s.when_time_reaches(T0 + 36 * DAY_MS).then("StageChanged").then_stage("visitor")


def test_an_older_verdict_than_the_one_in_force_is_refused():
    s = Scenario().given(verdict("accepted", at=T0 + 100)).when(verdict("rejected", at=T0, received_at=T0 + 200))
    s.then("TouchpointCounted", "TransitionRefused").then_stage("sql")


def test_a_verdict_the_model_does_not_know_is_refused_as_a_fact():
    Scenario().when(verdict("adored")).then("TouchpointCounted", "TransitionRefused")


def test_an_event_from_the_future_counts_from_now():
    s = Scenario().when(touch("ebook_downloaded", at=T0 + 900 * DAY_MS, received_at=T0))
    assert s.facts[0].touch.occurred_at == T0


def test_a_late_event_may_cause_a_transition_but_rewrites_none():
    s = Scenario().given(touch("ebook_downloaded", at=T0)).when(touch("demo_booked", at=T0 - 90 * DAY_MS, received_at=T0 + 5))
    moved = s.facts[-1]
    assert (moved.to_stage, moved.occurred_at, moved.effective_at) == ("sql", T0 - 90 * DAY_MS, T0 + 5)


def test_passive_touches_earn_no_credit():
    s = Scenario().given(touch("email_delivered", channel="email"), touch("phone_call", channel="crm", at=T0 + 1))
    assert s.lead.first_touch is None
    assert s.when(touch(channel="social", at=T0 + 2)).lead.first_touch.channel == "social"


def test_equal_input_gives_equal_output_ids_included():
    def run():
        return Scenario().given(touch("demo_booked", event="a"), touch("deal_won", event="b", at=T0 + 9)).history

    assert run() == run()
    ids = [fact.fact_id for fact in run()]
    assert len(set(ids)) == len(ids)


def test_another_model_version_gives_other_ids():
    from dataclasses import replace

    one = Scenario().when(touch("demo_booked", event="a")).facts
    other = Scenario(model=replace(MODEL, version=2)).when(touch("demo_booked", event="a")).facts
    assert {f.fact_id for f in one}.isdisjoint(f.fact_id for f in other)


def test_a_weekly_cap_runs_from_monday_to_sunday():
    from datetime import UTC, datetime

    from processors.model.scoring_model import Cap

    week = Cap(points=1, window_ms=7 * DAY_MS)
    sunday, monday, next_sunday = (int(datetime(2025, 6, day, 12, tzinfo=UTC).timestamp() * 1000) for day in (15, 16, 22))
    assert week.window(sunday) + 1 == week.window(monday) == week.window(next_sunday)
