"""The scoring model's file: YAML as marketing edits it, read into a `ScoringModel`, or every problem of it at once.

docs/scoring-model.md explains the file to its authors. Each section is read on its own, so that a mistake in one hides
none in another; `check` then asks whether the sections make sense together.
"""

from importlib import resources
from typing import Final

from processors.model.check import Draft, check
from processors.model.fit_section import read_fit
from processors.model.problems import Findings, ModelProblems
from processors.model.rules import read_rules
from processors.model.scoring_model import ANY_KIND, FitModel, ScoringModel
from processors.model.stages import read_recycling, read_stages, read_verdicts
from processors.model.values import name, names, section, whole
from processors.model.yaml_tree import Node, read
from processors.sources.event_names import ALIASES
from schemas.touchpoint import IMPORT_REACHED

SHIPPED: Final = ("b2b", "b2c")
KINDS_MAX: Final = 500
VERSION_MAX: Final = 2**31 - 1

_KEYS: Final = ("model", "version", "kinds", "rules", "fit", "stages", "disqualify_on", "recycle_on", "verdicts")
_NEEDS: Final = {
    "model": "a name, as in model: b2b",
    "version": "a whole number that rises with every change, as in version: 1",
    "rules": "a list of rules",
    "stages": "a list of stages, from visitor to customer",
}


def load(text: str, *, name_of_file: str = "scoring model") -> ScoringModel:
    """Read a scoring model. Raises ModelProblems, holding every problem, and nothing else, whatever the text."""
    found = Findings()
    top = read(text, found)
    model = _model(top, text, found) if top is not None else None
    if model is None or found.problems:
        raise ModelProblems(found.problems, name_of_file=name_of_file)
    return model


def shipped(model: str) -> str:
    """The YAML text of one of the SHIPPED models."""
    if model not in SHIPPED:
        raise ValueError(f"no scoring model {model!r} is shipped, only {' and '.join(SHIPPED)}")
    return resources.files("processors.model").joinpath("shipped", f"{model}.yaml").read_text(encoding="utf-8")


def _model(top: Node, text: str, found: Findings) -> ScoringModel:
    values = section(top, found, what="a scoring model", keys=_KEYS, needs=_NEEDS)
    kinds = _own_kinds(values.get("kinds"), found)
    fit, fit_is_sound = _fit(values.get("fit"), found)
    draft = Draft(
        rules=read_rules(values.get("rules"), found, own_kinds=kinds),
        fit=fit,
        fit_is_sound=fit_is_sound,
        stages=read_stages(values.get("stages"), found),
        disqualifies=names(values.get("disqualify_on"), found, what="the name of a rule"),
        recycles=read_recycling(values.get("recycle_on"), found),
        verdicts=read_verdicts(values.get("verdicts"), found),
    )
    check(draft, found)
    return ScoringModel(
        name=name(values.get("model"), found, what="the model's name") or "",
        version=whole(values.get("version"), found, what="the version", least=1, most=VERSION_MAX) or 0,
        rules=tuple(rule for rule, _ in draft.rules),
        fit=draft.fit,
        stages=tuple(placed.stage for placed in draft.stages),
        disqualifies=frozenset(rule for rule, _ in draft.disqualifies),
        recycles={entry.rule: entry.to for entry in draft.recycles},
        verdicts={entry.verdict: entry.rule for entry in draft.verdicts},
        kinds=kinds,
        text=text,
    )


def _fit(node: Node | None, found: Findings) -> tuple[FitModel, bool]:
    """Read the fit, and whether it was read whole: of a broken one it cannot be said which grades can be had."""
    before = len(found.problems)
    return read_fit(node, found), len(found.problems) == before


def _own_kinds(node: Node | None, found: Findings) -> tuple[str, ...]:
    kinds = names(node, found, what="a kind")
    if len(kinds) > KINDS_MAX:
        found.add(kinds[KINDS_MAX][1], f"there are {len(kinds):,} kinds, at most {KINDS_MAX} are allowed")
        return ()
    for kind, place in kinds:
        if kind in (ANY_KIND, IMPORT_REACHED):
            found.add(place, f"{kind} cannot be a kind of your own: the word has a meaning already")
        elif kind in ALIASES:
            found.add(place, f"{kind} is not seen here: it arrives as {ALIASES[kind]}", suggestion=f"write {ALIASES[kind]} in the rules")
    return tuple(kind for kind, _ in kinds)
