"""A request to be forgotten: it finds the lead, stays findable, and is worth nothing."""

from dataclasses import replace

import pytest

from processors.model.scoring_model import ANY_KIND, Rule
from schemas.facts import TouchpointCounted
from schemas.kinds import ERASURE_REQUESTED
from tests.processors.building import MODEL, Scenario, touch

EVERYTHING = replace(MODEL, rules=(*MODEL.rules, Rule(name="anything", kinds=(ANY_KIND,), points=7)))
ASKED = replace(MODEL, rules=(*MODEL.rules, Rule(name="asked", kinds=(ERASURE_REQUESTED,), points=7)), disqualifies=frozenset({"asked"}))


@pytest.mark.parametrize("model", [EVERYTHING, ASKED])
def test_it_is_counted_and_worth_nothing_whatever_the_rules_say(model):
    s = Scenario(model=model).given(touch("ebook_downloaded"))
    sums = dict(s.lead.engagement)
    s.when(touch(ERASURE_REQUESTED, channel="none")).then("TouchpointCounted").then_stage("mql")
    (fact,) = s.facts
    assert isinstance(fact, TouchpointCounted)
    assert (fact.kind, fact.sums, s.lead.engagement) == (ERASURE_REQUESTED, (), sums)


def test_it_is_no_road_and_no_touch_that_a_conversion_could_be_credited_to():
    s = Scenario().given(touch("page_view", channel="email"), touch(ERASURE_REQUESTED, channel="email", at=touch().occurred_at + 1))
    assert s.lead.last_touch == s.lead.first_touch
