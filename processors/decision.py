"""What happens to one lead: a touchpoint, time, a merge or a new model, decided into facts.

`handle`, `advance`, `absorb`, `forward`, `release` and `adopt` decide and evolve the lead in place, step by step;
`decide` does the same as `handle` on a copy. All return the facts, in order; none means that nothing happened.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Final, Protocol

import msgspec

from processors import stage
from processors.engagement import cap_left, rule_of, total_at
from processors.fit import grade
from processors.lead import evolve
from processors.model.scoring_model import DISQUALIFIED, Hit, Rule, ScoringModel
from schemas.facts import (
    AnyFact,
    FitGraded,
    IdentityMerged,
    LeadForwarded,
    LeadReleased,
    PointsWithdrawn,
    ProfileLearned,
    RuleSum,
    StageChanged,
    Touch,
    TouchpointCounted,
    TouchpointDuplicated,
    TransitionRefused,
    Verdict,
    VerdictExpired,
    VerdictGiven,
)
from schemas.ids import derive, event_key
from schemas.inbox import LeadAbsorbed
from schemas.kinds import BOT_VERDICT, ERASURE_REQUESTED, NO_CHANNEL, PASSIVE, SALES_VERDICT
from schemas.lead import Lead
from schemas.touchpoint import Touchpoint

TIME: Final = "time"
"""The cause of what time alone does."""
_NO_RULE: Final = Hit((), ())
BOT: Final = "bot"
"""Why points are taken back from a lead that is a program."""
_TIMERS_MAX: Final = 64
"""Changes that time alone may make at once: a model has a handful of stages, so more would be a loop."""


class Withdrawn(Protocol):
    """A touchpoint that turned out to be no person's: its key, when it happened, what it had earned."""

    @property
    def key(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def sums(self) -> tuple[RuleSum, ...]: ...


class Decision:
    """A decision being taken about one lead: tells facts, evolving the lead by each, so the next sees the last."""

    __slots__ = ("cause", "facts", "import_id", "lead", "lead_id", "model", "model_id", "now")

    def __init__(self, lead: Lead, lead_id: str, model: ScoringModel, *, cause: str, import_id: str | None, at: int) -> None:
        self.lead = lead
        self.lead_id = lead_id
        self.model = model
        self.model_id = model.id
        self.cause = cause
        self.import_id = import_id
        self.now = max(lead.now, at)
        self.facts: list[AnyFact] = []

    def tell(self, fact: AnyFact) -> None:
        evolve(self.lead, fact)
        self.facts.append(fact)

    def id(self, *what: str) -> str:
        return derive(self.lead_id, self.cause, self.model_id, *what)

    def advance(self, until: int) -> None:
        """Tell what time alone does up to *until*, each change at its exact instant, named by it whoever notices."""
        bound = stage.due_after(self.lead, self.model)
        if bound is None or bound > until:
            return
        cause, self.cause = self.cause, TIME
        self._advance(until)
        self.cause = cause

    def _advance(self, until: int) -> None:
        for _ in range(_TIMERS_MAX):
            due = stage.due_exactly(self.lead, self.model)
            if due is None or due[0] > until:
                return
            instant, move = due
            if move is None:
                self._expire(instant)
                move = stage.by_score(self.lead, instant, self.model)
            self.move(move, occurred_at=instant, effective_at=instant)
        raise AssertionError(f"model {self.model_id}: more than {_TIMERS_MAX} changes by time alone")

    def _expire(self, instant: int) -> None:
        verdict = self.lead.verdict
        assert verdict is not None
        self.tell(VerdictExpired(
            fact_id=self.id("verdict_expired", str(instant)), lead_id=self.lead_id, event_id=self.cause,
            recorded_at=instant, model=self.model_id, import_id=self.import_id,
            verdict=verdict.name, effective_at=instant,
        ))  # fmt: skip
        if self.lead.stage == DISQUALIFIED:
            self.move(stage.Move(self.model.stages[0].name, "verdict_expired"), occurred_at=instant, effective_at=instant)

    def learn(self, profile: dict[str, str]) -> None:
        """Tell attributes that are new or changed, and the grade they make."""
        news = {name: value for name, value in profile.items() if self.lead.attributes.get(name) != value}
        if not news:
            return
        self.tell(ProfileLearned(
            fact_id=self.id("profile_learned"), lead_id=self.lead_id, event_id=self.cause, recorded_at=self.now,
            model=self.model_id, import_id=self.import_id, attributes=news,
        ))  # fmt: skip
        self.grade()

    def grade(self) -> None:
        """Tell the fit's grade where it changed."""
        lead = self.lead
        fit, letter, criteria = grade(lead.attributes, self.model.fit)
        if (fit, letter, criteria) != (lead.fit, lead.grade, lead.criteria):
            self.tell(FitGraded(
                fact_id=self.id("fit_graded"), lead_id=self.lead_id, event_id=self.cause, recorded_at=self.now,
                model=self.model_id, import_id=self.import_id, fit=fit, grade=letter, criteria=criteria,
            ))  # fmt: skip

    def judge(self, verdict: str, given_at: int) -> None:
        """Tell a verdict of sales and what it does. An older one than the one in force changes nothing."""
        lead = self.lead
        rule = self.model.verdicts.get(verdict)
        if lead.verdict is not None and given_at < lead.verdict.given_at:
            self.move(stage.Hold(lead.stage, "a later verdict is in force"), occurred_at=given_at)
            return
        if rule is not None:
            expires_at = self.now + rule.holds_ms if rule.holds_ms else 0
            self.tell(VerdictGiven(
                fact_id=self.id("verdict_given"), lead_id=self.lead_id, event_id=self.cause, recorded_at=self.now,
                model=self.model_id, import_id=self.import_id, verdict=Verdict(verdict, given_at, expires_at),
            ))  # fmt: skip
        self.move(stage.by_verdict(lead, verdict, self.model), occurred_at=given_at)

    def disown(self, given_at: int) -> None:
        """Take back all points: a program earned them. Where the model can disqualify for good, it stays out."""
        if self.lead.engagement:
            self.tell(PointsWithdrawn(
                fact_id=self.id("points_withdrawn", BOT), lead_id=self.lead_id, event_id=self.cause, recorded_at=self.now,
                model=self.model_id, import_id=self.import_id, reason=BOT, event_ids=(),
                sums=tuple(
                    RuleSum(rule_of(key), -each.value, each.as_of, each.half_life_s, count=each.count)
                    for key, each in sorted(self.lead.engagement.items())
                ),
            ))  # fmt: skip
        if DISQUALIFIED in self.model.verdicts:
            self.judge(DISQUALIFIED, given_at)

    def move(self, move: stage.Move | stage.Hold | None, occurred_at: int, effective_at: int | None = None) -> None:
        """Tell a change of stage, or that one was refused."""
        lead, now = self.lead, self.now if effective_at is None else effective_at
        if isinstance(move, stage.Move):
            if lead.stage == move.to:
                return
            cause = f"{TIME} {now}" if self.cause == TIME else self.cause
            transition_id = derive(self.lead_id, cause, self.model_id, lead.stage, move.to)
            self.tell(StageChanged(
                fact_id=self.id("stage_changed", transition_id), lead_id=self.lead_id, event_id=self.cause,
                recorded_at=now, model=self.model_id, import_id=self.import_id, transition_id=transition_id,
                from_stage=lead.stage, to_stage=move.to, reason=move.reason, rule=move.rule, effective_at=now,
                occurred_at=occurred_at, score=total_at(lead, now), grade=lead.grade, touch=lead.last_touch,
                first_touch=lead.first_touch,
            ))  # fmt: skip
        elif isinstance(move, stage.Hold):
            self.tell(TransitionRefused(
                fact_id=self.id("transition_refused", move.to), lead_id=self.lead_id, event_id=self.cause,
                recorded_at=now, model=self.model_id, import_id=self.import_id,
                from_stage=lead.stage, to_stage=move.to, reason=move.reason,
            ))  # fmt: skip


def decide(lead: Lead, touchpoint: Touchpoint, model: ScoringModel, *, lead_id: str, seen_at: str = "") -> tuple[AnyFact, ...]:
    """The facts that *touchpoint* leads to; *lead* stays as it is. *seen_at* names the delivery, for duplicates."""
    return handle(deepcopy(lead), touchpoint, model, lead_id=lead_id, seen_at=seen_at)


def handle(lead: Lead, touchpoint: Touchpoint, model: ScoringModel, *, lead_id: str, seen_at: str = "") -> tuple[AnyFact, ...]:
    """Decide *touchpoint* and evolve *lead* by the facts, in place."""
    if event_key(touchpoint.event_id) in lead.recent:
        return (duplicate(lead, touchpoint, model, lead_id=lead_id, seen_at=seen_at),)
    return count(lead, touchpoint, model, lead_id=lead_id)


def count(
    lead: Lead, touchpoint: Touchpoint, model: ScoringModel, *, lead_id: str, quiet_until: int = 0, by_machine: bool = False
) -> tuple[AnyFact, ...]:
    """Decide a *touchpoint* that *lead* does not remember, and evolve *lead* by the facts, in place.

    *quiet_until*: an instant before which time alone is known to change nothing; spares asking. What is done
    *by_machine* is counted, and neither earns points nor converts, nor is it a road; a request to be forgotten, too.
    """
    decision = Decision(
        lead, lead_id, model, cause=touchpoint.event_id, import_id=touchpoint.import_id, at=touchpoint.received_at
    )
    if decision.now >= quiet_until:
        decision.advance(decision.now)
    occurred_at = min(touchpoint.occurred_at, decision.now)
    hit = _NO_RULE if by_machine or touchpoint.kind == ERASURE_REQUESTED else model.hit(touchpoint)
    channel = NO_CHANNEL if by_machine or touchpoint.kind in PASSIVE else touchpoint.channel
    decision.tell(TouchpointCounted(
        fact_id=decision.id("counted"), lead_id=lead_id, event_id=touchpoint.event_id, recorded_at=decision.now,
        model=decision.model_id, import_id=touchpoint.import_id, kind=touchpoint.kind,
        touch=Touch(channel, touchpoint.campaign, occurred_at), sums=_earned(lead, hit.rules, occurred_at),
    ))  # fmt: skip
    if touchpoint.profile:
        decision.learn(touchpoint.profile)
    if touchpoint.kind == SALES_VERDICT:
        decision.judge(touchpoint.properties.get("verdict", ""), occurred_at)
    elif touchpoint.kind == BOT_VERDICT:
        decision.disown(occurred_at)
    if hit.converting:
        decision.move(stage.by_conversion(lead, hit.converting, model), occurred_at)
    decision.move(stage.by_score(lead, decision.now, model), occurred_at)
    return tuple(decision.facts)


def withdraw(
    lead: Lead, withdrawn: Iterable[Withdrawn], model: ScoringModel, *, lead_id: str, cause: str, reason: str, import_id: str | None
) -> tuple[AnyFact, ...]:
    """Take back what touchpoints earned that turned out to be no person's. What was told because of it stays told; a
    stage that the score no longer carries cools as any does.
    """
    decision = Decision(lead, lead_id, model, cause=cause, import_id=import_id, at=lead.now)
    several = tuple(withdrawn)
    decision.tell(PointsWithdrawn(
        fact_id=decision.id("points_withdrawn", reason), lead_id=lead_id, event_id=cause, recorded_at=decision.now,
        model=decision.model_id, import_id=import_id, reason=reason,
        sums=tuple(msgspec.structs.replace(each, points=-each.points) for one in several for each in one.sums),
        event_ids=tuple((one.key, one.at) for one in several),
    ))  # fmt: skip
    return tuple(decision.facts)


def only_grew(facts: tuple[AnyFact, ...]) -> bool:
    """Whether *facts* did nothing but add good points: then time alone changes the lead no earlier than before."""
    for fact in facts:
        if not isinstance(fact, TouchpointCounted):
            return False
        for earned in fact.sums:
            if earned.points < 0:
                return False
    return True


def duplicate(lead: Lead, touchpoint: Touchpoint, model: ScoringModel, *, lead_id: str, seen_at: str) -> AnyFact:
    """The fact that a counted touchpoint came again; nothing changes."""
    return TouchpointDuplicated(
        fact_id=derive(lead_id, touchpoint.event_id, "duplicated", seen_at), lead_id=lead_id,
        event_id=touchpoint.event_id, recorded_at=lead.now, model=model.id, import_id=touchpoint.import_id,
        kind=touchpoint.kind,
    )  # fmt: skip


def _earned(lead: Lead, rules: tuple[Rule, ...], occurred_at: int) -> tuple[RuleSum, ...]:
    """The points that each of *rules* earns, its cap and its once-only mark considered. Zero earns nothing."""
    sums = []
    for rule in rules:
        if rule.once and rule.name in lead.once:
            continue
        points, window = rule.points, -1
        if rule.cap is not None:
            window = rule.cap.window(occurred_at)
            left = cap_left(lead, rule.name, window, rule.cap.points)
            points = min(points, left) if points > 0 else max(points, -left)
        if points or rule.once:
            sums.append(RuleSum(rule.name, points, occurred_at, rule.half_life_s, 1, window, rule.once))
    return tuple(sums)


def advance(
    lead: Lead, until: int, model: ScoringModel, *, lead_id: str, import_id: str | None = None
) -> tuple[AnyFact, ...]:
    """What time alone does up to *until*. The facts are named by their instants, whoever notices them."""
    decision = Decision(lead, lead_id, model, cause=TIME, import_id=import_id, at=lead.now)
    decision.advance(until)
    return tuple(decision.facts)


def adopt(lead: Lead, model: ScoringModel, *, lead_id: str, at: int) -> tuple[AnyFact, ...]:
    """Look at the lead again under a newly published model: its grade, and whether the score is now enough."""
    decision = Decision(lead, lead_id, model, cause=f"model {model.id}", import_id=None, at=at)
    decision.advance(decision.now)
    decision.grade()
    if lead.stage not in model.rank:
        decision.move(stage.Move(model.stages[0].name, "model"), occurred_at=decision.now)
    decision.move(stage.by_score(lead, decision.now, model), occurred_at=decision.now)
    return tuple(decision.facts)


def forward(lead: Lead, to: str, model: ScoringModel, *, lead_id: str, cause: str, at: int) -> tuple[AnyFact, ...]:
    """The lead turned out to be *to*. What it had gathered is gone from it afterwards: hand it over before."""
    decision = Decision(lead, lead_id, model, cause=cause, import_id=None, at=at)
    decision.tell(LeadForwarded(
        fact_id=decision.id("lead_forwarded", to), lead_id=lead_id, event_id=cause, recorded_at=decision.now,
        model=decision.model_id, to=to, handed_over=lead.forwarded_to is None,
    ))  # fmt: skip
    return tuple(decision.facts)


def release(lead: Lead, model: ScoringModel, *, lead_id: str, cause: str, at: int) -> tuple[AnyFact, ...]:
    """Take a forwarding back: the lead is itself again, from nothing."""
    if lead.forwarded_to is None:
        return ()
    decision = Decision(lead, lead_id, model, cause=cause, import_id=None, at=at)
    decision.tell(LeadReleased(
        fact_id=decision.id("lead_released", lead.forwarded_to), lead_id=lead_id, event_id=cause,
        recorded_at=decision.now, model=decision.model_id, was=lead.forwarded_to,
    ))  # fmt: skip
    return tuple(decision.facts)


def absorb(lead: Lead, mail: LeadAbsorbed, model: ScoringModel, *, lead_id: str, cause: str) -> tuple[AnyFact, ...]:
    """Add what another lead had gathered: once-only rules count once, the further stage stays."""
    decision = Decision(lead, lead_id, model, cause=cause, import_id=None, at=mail.at)
    decision.advance(decision.now)
    decision.tell(IdentityMerged(
        fact_id=decision.id("identity_merged", mail.absorbed), lead_id=lead_id, event_id=cause,
        recorded_at=decision.now, model=decision.model_id, absorbed=mail.absorbed,
        sums=tuple(s for s in mail.sums if not (s.once and s.rule in lead.once)),
        caps=mail.caps, event_ids=mail.event_ids, attributes=mail.attributes, touches=mail.touches, stage=mail.stage,
        first_touch=mail.first_touch, last_touch=mail.last_touch, verdict=mail.verdict,
    ))  # fmt: skip
    if mail.attributes:
        decision.grade()
    here, theirs = model.rank.get(lead.stage, 0), model.rank.get(mail.stage, 0)
    if stage.held_by(lead) is None and lead.stage != DISQUALIFIED and theirs > here:
        decision.move(stage.Move(mail.stage, "merged"), occurred_at=mail.stage_since)
    decision.move(stage.by_score(lead, decision.now, model), occurred_at=decision.now)
    return tuple(decision.facts)
