"""What a rule asks of a touchpoint."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.model import scoring_model
from processors.model.conditions import Operator
from processors.model.scoring_model import ANY_KIND, Criterion, FitModel, PropertyTest, Rule, ScoringModel, Stage
from schemas.kinds import KNOWN
from schemas.touchpoint import Touchpoint


def touchpoint(**fields):
    values = {"event_id": "0" * 32, "source": "segment", "kind": "page_view", "channel": "email", "occurred_at": 0, "received_at": 0}
    return Touchpoint(**(values | fields))


def rule(*tests, **fields):
    return Rule(**({"name": "a_rule", "kinds": ("page_view",), "where": tests} | fields))


def asking(field: str, operator: Operator, *values: str, number: float = 0.0):
    return PropertyTest(field=field, operator=operator, values=values, number=number)


@pytest.mark.parametrize(("test", "value", "passes"), [
    (asking("path", "is", "/pricing"), "/pricing", True),
    (asking("path", "is", "/pricing"), "/Pricing", True),
    (asking("path", "is", "/pricing"), "/pricing/", False),
    (asking("path", "is", "/a*"), "/a*", True),
    (asking("path", "is", "/a*"), "/ab", False),
    (asking("path", "in", "/a", "/b"), "/B", True),
    (asking("path", "in", "/a", "/b"), "/c", False),
    (asking("path", "matches", "/pricing*"), "/pricing/enterprise", True),
    (asking("path", "matches", "/pricing*"), "/de/pricing", False),
    (asking("path", "matches", "/PRICING*"), "/pricing", True),
    (asking("path", "matches", "*/pricing"), "/de/pricing", True),
    (asking("path", "matches", "*pricing*"), "/our-pricing/x", True),
    (asking("path", "matches", "/*/pricing*"), "/de/pricing/x", True),
    (asking("path", "matches", "/*/pricing*"), "/pricing/x", False),
    (asking("path", "matches", "/a*a"), "/a", False),  # the a is not both the first and the last
    (asking("path", "matches", "/a*b*b"), "/ab", False),
    (asking("path", "matches", "/a*b*b"), "/axbxb", True),
    (asking("path", "matches", "*"), "", True),
    (asking("path", "matches", "/a", "/b*"), "/bc", True),
    (asking("path", "matches", "/a[bc]?"), "/a[bc]?", True),  # only * means something
    (asking("path", "matches", "/a[bc]"), "/ab", False),
    (asking("path", "not", "/a", "/b*"), "/c", True),
    (asking("path", "not", "/a", "/b*"), "/bc", False),
    (asking("percent", "at_least", number=75), "75", True),
    (asking("percent", "at_least", number=75), "74.9", False),
    (asking("percent", "at_most", number=75), "75", True),
    (asking("percent", "at_most", number=75), "75.1", False),
    (asking("percent", "below", number=75), "75", False),
    (asking("percent", "below", number=75), "74.9", True),
    (asking("percent", "at_least", number=75), "most of it", False),
    (asking("percent", "below", number=75), "nan", False),
    (asking("form", "exists"), "", True),
])  # fmt: skip
def test_a_condition_asks_a_property(test, value, passes):
    assert rule(test).matches(touchpoint(properties={test.field: value})) is passes


@pytest.mark.parametrize("operator", ["is", "in", "matches", "not", "at_least", "at_most", "below", "exists"])
def test_what_is_absent_passes_no_condition(operator):
    assert not rule(asking("path", operator, "*")).matches(touchpoint())


@pytest.mark.parametrize("field", ["channel", "campaign", "source", "email_domain"])
def test_a_condition_may_ask_a_field_of_the_touchpoint(field):
    asked = rule(asking(field, "is", "wanted"))
    assert asked.matches(touchpoint(**{field: "wanted"}))
    assert not asked.matches(touchpoint(properties={field: "wanted"}))


def test_all_conditions_of_a_rule_must_pass():
    asked = rule(asking("path", "matches", "/pricing*"), asking("campaign", "is", "spring"))
    assert asked.matches(touchpoint(properties={"path": "/pricing"}, campaign="spring"))
    assert not asked.matches(touchpoint(properties={"path": "/pricing"}, campaign="autumn"))
    assert not asked.matches(touchpoint(properties={"path": "/"}, campaign="spring"))


def test_a_pattern_full_of_stars_costs_no_more_than_the_text_is_long():
    # With a backtracking regular expression this would outlast the universe.
    assert not rule(asking("path", "matches", "*a" * 60 + "b")).matches(touchpoint(properties={"path": "a" * 5_000}))


@given(st.lists(st.text("ab*", max_size=6), min_size=1, max_size=4), st.text("abB", max_size=8))
def test_patterns_fit_as_the_regular_expressions_they_stand_for_do(patterns, value):
    expected = any(re.fullmatch(pattern.replace("*", ".*"), value.lower()) for pattern in patterns)
    assert rule(asking("path", "matches", *patterns)).matches(touchpoint(properties={"path": value})) is expected
    assert rule(asking("path", "not", *patterns)).matches(touchpoint(properties={"path": value})) is not expected


def model(*rules, kinds=()):
    stages = (Stage(name="visitor"), Stage(name="customer"))
    return ScoringModel(name="m", version=1, rules=rules, fit=FitModel(), stages=stages, kinds=kinds)


def test_rules_are_found_by_kind_in_the_order_of_the_file():
    one, two, other = rule(name="one"), rule(name="two", kinds=("search_performed", "page_view")), rule(name="other", kinds=("demo_booked",))
    scoring = model(one, other, two)
    assert scoring.rules_for("page_view") == (one, two)
    assert scoring.rules_for("search_performed") == (two,)
    assert scoring.rules_for("custom_unheard_of") == ()


def test_a_rule_for_any_kind_is_asked_for_every_kind():
    one, everything = rule(name="one"), rule(name="everything", kinds=(ANY_KIND,))
    scoring = model(everything, one, kinds=("checkout_started",))
    assert scoring.rules_for("page_view") == (everything, one)
    assert scoring.rules_for("custom_unheard_of") == (everything,)
    assert all(everything in scoring.rules_of[kind] for kind in [*KNOWN, "checkout_started"])


REMEMBERING = model(
    rule(asking("path", "matches", "/pricing*"), asking("campaign", "exists"), name="pricing"),
    rule(asking("percent", "at_least", number=50), name="watched", kinds=("video_watched",)),
    rule(asking("channel", "not", "email"), name="elsewhere", kinds=(ANY_KIND,)),
    rule(name="page"),
)


@given(
    kind=st.sampled_from(["page_view", "video_watched", "custom_unheard_of", "custom_of_another_sort"]),
    properties=st.dictionaries(st.sampled_from(["path", "percent", "title"]), st.sampled_from(["/pricing", "/", "49", "50"])),
    channel=st.sampled_from(["email", "direct"]),
    campaign=st.none() | st.just("spring"),
)
def test_what_is_remembered_of_earlier_touchpoints_hits_as_if_each_rule_were_asked(kind, properties, channel, campaign):
    touch = touchpoint(kind=kind, properties=properties, channel=channel, campaign=campaign)
    assert REMEMBERING.hit(touch).rules == tuple(each for each in REMEMBERING.rules_for(kind) if each.matches(touch))


def test_the_hits_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(scoring_model, "HITS_MAX", 3)
    scoring = model(rule(asking("path", "matches", "/pricing*")))
    for n in range(10):
        assert len(scoring.hit(touchpoint(properties={"path": f"/pricing/{n}"})).rules) == 1
        assert len(scoring._hits) <= 3


def test_a_hit_names_the_rules_whose_conversion_may_change_a_stage():
    stages = (Stage(name="visitor"), Stage(name="sql", conversions=frozenset({"demo"})), Stage(name="customer"))
    scoring = ScoringModel(
        name="m", version=1, rules=(rule(name="page"), rule(name="demo"), rule(name="out"), rule(name="lost")), fit=FitModel(),
        stages=stages, disqualifies=frozenset({"out"}), recycles={"lost": "visitor"},
    )  # fmt: skip
    assert scoring.hit(touchpoint()).converting == ("demo", "out", "lost")


def test_a_criterion_asks_coded_attributes():
    criterion = Criterion(name="c", where=(asking("role", "in", "vp", "c_level"), asking("size", "not", "1-10")), points=1)
    assert criterion.matches({"role": "vp", "size": "51-200"})
    assert not criterion.matches({"role": "vp", "size": "1-10"})
    assert not criterion.matches({"role": "vp"})
