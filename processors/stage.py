"""Where a lead stands: what moves it up, what holds it, what cools it down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from processors.engagement import first_below, not_before, total_at
from processors.model.scoring_model import CUSTOMER, DISQUALIFIED, ScoringModel, Stage, at_least_grade
from schemas.lead import Lead

HOLDING: Final = ("rejected", "recycled", "disqualified")
"""Verdicts under which a score alone moves a lead no further up."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage that is due, with its reason and the rule whose conversion asks for it."""

    to: str
    reason: str
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A change of stage that was asked for by a conversion and may not be."""

    to: str
    reason: str


def held_by(lead: Lead) -> str | None:
    """The verdict that holds the lead back, if one does."""
    verdict = lead.verdict
    return verdict.name if verdict is not None and verdict.name in HOLDING else None


def by_conversion(lead: Lead, converted: Sequence[str], model: ScoringModel) -> Move | Hold | None:
    """What the rules in *converted*, hit by one touchpoint, do: the furthest stage wins, disqualifying before it."""
    for rule in converted:
        if rule in model.disqualifies and lead.stage not in (CUSTOMER, DISQUALIFIED):
            return Move(DISQUALIFIED, "conversion", rule)
    for stage in reversed(model.stages):
        for rule in converted:
            if rule in stage.conversions:
                return _ask(lead, stage, rule, model)
    for rule in converted:
        to = model.recycles.get(rule)
        if to is not None and lead.stage != CUSTOMER and model.rank.get(lead.stage, 0) > model.rank[to]:
            return Move(to, "recycled", rule)
    return None


def _ask(lead: Lead, stage: Stage, rule: str, model: ScoringModel) -> Move | Hold | None:
    disqualified = lead.stage == DISQUALIFIED or held_by(lead) == DISQUALIFIED
    if disqualified and stage.name != CUSTOMER:
        return Hold(stage.name, "the lead is disqualified")
    if model.rank.get(lead.stage, 0) >= model.rank[stage.name]:
        return None
    return Move(stage.name, "conversion", rule)


def by_score(lead: Lead, instant: int, model: ScoringModel) -> Move | None:
    """The furthest stage that score and fit are enough for at *instant*, unless sales holds the lead back."""
    above = model.ladder.get(lead.stage, model.ladder[model.stages[0].name])
    if not above or held_by(lead) is not None:
        return None
    score = total_at(lead, instant)
    for to, threshold in above:
        if score >= threshold.score and at_least_grade(lead.grade, threshold.grade):
            return Move(to, "score")
    return None


def by_verdict(lead: Lead, verdict: str, model: ScoringModel) -> Move | Hold | None:
    """Where a verdict of sales moves the lead; a customer is moved by deals only."""
    rule = model.verdicts.get(verdict)
    if rule is None:
        return Hold(lead.stage, f"the scoring model has no verdict of this name: {', '.join(sorted(model.verdicts))}")
    if lead.stage == CUSTOMER:
        return Hold(rule.to, "the lead is a customer")
    if lead.stage == rule.to:
        return None
    if verdict == "rejected" and 0 <= model.rank.get(lead.stage, 0) < model.rank.get(rule.to, 0):
        return None
    return Move(rule.to, "verdict")


def due_after(lead: Lead, model: ScoringModel) -> int | None:
    """A lower bound, cheap, of the next instant at which time alone changes something; None: never."""
    return _earliest(_expiry(lead), _cooling(lead, model, exact=False))


def due_exactly(lead: Lead, model: ScoringModel) -> tuple[int, Move | None] | None:
    """The next instant at which time alone changes something and the move it makes (None: a verdict expires)."""
    expiry, cooling = _expiry(lead), _cooling(lead, model, exact=True)
    if expiry is not None and (cooling is None or expiry <= cooling):
        return expiry, None
    if cooling is None:
        return None
    stage = _stage(lead, model)
    assert stage is not None
    assert stage.cooling is not None
    return cooling, Move(stage.cooling.to, "cooled")


def _expiry(lead: Lead) -> int | None:
    return lead.verdict.expires_at if lead.verdict is not None and lead.verdict.expires_at else None


def _cooling(lead: Lead, model: ScoringModel, *, exact: bool) -> int | None:
    """When the score falls below the stage's floor, its minimum dwell over; an accepted lead does not cool."""
    stage = _stage(lead, model)
    if stage is None or stage.cooling is None or (lead.verdict is not None and lead.verdict.name == "accepted"):
        return None
    search = first_below if exact else not_before
    return search(lead, stage.cooling.below, max(lead.now, lead.stage_since + stage.cooling.dwell_ms))


def _stage(lead: Lead, model: ScoringModel) -> Stage | None:
    rank = model.rank.get(lead.stage)
    return model.stages[rank] if rank is not None and rank >= 0 else None


def _earliest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
