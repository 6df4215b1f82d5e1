"""A scoring model written as its file again, in one canonical form: `load(dump(model)) == model`."""

from collections.abc import Iterable
from typing import Any

import yaml

from processors.model.scoring_model import FitModel, PropertyTest, Rule, ScoringModel, Stage, VerdictRule
from processors.model.stages import VERDICTS
from processors.model.values import FOR_GOOD, cap_words, duration_words


def dump(model: ScoringModel) -> str:
    """Write *model*, as `load` could have returned it, as YAML. Comments are not kept: they are no part of the model."""
    order = [rule.name for rule in model.rules]
    top: dict[str, Any] = {"model": model.name, "version": model.version}
    if model.kinds:
        top["kinds"] = list(model.kinds)
    top["rules"] = [_rule(rule) for rule in model.rules]
    if model.fit != FitModel():
        top["fit"] = _fit(model.fit)
    top["stages"] = [_stage(stage, order) for stage in model.stages]
    if model.disqualifies:
        top["disqualify_on"] = sorted(model.disqualifies, key=order.index)
    if model.recycles:
        top["recycle_on"] = {rule: model.recycles[rule] for rule in sorted(model.recycles, key=order.index)}
    if model.verdicts:
        top["verdicts"] = {name: _verdict(model.verdicts[name]) for name in VERDICTS if name in model.verdicts}
    text: str = yaml.safe_dump(top, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text


def _rule(rule: Rule) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": rule.name, "kind": rule.kinds[0] if len(rule.kinds) == 1 else list(rule.kinds)}
    if rule.where:
        entry["where"] = conditions(rule.where)
    entry |= {"points": _number(rule.points), "half_life": duration_words(rule.half_life_s)}
    if rule.cap is not None:
        entry["cap"] = cap_words(rule.cap)
    if rule.once:
        entry["once"] = True
    return entry


def _fit(fit: FitModel) -> dict[str, Any]:
    criteria = [{"name": c.name, "where": conditions(c.where), "points": _number(c.points)} for c in fit.criteria]
    return {"criteria": criteria, "grades": {letter: _number(least) for letter, least in fit.grades}}


def _stage(stage: Stage, order: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": stage.name}
    if stage.conversions:
        entry["enter_on"] = sorted(stage.conversions, key=order.index)
    if stage.thresholds:
        entry["enter_at"] = [{"score": _number(t.score), "grade": t.grade} for t in stage.thresholds]
    if (cooling := stage.cooling) is not None:
        entry["cool"] = {"below": _number(cooling.below), "to": cooling.to, "after": duration_words(cooling.dwell_ms // 1000)}
    return entry


def _verdict(rule: VerdictRule) -> dict[str, Any]:
    return {"to": rule.to, "holds": duration_words(rule.holds_ms // 1000, FOR_GOOD)}


def conditions(tests: Iterable[PropertyTest]) -> dict[str, Any]:
    """The conditions as YAML values that read as *tests* again."""
    by_field: dict[str, list[PropertyTest]] = {}
    for test in tests:
        by_field.setdefault(test.field, []).append(test)
    return {name: _short(asked) or {test.operator: _argument(test) for test in asked} for name, asked in by_field.items()}


def _short(tests: list[PropertyTest]) -> str | list[str] | None:
    """The short form, without an operator, where it means the same."""
    test = tests[0]
    starred = any("*" in value for value in test.values)
    if len(tests) > 1 or starred != (test.operator == "matches"):
        return None
    if test.operator == "is" or (test.operator == "matches" and len(test.values) == 1):
        return test.values[0]
    return list(test.values) if test.operator in ("in", "matches") else None


def _argument(test: PropertyTest) -> str | list[str] | float | bool:
    match test.operator:
        case "exists":
            return True
        case "at_least" | "at_most" | "below":
            return _number(test.number)
        case "is":
            return test.values[0]
        case "in" | "matches" | "not":
            return list(test.values)


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value
