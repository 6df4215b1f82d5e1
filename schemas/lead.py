"""A lead: what a decision about it needs to know. Exactly `fold(evolve, facts)`."""

import msgspec

from schemas.facts import Touch, Verdict
from schemas.remembered import Remembered


class Engagement(msgspec.Struct, array_like=True, gc=False):
    """Points of one rule so far: `value` at `as_of`, halving every `half_life_s` (0: never)."""

    value: float
    as_of: int
    half_life_s: int
    count: int


class Lead(msgspec.Struct, array_like=True, gc=False):
    """A person we could sell to. Changes in place, by `processors.lead.evolve` alone: a shard owns its leads.

    A lead that has been `forwarded_to` another keeps its event keys and its identity, nothing else.
    """

    now: int = 0  # the largest instant that reached it
    stage: str = "visitor"
    stage_since: int = 0
    engagement: dict[str, Engagement] = {}  # by rule and half-life (`processors.engagement.slot`)
    caps: dict[str, dict[int, float]] = {}  # capped rule -> window -> points used; the newest few windows
    once: list[str] = []  # once-only rules that have counted
    attributes: dict[str, str] = {}
    fit: float = 0.0
    grade: str = "D"
    criteria: dict[str, float] = {}
    verdict: Verdict | None = None
    first_touch: Touch | None = None
    last_touch: Touch | None = None
    touches: int = 0
    recent: Remembered = msgspec.field(default_factory=Remembered)  # event key -> recorded_at
    forgotten: int = 0  # event keys dropped by count while still young: each is a resend that would count again
    forwarded_to: str | None = None
    model: str = ""
