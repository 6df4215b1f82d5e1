"""The fit of a scoring model's file: criteria on role and company, and the points from which a grade is given."""

from typing import Final

from processors.model.problems import Findings
from processors.model.scoring_model import GRADES, Criterion, FitModel
from processors.model.values import items, name, number, section, spelled
from processors.model.where import fit_conditions
from processors.model.yaml_tree import Node

POINTS_MAX: Final = 100.0
CRITERIA_MAX: Final = 200

_NEEDS: Final = {
    "name": "as in name: decision_maker",
    "where": "as in where: {role: [c_level, vp]}",
    "points": "as in points: 30",
}


def read_fit(node: Node | None, found: Findings) -> FitModel:
    """Read the fit; without one every lead has grade D."""
    if node is None:
        return FitModel()
    values = section(node, found, what="fit", keys=("criteria", "grades"), needs={"criteria": "a list of criteria"})
    nodes = items(values.get("criteria"), found, what="criteria")
    if len(nodes) > CRITERIA_MAX:
        found.add(nodes[CRITERIA_MAX], f"there are {len(nodes):,} criteria, at most {CRITERIA_MAX} are allowed")
        nodes = ()
    criteria: list[Criterion] = []
    for item in nodes:
        criterion = _criterion(item, found)
        if criterion.name and any(criterion.name == other.name for other in criteria):
            found.add(item, f"a second criterion is named {criterion.name}", suggestion="give each its own name")
        criteria.append(criterion)
    grades = _grades(values["grades"], found) if "grades" in values else FitModel().grades
    return FitModel(criteria=tuple(criteria), grades=grades)


def _criterion(node: Node, found: Findings) -> Criterion:
    values = section(node, found, what="a criterion", keys=_NEEDS, needs=_NEEDS)
    return Criterion(
        name=name(values.get("name"), found, what="the criterion's name") or "",
        where=fit_conditions(values.get("where"), found),
        points=number(values.get("points"), found, what="points", least=-POINTS_MAX, most=POINTS_MAX) or 0.0,
    )


def _grades(node: Node, found: Findings) -> tuple[tuple[str, float], ...]:
    """Read where A, B and C begin. They must fall: else a lead would skip a grade, or none could have D."""
    letters = GRADES[:-1]
    remedy = "A, B and C each need the points they begin at, below C begins D"
    values = section(node, found, what="grades", keys=letters, needs=dict.fromkeys(letters, remedy))
    begins: list[tuple[str, float]] = []
    for letter in letters:
        points = number(values.get(letter), found, what=f"grade {letter}", least=0, most=POINTS_MAX)
        if points is None:
            continue
        if points == 0:
            found.add(values[letter], f"grade {letter} must begin above 0 points, or nobody could get a lower one")
        elif begins and points >= begins[-1][1]:
            better, least = begins[-1]
            found.add(values[letter], f"grade {letter} must begin below grade {better}, which begins at {spelled(least)} points")
        begins.append((letter, points))
    return tuple(begins)
