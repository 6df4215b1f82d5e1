"""The conditions of a scoring model's file: `where: {path: "/pricing*", percent: {at_least: 75}}`.

A rule asks a touchpoint's properties; a criterion of the fit asks coded attributes, whose values are known beforehand.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from processors.model.conditions import Operator
from processors.model.problems import Findings, quoted
from processors.model.scoring_model import PropertyTest
from processors.model.values import flag, items, number, parsed_number, text
from processors.model.yaml_tree import Broken, Items, Node, Scalar, Section
from processors.profile.countries import CODE_OF
from processors.profile.vocabulary import BANDS, CODES, Band

OPERATORS: Final[tuple[Operator, ...]] = ("is", "in", "matches", "not", "at_least", "at_most", "below", "exists")
TESTS_MAX: Final = 50
FIELD_CHARS_MAX: Final = 100
NUMBER_MAX: Final = 1e15

Reader = Callable[[str, Operator, Node, Findings], PropertyTest | None]


def rule_conditions(node: Node | None, found: Findings) -> tuple[PropertyTest, ...]:
    """Read what a rule asks of a touchpoint."""
    return _conditions(node, found, of=_of_touchpoint)


def fit_conditions(node: Node | None, found: Findings) -> tuple[PropertyTest, ...]:
    """Read what a criterion of the fit asks of the coded attributes."""
    if not isinstance(node, Section):
        return _conditions(node, found, of=_of_attribute)
    for key, place in node.keys.items():
        if key not in CODES:
            found.unknown(place, "the attribute", key, known=CODES, remedy=f"the fit may ask {', '.join(CODES)}")
    known = replace(node, values={key: value for key, value in node.values.items() if key in CODES})
    return tuple(_merged(_conditions(known, found, of=_of_attribute), node, found))


def _merged(tests: tuple[PropertyTest, ...], node: Section, found: Findings) -> Iterator[PropertyTest]:
    """Make one list of the bands that pass both limits, as in {at_least: 20, below: 70}."""
    for name in dict.fromkeys(test.field for test in tests):
        asked = [test for test in tests if test.field == name]
        lists = [set(test.values) for test in asked if test.operator in ("is", "in")]
        if len(lists) > 1:
            values = tuple(code for code in CODES[name] if all(code in passing for passing in lists))
            if not values:
                found.add(node.values[name], f"no {name} passes all of this", suggestion="widen the limits")
            yield PropertyTest(field=name, operator="in", values=values)
        yield from (test for test in asked if len(lists) < 2 or test.operator not in ("is", "in"))


def _conditions(node: Node | None, found: Findings, *, of: Reader) -> tuple[PropertyTest, ...]:
    if node is None or isinstance(node, Broken):
        return ()
    if not isinstance(node, Section):
        found.add(node, "where is a section of conditions", suggestion='as in where: {path: "/pricing*"}')
        return ()
    if not node.keys:
        found.add(node, "where holds no condition", suggestion="write one, or remove the key")
    tests: list[PropertyTest | None] = []
    for key, value in node.values.items():
        if not key.strip() or len(key) > FIELD_CHARS_MAX:
            found.add(node.keys[key], f"the name of a property has 1 to {FIELD_CHARS_MAX} characters")
            continue
        tests.extend(_tests(key, value, found, of=of))
    if len(tests) > TESTS_MAX:
        found.add(node, f"where holds {len(tests)} conditions, at most {TESTS_MAX} are allowed")
    return tuple(test for test in tests if test is not None)


def _tests(name: str, node: Node, found: Findings, *, of: Reader) -> list[PropertyTest | None]:
    """The tests on one property or attribute."""
    if isinstance(node, Scalar):
        return [of(name, "matches" if _is_pattern(node) else "is", node, found)]
    if isinstance(node, Items):
        return [of(name, "matches" if any(map(_is_pattern, node.items)) else "in", node, found)]
    if not isinstance(node, Section):
        return []
    if not node.keys:
        found.add(node, "a condition is missing here", suggestion=f"write one of {', '.join(OPERATORS)}")
    tests: list[PropertyTest | None] = []
    for word, place in node.keys.items():
        operator = next((known for known in OPERATORS if known == word), None)
        if operator is None:
            found.unknown(place, "the condition", word, known=OPERATORS, remedy=f"use {', '.join(OPERATORS)}")
        else:
            tests.append(of(name, operator, node.values[word], found))
    return tests


def _is_pattern(node: Node) -> bool:
    return isinstance(node, Scalar) and "*" in node.text


def _of_touchpoint(name: str, operator: Operator, node: Node, found: Findings) -> PropertyTest | None:
    match operator:
        case "exists":
            return _exists(name, node, found)
        case "at_least" | "at_most" | "below":
            limit = number(node, found, what=operator, least=-NUMBER_MAX, most=NUMBER_MAX)
            return None if limit is None else PropertyTest(field=name, operator=operator, number=limit)
        case "is":
            word = text(node, found, what="this value")
            return None if word is None else PropertyTest(field=name, operator=operator, values=(word,))
        case "in" | "matches" | "not":
            values = _values(node, found)
            return PropertyTest(field=name, operator=operator, values=values) if values else None


def _of_attribute(name: str, operator: Operator, node: Node, found: Findings) -> PropertyTest | None:
    """Values are checked against the vocabulary; limits become the bands they mean, so the fit only compares codes."""
    match operator:
        case "exists":
            return _exists(name, node, found)
        case "at_least" | "at_most" | "below":
            bands = _within(name, operator, node, found)
            return PropertyTest(field=name, operator="in", values=bands) if bands else None
        case "is" | "in" | "matches" | "not":
            nodes = (node,) if isinstance(node, Scalar) else items(node, found, what=f"what {name} may be")
            codes = tuple(code for item in nodes if (code := _code(name, item, found)) is not None)
            plain: Operator = "in" if operator == "matches" or (len(codes) > 1 and operator == "is") else operator
            return PropertyTest(field=name, operator=plain, values=codes) if codes else None


def _exists(name: str, node: Node, found: Findings) -> PropertyTest | None:
    wanted = flag(node, found, what="exists")
    if wanted is False:
        found.add(node, "exists can only be true: what is absent passes no condition", suggestion="remove the condition")
    return PropertyTest(field=name, operator="exists") if wanted else None


def _values(node: Node, found: Findings) -> tuple[str, ...]:
    nodes = (node,) if isinstance(node, Scalar) else items(node, found, what="this condition's value")
    return tuple(word for item in nodes if (word := text(item, found, what="this value")) is not None)


def _code(name: str, node: Node, found: Findings) -> str | None:
    word = text(node, found, what=f"a value of {name}")
    if word is None:
        return None
    code = word.upper() if name == "country" else word.lower()
    if code in CODES[name]:
        return code
    if name == "country":
        meant = CODE_OF.get(word.lower())
        remedy = f"write {meant}" if meant else "use two-letter codes, as in DE, FR or US"
        found.add(node, f"the country {quoted(word)} is not known", suggestion=remedy)
        return None
    found.unknown(node, f"the {name}", word, known=CODES[name], remedy=f"it can be {', '.join(CODES[name])}")
    return None


def _within(name: str, operator: Operator, node: Node, found: Findings) -> tuple[str, ...]:
    """The bands that a limit means. It must be one of their ends: a band is known, not the number inside it."""
    word = text(node, found, what=operator)
    if word is None:
        return ()
    bands, limit = BANDS.get(name), parsed_number(word)
    if bands is None:
        found.add(node, f"{name} is no number: {operator} cannot ask it", suggestion="give a value or a list of values")
        return ()
    passing = [band for band in bands if limit is not None and _lies(band, operator, limit)]
    ends = {"at_least": [b.least for b in bands], "below": [b.least for b in bands[1:]], "at_most": [b.most for b in bands if b.most is not None]}[operator]
    if limit not in ends:
        found.add(
            node, f"{name} is known in bands: {', '.join(CODES[name])}",
            suggestion=f"{operator} can be {', '.join(str(end) for end in ends)}",
        )  # fmt: skip
        return ()
    return tuple(band.code for band in passing)


def _lies(band: Band, operator: Operator, limit: float) -> bool:
    if operator == "at_least":
        return band.least >= limit
    if band.most is None:
        return False
    return band.most <= limit if operator == "at_most" else band.most < limit
