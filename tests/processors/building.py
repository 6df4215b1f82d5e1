"""Builders with a default for every field but the one under test, and the given/when/then of the core."""

from dataclasses import dataclass, field

from processors import decision
from processors.lead import replay
from processors.model.scoring_model import (
    Cap,
    Cooling,
    Criterion,
    FitModel,
    PropertyTest,
    Rule,
    ScoringModel,
    Stage,
    Threshold,
    VerdictRule,
)
from schemas.facts import AnyFact
from schemas.ids import derive
from schemas.lead import Lead
from schemas.touchpoint import Touchpoint

DAY_MS = 24 * 3600 * 1000
DAY_S = 24 * 3600
T0 = 1_750_000_000_000 // DAY_MS * DAY_MS  # a midnight in 2025

MODEL = ScoringModel(
    name="test",
    version=1,
    rules=(
        Rule(name="page", kinds=("page_view",), points=2, half_life_s=10 * DAY_S, cap=Cap(points=6, window_ms=DAY_MS)),
        Rule(
            name="pricing",
            kinds=("page_view",),
            where=(PropertyTest(field="path", operator="matches", values=("/pricing*",)),),
            points=8,
            half_life_s=20 * DAY_S,
        ),
        Rule(name="ebook", kinds=("ebook_downloaded",), points=20, half_life_s=30 * DAY_S),
        Rule(name="signup", kinds=("signed_up",), points=5, once=True),
        Rule(name="demo", kinds=("demo_booked",), points=40, half_life_s=30 * DAY_S),
        Rule(name="unsubscribed", kinds=("email_unsubscribed",), points=-15, half_life_s=60 * DAY_S),
        Rule(name="competitor", kinds=("custom_competitor",)),
        Rule(name="won", kinds=("deal_won",)),
        Rule(name="lost", kinds=("deal_lost",)),
    ),
    fit=FitModel(
        criteria=(
            Criterion(name="decides", where=(PropertyTest(field="role", operator="in", values=("c_level", "vp")),), points=60),
            Criterion(name="home", where=(PropertyTest(field="country", operator="is", values=("DE",)),), points=20),
        )
    ),
    stages=(
        Stage(name="visitor"),
        Stage(
            name="mql",
            conversions=frozenset({"ebook"}),
            thresholds=(Threshold(score=30),),
            cooling=Cooling(below=10, to="visitor", dwell_ms=5 * DAY_MS),
        ),
        Stage(
            name="sql",
            conversions=frozenset({"demo"}),
            thresholds=(Threshold(score=60, grade="B"),),
            cooling=Cooling(below=5, to="mql", dwell_ms=10 * DAY_MS),
        ),
        Stage(name="customer", conversions=frozenset({"won"})),
    ),
    disqualifies=frozenset({"competitor"}),
    recycles={"lost": "mql"},
    verdicts={
        "accepted": VerdictRule(to="sql", holds_ms=30 * DAY_MS),
        "rejected": VerdictRule(to="visitor", holds_ms=30 * DAY_MS),
        "recycled": VerdictRule(to="mql", holds_ms=30 * DAY_MS),
        "disqualified": VerdictRule(to="disqualified", holds_ms=90 * DAY_MS),
    },
)
_serial = iter(range(10**9))


def touch(kind: str = "page_view", *, at: int = T0, event: str | None = None, received_at: int | None = None, **fields) -> Touchpoint:
    """A touchpoint of visitor `ann`; *at* is when it occurred and, unless said otherwise, was received."""
    if not fields.keys() & {"visitor_id", "crm_id", "email_hash"}:
        fields["visitor_id"] = "ann"
    return Touchpoint(
        event_id=derive("test", event if event is not None else str(next(_serial))),
        source="test",
        kind=kind,
        channel=fields.pop("channel", "direct"),
        occurred_at=at,
        received_at=at if received_at is None else received_at,
        **fields,
    )


@dataclass
class Scenario:
    """given(facts or touchpoints).when(touchpoint).then(...)."""

    model: ScoringModel = field(default_factory=lambda: MODEL)
    lead_id: str = "v:ann"
    lead: Lead = field(default_factory=Lead)
    history: list[AnyFact] = field(default_factory=list)
    facts: tuple[AnyFact, ...] = ()

    def given(self, *touchpoints: Touchpoint) -> "Scenario":
        for each in touchpoints:
            self.when(each)
        return self

    def when(self, touchpoint: Touchpoint) -> "Scenario":
        decided = decision.decide(self.lead, touchpoint, self.model, lead_id=self.lead_id)
        self._record(decision.handle(self.lead, touchpoint, self.model, lead_id=self.lead_id))
        assert self.facts == decided, "decide on a copy and handle in place must say the same"
        return self

    def when_time_reaches(self, instant: int) -> "Scenario":
        self._record(decision.advance(self.lead, instant, self.model, lead_id=self.lead_id))
        return self

    def _record(self, facts: tuple[AnyFact, ...]) -> None:
        self.facts = facts
        self.history.extend(facts)
        assert replay(self.history) == self.lead, "the state must be exactly fold(evolve, facts)"

    def then(self, *names: str) -> "Scenario":
        assert [type(fact).__name__ for fact in self.facts] == list(names)
        return self

    def then_stage(self, stage: str) -> "Scenario":
        assert self.lead.stage == stage
        return self
