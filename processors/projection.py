"""A lead as others see it: the profile that sales reads, the inheritance that a surviving lead adds."""

from collections.abc import Callable

from processors.engagement import points_at, rule_of, total_at
from processors.model.scoring_model import ScoringModel
from schemas.facts import CapUse, RuleSum
from schemas.inbox import LeadAbsorbed, Origin
from schemas.lead import Lead
from schemas.profile import LeadProfile


def profile_of(lead_id: str, lead: Lead, model: ScoringModel, *, partition: int, offset: int) -> LeadProfile:
    """The lead at its own now, folded up to (not including) *offset*; reasons are its points per rule at that instant."""
    verdict = lead.verdict
    return LeadProfile(
        lead_id=lead_id, stage=lead.stage, stage_since=lead.stage_since, score=total_at(lead, lead.now), as_of=lead.now,
        reasons=_sums(lead, lead.now), fit=lead.fit, grade=lead.grade, criteria=lead.criteria,
        attributes=lead.attributes, verdict=None if verdict is None else verdict.name,
        verdict_expires_at=None if verdict is None else verdict.expires_at, first_touch=lead.first_touch,
        last_touch=lead.last_touch, touches=lead.touches, forwarded_to=lead.forwarded_to, model=model.id,
        partition=partition, offset=offset,
    )  # fmt: skip


def _sums(lead: Lead, instant: int | None = None) -> tuple[RuleSum, ...]:
    """The points of each rule as they are kept, or faded to *instant*."""
    sums = []
    for key, e in sorted(lead.engagement.items()):
        rule = rule_of(key)
        points, as_of = (e.value, e.as_of) if instant is None else (points_at(e, instant), instant)
        sums.append(RuleSum(rule, points, as_of, e.half_life_s, e.count, -1, rule in lead.once))
    return tuple(sums)


def handed_over(lead_id: str, lead: Lead, origin: Callable[[], Origin]) -> LeadAbsorbed | None:
    """What *lead* has gathered, for the lead it turned out to be; None where it has gathered nothing."""
    if not lead.touches and not lead.attributes and lead.verdict is None:
        return None
    return LeadAbsorbed(
        origin(), lead_id, _sums(lead),
        tuple(CapUse(rule, window, used) for rule, windows in sorted(lead.caps.items()) for window, used in windows.items()),
        tuple(lead.recent), lead.attributes, lead.touches, lead.stage, lead.stage_since,
        lead.first_touch, lead.last_touch, lead.now, lead.verdict,
    )  # fmt: skip
