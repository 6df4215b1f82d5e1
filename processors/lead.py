"""One lead: what its facts make of it.

`evolve` is the only place where a lead changes, and it changes in place: a shard owns its leads. The state is exactly
`fold(evolve, facts)`; `processors.decision` says which facts there are.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Final, assert_never

from processors.engagement import add, take_back, use_cap
from schemas.facts import (
    AnyFact,
    FitGraded,
    IdentityMerged,
    LeadForwarded,
    LeadReleased,
    PointsWithdrawn,
    ProfileLearned,
    StageChanged,
    Touch,
    TouchpointCounted,
    TouchpointDuplicated,
    TransitionRefused,
    VerdictExpired,
    VerdictGiven,
)
from schemas.ids import event_key
from schemas.kinds import NO_CHANNEL
from schemas.lead import Lead
from schemas.remembered import Remembered

RECENT_MIN: Final = 512
"""Event keys that a lead always keeps."""
RECENT_MAX: Final = 4096
"""Event keys that a lead keeps at most; younger ones dropped beyond it are counted in `Lead.forgotten`."""
RECENT_MS: Final = 72 * 3600 * 1000
"""Keys younger than this, in the lead's own time, are kept up to the maximum: senders retry for up to 46 hours."""


def evolve(lead: Lead, fact: AnyFact) -> Lead:
    """Apply *fact* to *lead* in place and return it. Total; needs no model. A duplicate changes nothing."""
    if isinstance(fact, TouchpointDuplicated):
        return lead
    lead.now = max(lead.now, fact.recorded_at)
    lead.model = fact.model
    match fact:
        case TouchpointCounted():
            _count(lead, fact)
        case TransitionRefused():
            pass
        case ProfileLearned():
            lead.attributes = lead.attributes | fact.attributes
        case FitGraded():
            lead.fit, lead.grade, lead.criteria = fact.fit, fact.grade, fact.criteria
        case StageChanged():
            lead.stage, lead.stage_since = fact.to_stage, fact.effective_at
        case VerdictGiven():
            lead.verdict = fact.verdict
        case VerdictExpired():
            lead.verdict = None
        case PointsWithdrawn():
            take_back(lead, fact.sums)
        case LeadForwarded():
            _forward(lead, fact)
        case LeadReleased():
            lead.forwarded_to = None
        case IdentityMerged():
            _merge(lead, fact)
        case _:
            assert_never(fact)
    return lead


def replay(facts: Iterable[AnyFact]) -> Lead:
    """Facts to state: `fold(evolve, facts)`."""
    return reduce(evolve, facts, Lead())


def _count(lead: Lead, fact: TouchpointCounted) -> None:
    add(lead, fact.sums)
    lead.touches += 1
    recent, touch = lead.recent, fact.touch
    recent.append(event_key(fact.event_id), fact.recorded_at)
    if len(recent) > RECENT_MIN:
        lead.forgotten += forget(recent, fact.recorded_at)
    if touch.channel != NO_CHANNEL:
        first, last = lead.first_touch, lead.last_touch
        if first is None or _before(touch, first):
            lead.first_touch = touch
        if last is None or _before(last, touch):
            lead.last_touch = touch


def _forward(lead: Lead, fact: LeadForwarded) -> None:
    if fact.handed_over:
        kept = Lead(now=lead.now, recent=lead.recent, forgotten=lead.forgotten, model=lead.model)
        for name in lead.__struct_fields__:
            setattr(lead, name, getattr(kept, name))
    lead.forwarded_to = fact.to


def _merge(lead: Lead, fact: IdentityMerged) -> None:
    add(lead, fact.sums)
    for use in fact.caps:
        use_cap(lead, use.rule, use.window, use.points)
    for key, at in fact.event_ids:
        lead.forgotten += remember(lead.recent, key, at)
    lead.attributes = fact.attributes | lead.attributes
    lead.touches += fact.touches
    lead.first_touch = _first(lead.first_touch, fact.first_touch)
    lead.last_touch = _last(lead.last_touch, fact.last_touch)
    if fact.verdict is not None and (lead.verdict is None or lead.verdict.given_at < fact.verdict.given_at):
        lead.verdict = fact.verdict


def remember(recent: Remembered, key: int, at: int) -> int:
    """Add an event key in place, dropping the oldest beyond the bounds. Return how many young ones had to go."""
    recent.put(key, at)
    return forget(recent, at)


def forget(recent: Remembered, at: int) -> int:
    """Drop the oldest event keys beyond the bounds, in place. Return how many young ones had to go."""
    young_lost = 0
    while len(recent) > RECENT_MIN:
        young = recent.oldest() > at - RECENT_MS
        if young and len(recent) <= RECENT_MAX:
            break
        recent.drop_oldest()
        young_lost += young
    return young_lost


def _before(one: Touch, other: Touch) -> bool:
    """Whether *one* comes first; equal instants are told apart by the rest, so the order of arrival does not matter."""
    if one.occurred_at != other.occurred_at:
        return one.occurred_at < other.occurred_at
    return (one.channel, one.campaign or "") < (other.channel, other.campaign or "")


def _first(one: Touch | None, other: Touch | None) -> Touch | None:
    if one is None or other is None:
        return other if one is None else one
    return other if _before(other, one) else one


def _last(one: Touch | None, other: Touch | None) -> Touch | None:
    if one is None or other is None:
        return other if one is None else one
    return other if _before(one, other) else one
