"""A lead's profile as `leads.profiles` tells it: score, stage and fit now, with the reasons."""

import msgspec

from schemas.facts import RuleSum, Touch


class LeadProfile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a lead at `as_of`. The fields are explained in `avsc/profile.v1.avsc`."""

    lead_id: str
    stage: str
    stage_since: int
    score: float
    as_of: int
    reasons: tuple[RuleSum, ...] = ()  # points per rule at `as_of`: they add up to the score
    fit: float
    grade: str
    criteria: dict[str, float] = {}
    attributes: dict[str, str] = {}
    verdict: str | None = None
    verdict_expires_at: int | None = None
    first_touch: Touch | None = None
    last_touch: Touch | None = None
    touches: int
    forwarded_to: str | None = None
    model: str
    partition: int
    offset: int
