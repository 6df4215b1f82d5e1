"""The stages of a scoring model's file, and what moves leads between them: conversions, scores, cooling, verdicts."""

from dataclasses import dataclass
from typing import Final

from processors.model.problems import Findings, Place, quoted
from processors.model.scoring_model import GRADES, Cooling, Stage, Threshold, VerdictName, VerdictRule
from processors.model.values import FOR_GOOD, duration_s, items, name, names, number, section, text
from processors.model.yaml_tree import Broken, Node, Section

SCORE_MAX: Final = 100_000.0
STAGES_MAX: Final = 20
THRESHOLDS_MAX: Final = 20
VERDICTS: Final[tuple[VerdictName, ...]] = ("accepted", "rejected", "recycled", "disqualified")

_COOL_NEEDS: Final = {
    "below": "the score below which a lead cools down",
    "to": "the earlier stage it goes to",
    "after": "how long it stays at least, as in after: 30d",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStage:
    """A stage and where its parts stand; the parts that could not be read are missing."""

    stage: Stage
    node: Node
    name_at: Node
    conversions: list[tuple[str, Node]]
    thresholds: list[tuple[Threshold, Node]]
    cool_at: dict[str, Node]  # the values of below, to and after


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRecycling:
    rule: str
    rule_at: Place
    to: str
    to_at: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedVerdict:
    verdict: VerdictName
    rule: VerdictRule
    at: Node


def read_stages(node: Node | None, found: Findings) -> list[PlacedStage]:
    """Read the stages in their order."""
    nodes = items(node, found, what="stages")
    if len(nodes) > STAGES_MAX:
        found.add(nodes[STAGES_MAX], f"there are {len(nodes):,} stages, at most {STAGES_MAX} are allowed")
        return []
    return [_stage(item, found) for item in nodes]


def _stage(node: Node, found: Findings) -> PlacedStage:
    values = section(node, found, what="a stage", keys=("name", "enter_on", "enter_at", "cool"), needs={"name": "as in name: mql"})
    conversions = names(values.get("enter_on"), found, what="the name of a rule")
    thresholds = _thresholds(values.get("enter_at"), found)
    cooling, cool_at = _cooling(values.get("cool"), found)
    stage = Stage(
        name=name(values.get("name"), found, what="the stage's name") or "",
        conversions=frozenset(rule for rule, _ in conversions),
        thresholds=tuple(threshold for threshold, _ in thresholds),
        cooling=cooling,
    )
    return PlacedStage(
        stage=stage, node=node, name_at=values.get("name", node), conversions=conversions, thresholds=thresholds, cool_at=cool_at
    )


def _thresholds(node: Node | None, found: Findings) -> list[tuple[Threshold, Node]]:
    """Read the scores that are enough: a list, or one alone."""
    nodes = (node,) if isinstance(node, Section) else items(node, found, what="enter_at")
    if len(nodes) > THRESHOLDS_MAX:
        found.add(nodes[THRESHOLDS_MAX], f"there are {len(nodes):,} thresholds, at most {THRESHOLDS_MAX} are allowed")
        return []
    read: list[tuple[Threshold, Node]] = []
    for item in nodes:
        values = section(item, found, what="a threshold", keys=("score", "grade"), needs={"score": "as in score: 40"})
        score = number(values.get("score"), found, what="score", least=0, most=SCORE_MAX)
        grade = _grade(values["grade"], found) if "grade" in values else GRADES[-1]
        if score == 0:
            found.add(values["score"], "score must be more than 0, or every visitor would enter")
        elif score is not None and grade is not None:
            read.append((Threshold(score=score, grade=grade), item))
    return read


def _grade(node: Node, found: Findings) -> str | None:
    word = text(node, found, what="grade")
    if word is not None and word not in GRADES:
        found.add(node, f"grade is one of {', '.join(GRADES)}, not {quoted(word)}")
        return None
    return word


def _cooling(node: Node | None, found: Findings) -> tuple[Cooling | None, dict[str, Node]]:
    if node is None:
        return None, {}
    values = section(node, found, what="cool", keys=_COOL_NEEDS, needs=_COOL_NEEDS)
    below = number(values.get("below"), found, what="below", least=-SCORE_MAX, most=SCORE_MAX)
    to = name(values.get("to"), found, what="the stage")
    after = duration_s(values.get("after"), found, what="after")
    if below is None or to is None or after is None:
        return None, {"cool": node}
    return Cooling(below=below, to=to, dwell_ms=after * 1000), {"cool": node, **values}


def read_recycling(node: Node | None, found: Findings) -> list[PlacedRecycling]:
    """Read the rules that send a lead back, each with the stage."""
    if node is None or isinstance(node, Broken):
        return []
    if not isinstance(node, Section):
        found.add(node, "recycle_on is a section of rules and stages", suggestion="as in recycle_on: {deal_lost: mql}")
        return []
    read = [(rule, name(value, found, what="the stage"), value) for rule, value in node.values.items()]
    return [PlacedRecycling(rule=rule, rule_at=node.keys[rule], to=to, to_at=value) for rule, to, value in read if to is not None]


def read_verdicts(node: Node | None, found: Findings) -> list[PlacedVerdict]:
    """Read what the verdicts of sales do."""
    verdicts: list[PlacedVerdict] = []
    needs = {"to": "the stage it moves a lead to", "holds": f'how long it holds, as in holds: 90d, or "{FOR_GOOD}"'}
    for verdict, value in section(node, found, what="verdicts", keys=VERDICTS, needs={}).items():
        parts = section(value, found, what=f"the verdict {verdict}", keys=needs, needs=needs)
        to = name(parts.get("to"), found, what="the stage")
        holds = duration_s(parts.get("holds"), found, what="holds", endless=FOR_GOOD)
        named = next((known for known in VERDICTS if known == verdict), None)
        if named is not None and to is not None and holds is not None:
            verdicts.append(PlacedVerdict(verdict=named, rule=VerdictRule(to=to, holds_ms=holds * 1000), at=parts["to"]))
    return verdicts


