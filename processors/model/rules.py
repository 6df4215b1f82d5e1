"""The rules of a scoring model's file: what a touchpoint must be, and what it earns."""

from collections.abc import Collection
from typing import Final

from processors.model.problems import Findings
from processors.model.scoring_model import ANY_KIND, Rule
from processors.model.values import NEVER, cap, duration_s, flag, items, name, names, number, section, spelled
from processors.model.where import rule_conditions
from processors.model.yaml_tree import Node
from processors.sources.event_names import ALIASES
from schemas.kinds import CUSTOM_PREFIX, KNOWN

POINTS_MAX: Final = 1_000.0
RULES_MAX: Final = 500

_KEYS: Final = ("name", "kind", "where", "points", "half_life", "cap", "once")
_NEEDS: Final = {
    "name": "as in name: pricing_page",
    "kind": "what was done, as in kind: page_view",
    "points": "as in points: 10",
    "half_life": 'how fast the points fade, as in half_life: 30d, or "never"',
}


def read_rules(node: Node | None, found: Findings, *, own_kinds: tuple[str, ...]) -> list[tuple[Rule, Node]]:
    """Read the rules, each with its place. What is broken in one is reported and left out, so the rest can be checked."""
    nodes = items(node, found, what="rules")
    known = dict.fromkeys((*sorted(KNOWN), *own_kinds, ANY_KIND))
    if len(nodes) > RULES_MAX:
        found.add(nodes[RULES_MAX], f"there are {len(nodes):,} rules, at most {RULES_MAX} are allowed")
        return []
    return [(_rule(item, found, known=known), item) for item in nodes]


def _rule(node: Node, found: Findings, *, known: Collection[str]) -> Rule:
    values = section(node, found, what="a rule", keys=_KEYS, needs=_NEEDS)
    rule = Rule(
        name=name(values.get("name"), found, what="the rule's name") or "",
        kinds=_kinds(values.get("kind"), found, known=known),
        where=rule_conditions(values.get("where"), found),
        points=number(values.get("points"), found, what="points", least=-POINTS_MAX, most=POINTS_MAX) or 0.0,
        half_life_s=duration_s(values.get("half_life"), found, what="half_life", endless=NEVER) or 0,
        cap=cap(values.get("cap"), found),
        once=flag(values.get("once"), found, what="once") or False,
    )
    if rule.cap is not None and rule.once:
        found.add(values["cap"], "a rule that counts once per lead needs no cap", suggestion="remove cap, or once")
    elif rule.cap is not None and rule.cap.points < abs(rule.points):
        each = spelled(abs(rule.points))
        found.add(values["cap"], f"the cap lies below what a single contact earns, {each} points", suggestion=f"write at least {each}")
    return rule


def _kinds(node: Node | None, found: Findings, *, known: Collection[str]) -> tuple[str, ...]:
    """Read the kinds a rule is for: known ones, the model's own, or `any`. A misspelt one would silently earn nothing."""
    kinds = names(node, found, what="a kind")
    for kind, place in kinds:
        if kind in ALIASES:
            found.add(place, f"{kind} is not seen here: it arrives as {ALIASES[kind]}", suggestion=f"write {ALIASES[kind]}")
        elif kind not in known and not kind.startswith(CUSTOM_PREFIX):
            remedy = "if your site or your tools send it, list it under kinds: at the top of the file"
            found.unknown(place, "the kind", kind, known=known, remedy=remedy)
        if kind == ANY_KIND and len(kinds) > 1:
            found.add(place, "any means every kind already", suggestion="remove the other kinds")
    return tuple(kind for kind, _ in kinds)
