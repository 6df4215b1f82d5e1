"""What happened to a lead, in the past tense: the event-sourced history.

A fact holds everything `evolve` needs, so a replay under a new scoring model cannot change the past. Every fact of a
lead is decided from one record of its inbox; `(position, index)` orders a lead's facts totally.
"""

from typing import TypeAlias

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all facts have in common."""

    fact_id: str  # 32 hex digits derived from lead, cause, fact name and model version
    lead_id: str
    event_id: str  # the cause: a touchpoint's event id, or the name of a control record
    recorded_at: int  # the lead's now when it was decided
    model: str  # name and version of the scoring model that decided, as name@version
    import_id: str | None = None


class RuleSum(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points of one rule, worth `points` at `as_of` and fading from there with `half_life_s` (0: never fades)."""

    rule: str
    points: float
    as_of: int
    half_life_s: int
    count: int = 1
    window: int = -1  # the cap's window they fall into (days or weeks since 1970-01-01), -1 where the rule has no cap
    once: bool = False  # counts once in a lead's life, also across merges


class Touch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """By which road a lead came at an instant: the least that attribution needs."""

    channel: str
    campaign: str | None
    occurred_at: int


class Verdict(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What sales said of a lead: accepted, rejected, recycled or disqualified, until `expires_at` (0: for good)."""

    name: str
    given_at: int
    expires_at: int


class CapUse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points that a capped rule has used up in one window."""

    rule: str
    window: int
    points: float


class TouchpointCounted(Fact, frozen=True, kw_only=True, gc=False):
    """A touchpoint was counted, once; `sums` are the points it earned, a rule each, possibly none."""

    kind: str
    touch: Touch
    sums: tuple[RuleSum, ...] = ()


class TouchpointDuplicated(Fact, frozen=True, kw_only=True, gc=False):
    """A touchpoint that had been counted came again: nothing changed."""

    kind: str


class ProfileLearned(Fact, frozen=True, kw_only=True, gc=False):
    """Attributes of role or company became known or changed."""

    attributes: dict[str, str]


class FitGraded(Fact, frozen=True, kw_only=True, gc=False):
    """The profile was graded: `fit` points from 0 to 100, grade A to D, and the points of each criterion."""

    fit: float
    grade: str
    criteria: dict[str, float]


class StageChanged(Fact, frozen=True, kw_only=True, gc=False):
    """A transition. `effective_at` is the instant it took effect in the lead's time, `occurred_at` its cause's."""

    transition_id: str
    from_stage: str
    to_stage: str
    reason: str  # conversion, score, verdict, cooled, verdict_expired, deal_lost, merged, model
    rule: str | None  # the rule whose conversion caused it
    effective_at: int
    occurred_at: int
    score: float
    grade: str
    touch: Touch | None  # the last touch before or at the transition
    first_touch: Touch | None


class TransitionRefused(Fact, frozen=True, kw_only=True, gc=False):
    """A transition that was asked for and may not be, with the reason."""

    from_stage: str
    to_stage: str
    reason: str


class VerdictGiven(Fact, frozen=True, kw_only=True, gc=False):
    """Sales said what it thinks of the lead."""

    verdict: Verdict


class VerdictExpired(Fact, frozen=True, kw_only=True, gc=False):
    """A verdict's time is over; scores and conversions decide again."""

    verdict: str
    effective_at: int


class PointsWithdrawn(Fact, frozen=True, kw_only=True, gc=False):
    """Touchpoints turned out to be no person's: what they had earned is taken back, once, and they are marked.

    `sums` hold the points taken back with their sign turned, `event_ids` the touchpoints, also those that earned nothing.
    """

    reason: str  # security_scanner, ...
    sums: tuple[RuleSum, ...]
    event_ids: tuple[tuple[int, int], ...]  # (64-bit event key, when the touchpoint happened)


class LeadForwarded(Fact, frozen=True, kw_only=True, gc=False):
    """The lead turned out to be `to`: what it had was handed over (unless it was forwarded already), mail goes on."""

    to: str
    handed_over: bool


class LeadReleased(Fact, frozen=True, kw_only=True, gc=False):
    """A forwarding was taken back: the lead is itself again from here on; its history stays with the other."""

    was: str


class IdentityMerged(Fact, frozen=True, kw_only=True, gc=False):
    """What another lead had gathered was added to this one; `sums` and the rest are what is added, no more."""

    absorbed: str
    sums: tuple[RuleSum, ...]
    caps: tuple[CapUse, ...]
    event_ids: tuple[tuple[int, int], ...]  # (64-bit event key, recorded_at): recent ones, so a resend is recognised here too
    attributes: dict[str, str]
    touches: int
    stage: str
    first_touch: Touch | None
    last_touch: Touch | None
    verdict: Verdict | None = None


AnyFact: TypeAlias = (
    TouchpointCounted
    | TouchpointDuplicated
    | ProfileLearned
    | FitGraded
    | StageChanged
    | TransitionRefused
    | VerdictGiven
    | VerdictExpired
    | PointsWithdrawn
    | LeadForwarded
    | LeadReleased
    | IdentityMerged
)
