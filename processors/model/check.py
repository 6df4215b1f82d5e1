"""Whether the sections of a scoring model make sense together: names that meet, stages that can be reached and left."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from processors.model.problems import Findings, Placed
from processors.model.scoring_model import (
    CUSTOMER,
    DISQUALIFIED,
    GRADES,
    VISITOR,
    FitModel,
    Rule,
    Threshold,
    at_least_grade,
)
from processors.model.stages import PlacedRecycling, PlacedStage, PlacedVerdict
from processors.model.values import spelled
from processors.model.yaml_tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The sections as read, each part with its place."""

    rules: list[tuple[Rule, Node]]
    fit: FitModel
    fit_is_sound: bool
    stages: list[PlacedStage]
    disqualifies: list[tuple[str, Node]]
    recycles: list[PlacedRecycling]
    verdicts: list[PlacedVerdict]


def check(draft: Draft, found: Findings) -> None:
    """Report what is wrong between the sections."""
    _rule_names(draft.rules, found)
    _rule_references(draft, found)
    if draft.stages:
        _stage_names(draft.stages, found)
        _entries(draft.stages, found)
        _thresholds(draft.stages, found)
        if draft.fit_is_sound:
            _grades(draft.stages, draft.fit, found)
        _cooling(draft.stages, found)
        _recycling(draft, found)
        _verdicts(draft, found)


def _rule_names(rules: list[tuple[Rule, Node]], found: Findings) -> None:
    first: dict[str, int] = {}
    for rule, node in rules:
        if rule.name in first:
            found.add(
                node, f"a second rule is named {rule.name}, the first is in line {first[rule.name]}",
                suggestion="give each its own name: points are kept and shown by it",
            )  # fmt: skip
        elif rule.name:
            first[rule.name] = node.line


def _rule_references(draft: Draft, found: Findings) -> None:
    """Every rule that is named exists, and each has one job: else the second would silently not be done."""
    known = dict.fromkeys(rule.name for rule, _ in draft.rules if rule.name)
    uses: list[tuple[str, Placed, str]] = []
    for placed in draft.stages:
        uses += [(rule, at, f"a conversion to {placed.stage.name}") for rule, at in placed.conversions]
    uses += [(rule, at, "in disqualify_on") for rule, at in draft.disqualifies]
    uses += [(entry.rule, entry.rule_at, "in recycle_on") for entry in draft.recycles]
    job: dict[str, str] = {}
    for rule, at, use in uses:
        if known and rule not in known:
            found.unknown(at, "the rule", rule, known=known, remedy="name a rule from the list above")
        elif rule in job:
            found.add(at, f"the rule {rule} is {job[rule]} already", suggestion="name it in one place only, or make a second rule")
        job.setdefault(rule, use)


def _stage_names(stages: list[PlacedStage], found: Findings) -> None:
    seen: set[str] = set()
    for placed in stages:
        name = placed.stage.name
        if name in seen:
            found.add(placed.name_at, f"a second stage is named {name}")
        if name == DISQUALIFIED:
            found.add(placed.name_at, "disqualified stands beside the stages", suggestion="remove it here and use disqualify_on")
        seen.update({name} if name else ())
    first, last = stages[0], stages[-1]
    if first.stage.name not in ("", VISITOR):
        found.add(first.name_at, f"the first stage is {VISITOR}, not {first.stage.name}: everyone begins there")
    if len(stages) == 1 or last.stage.name not in ("", CUSTOMER):
        found.add(last.name_at, f"the last stage is {CUSTOMER}, not {last.stage.name}")
    for placed in stages[1:-1]:
        if placed.stage.name in (VISITOR, CUSTOMER):
            place = "first" if placed.stage.name == VISITOR else "last"
            found.add(placed.name_at, f"{placed.stage.name} stands {place} among the stages")


def _entries(stages: list[PlacedStage], found: Findings) -> None:
    """Everyone begins as a visitor, a customer is made by a conversion, and each stage between has a way in."""
    for placed in stages:
        name, cooling = placed.stage.name, placed.cool_at.get("cool")
        if name == VISITOR and (placed.conversions or placed.thresholds):
            found.add(placed.node, "nothing enters visitor: everyone begins there", suggestion="remove enter_on and enter_at")
        if name == CUSTOMER and placed.thresholds:
            found.add(placed.thresholds[0][1], "no score makes a customer", suggestion="name the rule that does under enter_on, as deal_won")
        if name in (VISITOR, CUSTOMER) and cooling is not None:
            found.add(cooling, f"a {name} does not cool down", suggestion="remove cool")
        if name == CUSTOMER and not placed.conversions:
            found.add(placed.node, "nothing makes a customer", suggestion="name the rule that does under enter_on, as deal_won")
        if name not in ("", VISITOR, CUSTOMER) and not placed.conversions and not placed.thresholds:
            found.add(placed.node, f"nothing leads to {name}", suggestion="give it enter_on, enter_at or both")


def _grades(stages: list[PlacedStage], fit: FitModel, found: Findings) -> None:
    """Each grade that a threshold asks for can be had."""
    best = min(100.0, sum(max(0.0, criterion.points) for criterion in fit.criteria))
    begins = dict(fit.grades)
    for threshold, at in (placed for stage in stages for placed in stage.thresholds):
        needed = begins.get(threshold.grade, 0.0)
        if best < needed:
            all_told = f"the fit gives at most {spelled(best)} points, {threshold.grade} begins at {spelled(needed)}"
            found.add(at, f"no lead can have grade {threshold.grade}: {all_told}")


def _thresholds(stages: list[PlacedStage], found: Findings) -> None:
    """Each threshold decides something, and lies above those of the stages before."""
    enough: dict[str, tuple[float, str]] = {}  # grade -> the score that is enough for the furthest stage so far
    for placed in stages:
        for at, idle, decisive in _idle(placed.thresholds):
            found.add(at, f"{_words(idle)} decides nothing: {_words(decisive)} is met before it", suggestion="remove one of them")
        _rising(placed, enough, found)


def _idle(thresholds: list[tuple[Threshold, Node]]) -> Iterable[tuple[Node, Threshold, Threshold]]:
    """Thresholds which another of the same stage makes superfluous: a score as low for a grade as bad."""
    for i, (one, at) in enumerate(thresholds):
        for j, (other, _) in enumerate(thresholds):
            wider = other.score <= one.score and at_least_grade(one.grade, other.grade)
            if i != j and wider and (one != other or j < i):
                yield at, one, other
                break


def _rising(placed: PlacedStage, enough: dict[str, tuple[float, str]], found: Findings) -> None:
    """Report a threshold that a lead would meet no later than an earlier stage's, which it then would skip."""
    told: set[int] = set()
    for grade in GRADES:
        scores = [(threshold.score, at) for threshold, at in placed.thresholds if at_least_grade(grade, threshold.grade)]
        if not scores:
            continue
        score, at = min(scores, key=lambda pair: pair[0])
        before, stage = enough.get(grade, (-math.inf, ""))
        if score <= before and id(at) not in told:
            told.add(id(at))
            found.add(
                at, f"a lead of grade {grade} enters {stage} at a score of {spelled(before)}, so {placed.stage.name} must ask for more than that",
                suggestion="scores rise from stage to stage",
            )  # fmt: skip
        enough[grade] = max((score, placed.stage.name), (before, stage))


def _words(threshold: Threshold) -> str:
    return f"score {spelled(threshold.score)} with " + ("any grade" if threshold.grade == GRADES[-1] else f"grade {threshold.grade}")


def _cooling(stages: list[PlacedStage], found: Findings) -> None:
    """A stage cools down to an earlier one, at a score too low to climb back at once."""
    order = {placed.stage.name: i for i, placed in enumerate(stages)}
    for i, placed in enumerate(stages):
        cooling = placed.stage.cooling
        if cooling is None or placed.stage.name in (VISITOR, CUSTOMER):
            continue
        to = order.get(cooling.to)
        if to is None:
            found.unknown(placed.cool_at["to"], "the stage", cooling.to, known=order, remedy=f"the stages are {', '.join(order)}")
            continue
        if to >= i:
            found.add(placed.cool_at["to"], f"{placed.stage.name} must cool down to an earlier stage, not to {cooling.to}")
            continue
        for passed in stages[to + 1 : i + 1]:
            low = min((threshold.score for threshold in passed.stage.thresholds), default=math.inf)
            if cooling.below >= low:
                found.add(
                    placed.cool_at["below"],
                    f"a lead that cools down below {spelled(cooling.below)} would climb back at once: {passed.stage.name} is entered at {spelled(low)}",
                    suggestion=f"write less than {spelled(low)}, with room between",
                )  # fmt: skip
                break


def _recycling(draft: Draft, found: Findings) -> None:
    order = {placed.stage.name: i for i, placed in enumerate(draft.stages)}
    points = {rule.name: rule.points for rule, _ in draft.rules}
    for entry in draft.recycles:
        to = order.get(entry.to)
        if to is None:
            found.unknown(entry.to_at, "the stage", entry.to, known=order, remedy=f"the stages are {', '.join(order)}")
        elif entry.to == CUSTOMER:
            found.add(entry.to_at, "a lead cannot be sent back to customer", suggestion="name an earlier stage")
        elif points.get(entry.rule, -1.0) >= 0 and any(placed.thresholds for placed in draft.stages[to + 1 :]):
            found.add(
                entry.to_at, f"a lead sent back by {entry.rule} would climb again by the score it still has",
                suggestion=f"give the rule {entry.rule} negative points",
            )  # fmt: skip


def _verdicts(draft: Draft, found: Findings) -> None:
    known = [placed.stage.name for placed in draft.stages] + [DISQUALIFIED]
    for entry in draft.verdicts:
        to = entry.rule.to
        if to not in known:
            found.unknown(entry.at, "the stage", to, known=known, remedy=f"the stages are {', '.join(known)}")
        elif to == CUSTOMER:
            found.add(entry.at, "no verdict makes a customer", suggestion="name the rule that does under enter_on, as deal_won")
        elif entry.verdict == DISQUALIFIED and to != DISQUALIFIED:
            found.add(entry.at, f"the verdict disqualified moves a lead to disqualified, not to {to}")
