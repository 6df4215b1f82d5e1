"""A scoring model in words."""

from collections.abc import Iterable, Iterator
from typing import Final

from processors.model.scoring_model import (
    ANY_KIND,
    CUSTOMER,
    DISQUALIFIED,
    GRADES,
    VISITOR,
    Cooling,
    FitModel,
    PropertyTest,
    Rule,
    ScoringModel,
    Stage,
    Threshold,
    VerdictRule,
)
from processors.model.values import FOR_GOOD, cap_words, span_words, spelled

VALUES_SHOWN_MAX: Final = 8


def describe(model: ScoringModel) -> list[str]:
    """The model in plain lines: what moves a lead between stages, what earns points, what makes the grade."""
    lines = [f"Scoring model {model.name}, version {model.version}", ""]
    lines += ["Stages: " + ", ".join(stage.name for stage in model.stages)]
    for stage in model.stages:
        lines += _stage_lines(stage, model)
    if model.disqualifies:
        lines.append(f"A lead is {DISQUALIFIED} by {listed(in_order(model.disqualifies, model))}")
    lines += [f"A lead is sent back to {to} by {rule}" for rule, to in model.recycles.items()]
    lines += [f"Where sales says {name}, {verdict_words(rule)}" for name, rule in model.verdicts.items()]
    lines += ["", "Points"]
    width = max(len(rule.name) for rule in model.rules)
    lines += [f"  {rule.name:{width}}  {signed(rule.points):>5}  {earned_words(rule)}" for rule in model.rules]
    if model.fit.criteria:
        lines += ["", f"Fit: grade {grades_words(model.fit)}, D below"]
        width = max(len(criterion.name) for criterion in model.fit.criteria)
        lines += [f"  {c.name:{width}}  {signed(c.points):>5}  {conditions_words(c.where)}" for c in model.fit.criteria]
    return lines


def _stage_lines(stage: Stage, model: ScoringModel) -> Iterator[str]:
    if stage.name == VISITOR:
        return
    yield f"A lead becomes {'a ' if stage.name == CUSTOMER else ''}{stage.name}"
    if stage.conversions:
        yield f"  by {listed(in_order(stage.conversions, model))}"
    for threshold in stage.thresholds:
        yield f"  by a score of {threshold_words(threshold)}"
    if stage.cooling is not None:
        yield f"  and cools down {cooling_words(stage.cooling)}"


def in_order(rules: Iterable[str], model: ScoringModel) -> list[str]:
    """*rules* in the model's order."""
    wanted = set(rules)
    return [rule.name for rule in model.rules if rule.name in wanted]


def listed(words: Iterable[str]) -> str:
    """a, b or c."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def threshold_words(threshold: Threshold) -> str:
    if threshold.grade == GRADES[-1]:
        return f"{spelled(threshold.score)}, whatever the grade"
    return f"{spelled(threshold.score)} with grade {threshold.grade}{'' if threshold.grade == GRADES[0] else ' or better'}"


def cooling_words(cooling: Cooling) -> str:
    stay = span_words(cooling.dwell_ms // 1000)
    return f"to {cooling.to} when its score falls below {spelled(cooling.below)}, after {stay} in the stage at the earliest"


def verdict_words(rule: VerdictRule) -> str:
    holds = f"for {span_words(rule.holds_ms // 1000)}" if rule.holds_ms else FOR_GOOD
    return f"the lead moves to {rule.to}, which holds {holds}"


def grades_words(fit: FitModel) -> str:
    return ", ".join(f"{letter} from {spelled(least)}" for letter, least in fit.grades)


def signed(points: float) -> str:
    return ("+" if points > 0 else "") + spelled(points)


def earned_words(rule: Rule) -> str:
    """What earns a rule's points, and how they fade."""
    who = "anything" if rule.kinds == (ANY_KIND,) else listed(rule.kinds)
    parts = [f"{who} where {conditions_words(rule.where)}" if rule.where else who]
    parts.append(f"halves every {span_words(rule.half_life_s)}" if rule.half_life_s else "never fades")
    parts += [f"at most {cap_words(rule.cap)}"] if rule.cap is not None else []
    parts += ["once per lead"] if rule.once else []
    return "; ".join(parts)


def conditions_words(tests: Iterable[PropertyTest]) -> str:
    """The conditions as half a sentence: path like /pricing* and percent at least 75."""
    return " and ".join(_condition_words(test) for test in tests)


def _condition_words(test: PropertyTest) -> str:
    more = len(test.values) - VALUES_SHOWN_MAX
    shown = listed((*test.values[:VALUES_SHOWN_MAX], f"{more} more") if more > 0 else test.values or ("",))
    match test.operator:
        case "exists":
            return f"{test.field} is given"
        case "at_least" | "at_most" | "below":
            return f"{test.field} is {test.operator.replace('_', ' ')} {spelled(test.number)}"
        case "is" | "in":
            return f"{test.field} is {shown}"
        case "matches":
            return f"{test.field} is like {shown}"
        case "not":
            return f"{test.field} is not {shown}"
