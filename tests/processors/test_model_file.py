"""Reading a scoring model: what is well said is understood, whichever way it is said."""

import pytest

from processors.model.file import SHIPPED, load, shipped
from processors.model.problems import ModelProblems
from processors.model.scoring_model import Cap, Cooling, FitModel, PropertyTest, Rule, Stage, Threshold, VerdictRule
from schemas.touchpoint import Touchpoint

DAY_S = 86_400
DAY_MS = DAY_S * 1000

SMALL = """\
model: small
version: 3
rules:
  - {name: won, kind: deal_won, points: 0, half_life: never}
  - RULE
stages:
  - name: visitor
  - name: customer
    enter_on: [won]
"""


def rule(text: str) -> Rule:
    return load(SMALL.replace("RULE", text)).rules[1]


def criterion(where: str) -> tuple[PropertyTest, ...]:
    fit = f"fit: {{criteria: [{{name: c, points: 1, where: {where}}}]}}"
    text = SMALL.replace("  - RULE\n", "").replace("stages:", fit + "\nstages:")
    return load(text).fit.criteria[0].where


def test_a_rule_says_what_was_done_and_what_it_earns():
    assert rule("{name: page, kind: page_view, points: 1.5, half_life: 14d, cap: 20 per day}") == Rule(
        name="page", kinds=("page_view",), points=1.5, half_life_s=14 * DAY_S, cap=Cap(points=20, window_ms=DAY_MS)
    )


def test_a_rule_may_be_for_several_kinds_and_count_once():
    read = rule("{name: up, kind: [signed_up, custom_joined], points: -5, half_life: never, once: true}")
    assert read == Rule(name="up", kinds=("signed_up", "custom_joined"), points=-5, half_life_s=0, once=True)


@pytest.mark.parametrize(("words", "seconds"), [
    ("45s", 45), ("30min", 1800), ("6h", 21_600), ("6 hours", 21_600), ("1 day", DAY_S), ("14d", 14 * DAY_S),
    ("2w", 14 * DAY_S), ("2 Weeks", 14 * DAY_S), ("1y", 365 * DAY_S), ("10y", 3650 * DAY_S), ("never", 0),
])  # fmt: skip
def test_durations_are_words(words, seconds):
    assert rule(f"{{name: r, kind: page_view, points: 1, half_life: {words}}}").half_life_s == seconds


@pytest.mark.parametrize(("words", "cap"), [
    ("20 per day", Cap(points=20, window_ms=DAY_MS)), ("30 per week", Cap(points=30, window_ms=7 * DAY_MS)),
    ("2.5 per day", Cap(points=2.5, window_ms=DAY_MS)),
])  # fmt: skip
def test_caps_are_words(words, cap):
    assert rule(f"{{name: r, kind: page_view, points: 1, half_life: never, cap: {words}}}").cap == cap


@pytest.mark.parametrize(("where", "tests"), [
    ("{form: contact}", [("form", "is", ("contact",), 0)]),
    ("{path: /pricing*}", [("path", "matches", ("/pricing*",), 0)]),
    ("{path: {is: '/pricing*'}}", [("path", "is", ("/pricing*",), 0)]),
    ("{campaign: [spring, autumn]}", [("campaign", "in", ("spring", "autumn"), 0)]),
    ("{path: [/a, /b*]}", [("path", "matches", ("/a", "/b*"), 0)]),
    ("{path: {matches: /a}}", [("path", "matches", ("/a",), 0)]),
    ("{path: {not: [/a, /b*]}}", [("path", "not", ("/a", "/b*"), 0)]),
    ("{email_domain: {in: [rival.example]}}", [("email_domain", "in", ("rival.example",), 0)]),
    ("{percent: {at_least: 25, below: 75}}", [("percent", "at_least", (), 25), ("percent", "below", (), 75)]),
    ("{percent: {at_most: -1.5}}", [("percent", "at_most", (), -1.5)]),
    ("{gclid: {exists: true}}", [("gclid", "exists", (), 0)]),
    ("{country: NO, answer: yes, count: 010}", [("country", "is", ("NO",), 0), ("answer", "is", ("yes",), 0), ("count", "is", ("010",), 0)]),
])  # fmt: skip
def test_conditions_are_short(where, tests):
    expected = tuple(PropertyTest(field=f, operator=o, values=v, number=n) for f, o, v, n in tests)
    assert rule(f"{{name: r, kind: page_view, points: 1, half_life: never, where: {where}}}").where == expected


@pytest.mark.parametrize(("where", "tests"), [
    ("{role: manager}", [("role", "is", ("manager",))]),
    ("{country: [de, NO]}", [("country", "in", ("DE", "NO"))]),
    ("{industry: {not: [legal]}}", [("industry", "not", ("legal",))]),
    ("{size: {in: [51-200, 201-1000]}}", [("size", "in", ("51-200", "201-1000"))]),
    ("{size: {at_least: 201}}", [("size", "in", ("201-1000", "1001+"))]),
    ("{size: {at_most: 50}}", [("size", "in", ("1-10", "11-50"))]),
    ("{age: {at_least: 30, below: 50}}", [("age", "in", ("30-39", "40-49"))]),
    ("{budget: {exists: true}, timeframe: {at_most: 3}}", [("budget", "exists", ()), ("timeframe", "in", ("0-1", "2-3"))]),
])  # fmt: skip
def test_the_fit_asks_coded_attributes_and_limits_become_bands(where, tests):
    assert criterion(where) == tuple(PropertyTest(field=f, operator=o, values=v) for f, o, v in tests)


def test_stages_say_what_moves_a_lead():
    text = SMALL.replace("RULE", "{name: book, kind: ebook_downloaded, points: 5, half_life: 30d}").replace(
        "  - name: customer",
        "  - {name: mql, enter_on: book, enter_at: [{score: 40, grade: B}, {score: 60}], cool: {below: 5.5, to: visitor, after: 6h}}\n  - name: customer",
    )
    text += "fit: {criteria: [{name: c, where: {role: vp}, points: 50}]}\n"
    assert load(text).stages == (
        Stage(name="visitor"),
        Stage(
            name="mql", conversions=frozenset({"book"}), thresholds=(Threshold(score=40, grade="B"), Threshold(score=60)),
            cooling=Cooling(below=5.5, to="visitor", dwell_ms=6 * 3_600_000),
        ),
        Stage(name="customer", conversions=frozenset({"won"})),
    )  # fmt: skip


def test_verdicts_recycling_and_disqualifying_are_read():
    text = SMALL.replace("RULE", "{name: lost, kind: deal_lost, points: -20, half_life: 60d}\n  - {name: bad, kind: any, points: 0, half_life: never}")
    model = load(text + "disqualify_on: [bad]\nrecycle_on: {lost: visitor}\nverdicts:\n  rejected: {to: visitor, holds: 60d}\n  disqualified: {to: disqualified, holds: for good}\n")
    assert model.disqualifies == frozenset({"bad"})
    assert model.recycles == {"lost": "visitor"}
    assert model.verdicts == {"rejected": VerdictRule(to="visitor", holds_ms=60 * DAY_MS), "disqualified": VerdictRule(to="disqualified", holds_ms=0)}


def test_what_is_left_out_has_a_plain_meaning():
    model = load(SMALL.replace("  - RULE\n", ""))
    assert (model.name, model.version, model.id) == ("small", 3, "small@3")
    assert model.fit == FitModel()
    assert (model.kinds, model.disqualifies, model.recycles, model.verdicts) == ((), frozenset(), {}, {})
    assert model.text == SMALL.replace("  - RULE\n", "")


def test_a_kind_of_ones_own_is_named_once_at_the_top():
    text = "kinds: [checkout_started]\n" + SMALL.replace("RULE", "{name: buys, kind: checkout_started, points: 1, half_life: 3d}")
    assert load(text).kinds == ("checkout_started",)
    with pytest.raises(ModelProblems, match="checkout_started"):
        load(text.removeprefix("kinds: [checkout_started]\n"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_has_no_problem(name):
    model = load(shipped(name), name_of_file=f"{name}.yaml")
    assert model.name == name
    assert set(model.verdicts) == {"accepted", "rejected", "recycled", "disqualified"}


def test_only_what_is_shipped_can_be_had():
    with pytest.raises(ValueError, match="b2b and b2c"):
        shipped("../b2b")


MQL_KINDS = {"newsletter_subscribed", "white_paper_downloaded", "ebook_downloaded", "webinar_registered", "webinar_attended", "video_watched", "trial_started"}
SQL_KINDS = {
    "phone_call", "contact_form_submitted", "mail_to_sales", "demo_booked", "analysis_ordered", "assessment_ordered",
    "email_replied", "lead_form_submitted", "meeting_booked",
}  # fmt: skip


def entered_by(model, stage):
    """The kinds of which a touchpoint is a conversion to *stage*."""
    conversions = next(s for s in model.stages if s.name == stage).conversions
    return {kind for rule in model.rules if rule.name in conversions for kind in rule.kinds}


def test_the_b2b_model_names_the_conversions_of_practice():
    model = load(shipped("b2b"))
    assert [stage.name for stage in model.stages] == ["visitor", "mql", "sql", "customer"]
    assert entered_by(model, "mql") == MQL_KINDS
    assert entered_by(model, "sql") == SQL_KINDS
    assert entered_by(model, "customer") == {"deal_won"}
    assert all(stage.thresholds and stage.cooling for stage in model.stages[1:3])


def test_the_b2b_model_counts_a_video_as_watched_from_three_quarters_on():
    model = load(shipped("b2b"))

    def hit(percent):
        touch = Touchpoint(
            event_id="0" * 32, source="segment", kind="video_watched", channel="direct", occurred_at=0, received_at=0,
            properties={"percent": percent},
        )  # fmt: skip
        return [rule.name for rule in model.rules_for("video_watched") if rule.matches(touch)]

    assert [hit("24"), hit("25"), hit("74.9"), hit("75"), hit("100")] == [[], ["video_started"], ["video_started"], ["video_watched"], ["video_watched"]]


def test_the_b2c_model_has_no_mql():
    model = load(shipped("b2c"))
    assert [stage.name for stage in model.stages] == ["visitor", "sql", "customer"]
    assert {"product_added", "quote_requested", "phone_call"} <= entered_by(model, "sql")
    assert entered_by(model, "customer") == {"order_completed", "deal_won"}


@pytest.mark.parametrize("name", SHIPPED)
def test_mail_opened_by_machines_earns_nothing(name):
    model = load(shipped(name))
    machine = {rule.name for rule in model.rules_for("email_machine_opened")}
    assert sum(rule.points for rule in model.rules if rule.name in machine) == 0


@pytest.mark.parametrize("name", SHIPPED)
def test_every_lead_that_speaks_against_itself_loses_points(name):
    model = load(shipped(name))
    for kind in ("email_unsubscribed", "email_complained", "email_bounced"):
        assert sum(rule.points for rule in model.rules_for(kind)) < 0

