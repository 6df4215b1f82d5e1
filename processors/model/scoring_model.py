"""The scoring model: the numbers and conditions that marketing may change. Values only; `processors.model.file` reads
and checks the YAML, `processors.stage` and `processors.decision` apply it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from processors.model.conditions import Check, Operator, check_of
from schemas.kinds import KNOWN
from schemas.touchpoint import Touchpoint

VISITOR: Final = "visitor"
CUSTOMER: Final = "customer"
DISQUALIFIED: Final = "disqualified"
_MONDAY_MS: Final = 3 * 24 * 3600 * 1000  # the epoch was a Thursday
GRADES: Final = ("A", "B", "C", "D")
ANY_KIND: Final = "any"
"""In place of a rule's kinds: touchpoints of every kind."""
TOUCHPOINT_FIELDS: Final = ("channel", "campaign", "source", "email_domain")
"""What a condition may ask of a touchpoint beside its properties."""

HITS_MAX: Final = 4096
"""Combinations of a kind and the values its rules ask of that are remembered, before all are forgotten."""

VerdictName = Literal["accepted", "rejected", "recycled", "disqualified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyTest:
    """One condition. `field` names a touchpoint's property, one of TOUCHPOINT_FIELDS, or (in the fit) a coded attribute.

    Texts compare without regard to case. What is absent passes nothing, not even `not`.
    """

    field: str
    operator: Operator
    values: tuple[str, ...] = ()  # `matches`: any of the patterns fits, `not`: none does; * stands for any text
    number: float = 0.0  # `at_least`, `at_most`, `below`

    def check(self) -> Check:
        return check_of(self.operator, self.values, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `points` per window of `window_ms`: a UTC day, or a week from Monday to Sunday."""

    points: float
    window_ms: int

    def window(self, at: int) -> int:
        """The number of the window that the instant *at* falls into, counted from Monday, 29 December 1969."""
        return (at + _MONDAY_MS) // self.window_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the scoring model. A touchpoint of one of `kinds` that passes every test earns `points`."""

    name: str
    kinds: tuple[str, ...]
    where: tuple[PropertyTest, ...] = ()
    points: float = 0.0
    half_life_s: int = 0  # 0: never fades
    cap: Cap | None = None
    once: bool = False
    _checks: tuple[tuple[str, bool, Check], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Rules are asked millions of times: what can be worked out once is.
        object.__setattr__(self, "_checks", tuple((t.field, t.field in TOUCHPOINT_FIELDS, t.check()) for t in self.where))

    def matches(self, touchpoint: Touchpoint) -> bool:
        """Whether *touchpoint*, known to be of one of the rule's kinds, passes every test."""
        for name, is_field, check in self._checks:
            value = getattr(touchpoint, name) if is_field else touchpoint.properties.get(name)
            if value is None or not check(value):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A score that is enough for a stage, where the fit's grade is at least `grade` (D: any)."""

    score: float
    grade: str = "D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """What recycles a lead by time alone: a score below `below` after `dwell_ms` in the stage sends it `to` another.

    Hysteresis: `below` lies under every threshold of entry, the loader sees to it.
    """

    below: float
    to: str
    dwell_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: the rules whose conversion enters it, the scores that do, and what cools it down."""

    name: str
    conversions: frozenset[str] = frozenset()
    thresholds: tuple[Threshold, ...] = ()
    cooling: Cooling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRule:
    """What a verdict of sales does: the stage it moves the lead `to`, and how long it holds (0: for good).

    While `rejected`, `recycled` or `disqualified` holds, scores move the lead no further up than `to`; a conversion
    of a stage beyond does for all but `disqualified`, since the lead has spoken again.
    """

    to: str
    holds_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One line of the fit: `points` where the coded attributes (see `profile`) pass every test."""

    name: str
    where: tuple[PropertyTest, ...]
    points: float
    _checks: tuple[tuple[str, Check], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_checks", tuple((test.field, test.check()) for test in self.where))

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether the coded *attributes* pass every test."""
        for name, check in self._checks:
            value = attributes.get(name)
            if value is None or not check(value):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FitModel:
    """Criteria, and the points from which grades A, B and C are given; below C it is D."""

    criteria: tuple[Criterion, ...] = ()
    grades: tuple[tuple[str, float], ...] = (("A", 70.0), ("B", 45.0), ("C", 20.0))


class Hit(NamedTuple):
    """The rules that a touchpoint hits, and the names of those whose conversion may change a stage."""

    rules: tuple[Rule, ...]
    converting: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringModel:
    """A whole model. `stages` are in order, from visitor to customer; disqualified stands beside them."""

    name: str
    version: int
    rules: tuple[Rule, ...]
    fit: FitModel
    stages: tuple[Stage, ...]
    disqualifies: frozenset[str] = frozenset()  # rules that disqualify
    recycles: dict[str, str] = field(default_factory=dict)  # rule (deal lost) -> stage it sends the lead back to
    verdicts: dict[str, VerdictRule] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()  # kinds of the business's own, beside those of `schemas.kinds`
    text: str = field(default="", repr=False, compare=False)
    id: str = field(init=False, repr=False, compare=False)  # name@version
    rules_of: dict[str, tuple[Rule, ...]] = field(init=False, repr=False, compare=False)
    rank: dict[str, int] = field(init=False, repr=False, compare=False)
    ladder: dict[str, tuple[tuple[str, Threshold], ...]] = field(init=False, repr=False, compare=False)  # stage -> those above it
    _asked: dict[str, tuple[tuple[str, bool], ...]] = field(init=False, repr=False, compare=False)  # kind -> what its rules ask of
    _converting: frozenset[str] = field(init=False, repr=False, compare=False)
    _hits: dict[tuple[str | None, ...], Hit] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        named = (kind for rule in self.rules for kind in rule.kinds)
        by_kind: dict[str, list[Rule]] = {kind: [] for kind in (*sorted(KNOWN), *self.kinds, *named, ANY_KIND)}
        for rule in self.rules:
            for kind in by_kind if ANY_KIND in rule.kinds else rule.kinds:
                by_kind[kind].append(rule)
        asked = {
            kind: tuple((name, name in TOUCHPOINT_FIELDS) for name in sorted({test.field for rule in rules for test in rule.where}))
            for kind, rules in by_kind.items()
        }
        converting = self.disqualifies.union(self.recycles, *(stage.conversions for stage in self.stages))
        object.__setattr__(self, "id", f"{self.name}@{self.version}")
        object.__setattr__(self, "rules_of", {kind: tuple(rules) for kind, rules in by_kind.items()})
        object.__setattr__(self, "rank", {stage.name: i for i, stage in enumerate(self.stages)} | {DISQUALIFIED: -1})
        object.__setattr__(self, "ladder", {stage.name: _above(self.stages[i + 1 :]) for i, stage in enumerate(self.stages)} | {DISQUALIFIED: ()})
        object.__setattr__(self, "_asked", asked)
        object.__setattr__(self, "_converting", converting)

    def rules_for(self, kind: str) -> tuple[Rule, ...]:
        """The rules that a touchpoint of *kind* may hit: of a kind no rule names, those for any."""
        found = self.rules_of.get(kind)
        return self.rules_of[ANY_KIND] if found is None else found

    def hit(self, touchpoint: Touchpoint) -> Hit:
        """The rules that *touchpoint* hits, in the model's order.

        Paths and titles come again and again: what was found for the same values is remembered, so that it costs the
        same whether one rule asks or two hundred do.
        """
        kind = touchpoint.kind
        names = self._asked.get(kind)
        if names is None:  # a kind that no rule names; there may be any number of those
            kind, names = ANY_KIND, self._asked[ANY_KIND]
        said = touchpoint.properties
        key = (kind, *[getattr(touchpoint, name) if is_field else said.get(name) for name, is_field in names])
        found = self._hits.get(key)
        if found is None:
            found = self._find(kind, touchpoint)
            if len(self._hits) >= HITS_MAX:
                self._hits.clear()
            self._hits[key] = found
        return found

    def _find(self, kind: str, touchpoint: Touchpoint) -> Hit:
        rules = tuple(rule for rule in self.rules_of[kind] if rule.matches(touchpoint))
        return Hit(rules, tuple(rule.name for rule in rules if rule.name in self._converting))


def _above(stages: Sequence[Stage]) -> tuple[tuple[str, Threshold], ...]:
    """The scores that enter *stages*, and which; the furthest first."""
    return tuple((stage.name, threshold) for stage in reversed(stages) for threshold in stage.thresholds)


NO_MODEL: Final = ScoringModel(
    name="none", version=0, rules=(), fit=FitModel(), stages=(Stage(name=VISITOR), Stage(name=CUSTOMER))
)
"""What a partition decides by before a model was published: identity only, touchpoints wait."""


def at_least_grade(grade: str, wanted: str) -> bool:
    """Whether *grade* is *wanted* or better: A is best."""
    return grade <= wanted
