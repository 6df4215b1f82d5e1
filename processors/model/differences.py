"""What a change of the scoring model changes, in sentences, before anyone publishes it."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from processors.model.scoring_model import Criterion, Rule, ScoringModel, Stage
from processors.model.values import NEVER, cap_words, span_words
from processors.model.words import (
    conditions_words,
    cooling_words,
    earned_words,
    grades_words,
    listed,
    signed,
    threshold_words,
    verdict_words,
)

T = TypeVar("T")


def differences(old: ScoringModel, new: ScoringModel) -> list[str]:
    """What *new* does differently, a sentence each; none means that both decide alike."""
    lines = list(_differences(old, new))
    if old.name != new.name:
        lines.insert(0, f"the model is named {new.name}, not {old.name}")
    elif lines and new.version <= old.version:
        lines.append(f"the version must be more than {old.version}: every fact names the version that decided it")
    return lines


def _differences(old: ScoringModel, new: ScoringModel) -> Iterator[str]:
    rules = {rule.name: rule for rule in old.rules}, {rule.name: rule for rule in new.rules}
    yield from _changes("rule", *rules, of=_rule, told=lambda rule: f"{signed(rule.points)} for {earned_words(rule)}")
    criteria = {c.name: c for c in old.fit.criteria}, {c.name: c for c in new.fit.criteria}
    yield from _changes("criterion", *criteria, of=_criterion, told=lambda c: f"{signed(c.points)} where {conditions_words(c.where)}")
    if old.fit.grades != new.fit.grades:
        yield f"grades: {grades_words(new.fit)}; before: {grades_words(old.fit)}"
    stages = {stage.name: stage for stage in old.stages}, {stage.name: stage for stage in new.stages}
    kept = [[name for name in side if name in stages[0] and name in stages[1]] for side in stages]
    if kept[0] != kept[1]:
        yield f"the stages come in another order: {', '.join(stages[1])}"
    yield from _changes("stage", *stages, of=_stage, told=lambda stage: "; ".join(_ways(stage)) or "no way in")
    yield from _more_or_less("disqualify_on", old.disqualifies, new.disqualifies)
    yield from _changes("recycle_on", old.recycles, new.recycles, of=_other, told=lambda to: f"sends a lead back to {to}")
    yield from _changes("verdict", old.verdicts, new.verdicts, of=lambda was, now: _other(verdict_words(was), verdict_words(now)), told=verdict_words)
    yield from _more_or_less("kinds", frozenset(old.kinds), frozenset(new.kinds))


def _changes(
    what: str, old: Mapping[str, T], new: Mapping[str, T], *, of: Callable[[T, T], Iterator[str]], told: Callable[[T], str]
) -> Iterator[str]:
    """Sentences on what came, went and changed among named things."""
    for name, entry in new.items():
        if name not in old:
            yield f"{what} {name} is new: {told(entry)}"
        elif entry != old[name]:
            yield from (f"{what} {name}: {change}" for change in of(old[name], entry))
    yield from (f"{what} {name} is gone: {told(entry)}" for name, entry in old.items() if name not in new)


def _other(was: str, now: str) -> Iterator[str]:
    if was != now:
        yield f"{now}; before: {was}"


def _rule(was: Rule, now: Rule) -> Iterator[str]:
    if was.kinds != now.kinds:
        yield f"for {listed(now.kinds)}; before: {listed(was.kinds)}"
    if was.where != now.where:
        yield f"where {conditions_words(now.where) or 'nothing is asked'}; before: {conditions_words(was.where) or 'nothing was asked'}"
    if was.points != now.points:
        yield f"{signed(now.points)} points; before: {signed(was.points)}"
    if was.half_life_s != now.half_life_s:
        fading = [span_words(rule.half_life_s) if rule.half_life_s else NEVER for rule in (was, now)]
        yield f"half-life {fading[1]}; before: {fading[0]}"
    if was.cap != now.cap:
        caps = [cap_words(rule.cap) if rule.cap is not None else "none" for rule in (was, now)]
        yield f"cap {caps[1]}; before: {caps[0]}"
    if was.once != now.once:
        yield "counts once per lead; before: every time" if now.once else "counts every time; before: once per lead"


def _criterion(was: Criterion, now: Criterion) -> Iterator[str]:
    if was.where != now.where:
        yield f"where {conditions_words(now.where)}; before: {conditions_words(was.where)}"
    if was.points != now.points:
        yield f"{signed(now.points)} points; before: {signed(was.points)}"


def _stage(was: Stage, now: Stage) -> Iterator[str]:
    before, after = _ways(was), _ways(now)
    yield from (f"now entered {way}" for way in after if way not in before)
    yield from (f"no longer entered {way}" for way in before if way not in after)
    if was.cooling != now.cooling:
        yield f"cools down {cooling_words(now.cooling)}" if now.cooling is not None else "cools down no more"


def _ways(stage: Stage) -> list[str]:
    return [f"by {rule}" for rule in sorted(stage.conversions)] + [f"by a score of {threshold_words(t)}" for t in stage.thresholds]


def _more_or_less(what: str, old: frozenset[str], new: frozenset[str]) -> Iterator[str]:
    yield from (f"{what}: {name} is new" for name in sorted(new - old))
    yield from (f"{what}: {name} is gone" for name in sorted(old - new))
