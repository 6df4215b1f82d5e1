"""What sales tooling is told of a stage change."""

import typing

import msgspec

from schemas.facts import StageChanged
from schemas.transition import Transition
from tests.schemas.examples_v1 import FACTS, FIRST, LAST

CHANGED = typing.cast("StageChanged", FACTS["stage_changed"])


def told(**other: object) -> Transition:
    return Transition.of(msgspec.structs.replace(CHANGED, **other), partition=1, offset=2, index=3)


def test_a_transition_tells_everything_its_fact_does() -> None:
    transition = told()
    for name in set(CHANGED.__struct_fields__) - {"fact_id", "touch", "first_touch"}:
        assert getattr(transition, name) == getattr(CHANGED, name)
    assert (transition.channel, transition.campaign) == (LAST.channel, LAST.campaign)
    assert (transition.first_channel, transition.first_campaign) == (FIRST.channel, FIRST.campaign)
    assert (transition.partition, transition.offset, transition.index) == (1, 2, 3)


def test_a_transition_without_touches_has_no_channels() -> None:
    transition = told(touch=None, first_touch=None)
    assert (transition.channel, transition.campaign) == (None, None)
    assert (transition.first_channel, transition.first_campaign) == (None, None)


def test_a_transition_from_an_import_says_so() -> None:
    assert told(import_id="crm-2024").imported
    assert not told(import_id=None).imported
