"""A lead as others see it: the profile that sales reads, the inheritance that a surviving lead adds."""

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from processors.engagement import points_at, rule_of
from processors.model.scoring_model import ScoringModel
from schemas.facts import CapUse, RuleSum
from schemas.inbox import LeadAbsorbed, Origin
from schemas.lead import Lead
from schemas.profile import LeadProfile

_KEY: Final = itemgetter(0)


def profile_of(lead_id: str, lead: Lead, model: ScoringModel, *, partition: int, offset: int) -> LeadProfile:
    """The lead at its own now, folded up to (not including) *offset*; reasons are its points per rule at that instant."""
    verdict, now = lead.verdict, lead.now
    score, reasons = 0.0, []
    for key, e in lead.engagement.items():  # as `total_at` adds them up
        points = points_at(e, now)
        score += points
        rule = rule_of(key)
        reasons.append((key, RuleSum(rule, points, now, e.half_life_s, e.count, -1, rule in lead.once)))
    reasons.sort(key=_KEY)
    return LeadProfile(
        lead_id=lead_id, stage=lead.stage, stage_since=lead.stage_since, score=score, as_of=now,
        reasons=tuple([each for _, each in reasons]), fit=lead.fit, grade=lead.grade, criteria=lead.criteria,
        attributes=lead.attributes, verdict=None if verdict is None else verdict.name,
        verdict_expires_at=None if verdict is None else verdict.expires_at, first_touch=lead.first_touch,
        last_touch=lead.last_touch, touches=lead.touches, forwarded_to=lead.forwarded_to, model=model.id,
        partition=partition, offset=offset,
    )  # fmt: skip


def handed_over(lead_id: str, lead: Lead, origin: Callable[[], Origin]) -> LeadAbsorbed | None:
    """What *lead* has gathered, for the lead it turned out to be; None where it has gathered nothing."""
    if not lead.touches and not lead.attributes and lead.verdict is None:
        return None
    return LeadAbsorbed(
        origin(), lead_id,
        tuple(
            RuleSum(rule_of(key), e.value, e.as_of, e.half_life_s, e.count, -1, rule_of(key) in lead.once)
            for key, e in sorted(lead.engagement.items())
        ),
        tuple(CapUse(rule, window, used) for rule, windows in sorted(lead.caps.items()) for window, used in windows.items()),
        tuple(lead.recent), lead.attributes, lead.touches, lead.stage, lead.stage_since,
        lead.first_touch, lead.last_touch, lead.now, lead.verdict,
    )  # fmt: skip
