"""Conditions on one value, made ready to be asked: rules are asked millions of times, so what can be worked out once is."""

from collections.abc import Callable
from typing import Literal, TypeAlias

Operator = Literal["is", "in", "matches", "not", "at_least", "at_most", "below", "exists"]

Check: TypeAlias = Callable[[str], bool]
"""Whether a value that is present passes."""


def check_of(operator: Operator, values: tuple[str, ...], number: float) -> Check:
    """Make a condition ready to be asked. A value that should be a number and is none does not pass."""
    match operator:
        case "exists":
            return lambda _: True
        case "is" | "in":
            wanted = frozenset(value.lower() for value in values)
            return lambda value: value.lower() in wanted
        case "matches":
            return _any_of(values)
        case "not":
            banned = _any_of(values)
            return lambda value: not banned(value)
        case "at_least":
            return lambda value: (found := _number(value)) is not None and found >= number
        case "at_most":
            return lambda value: (found := _number(value)) is not None and found <= number
        case "below":
            return lambda value: (found := _number(value)) is not None and found < number


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _any_of(patterns: tuple[str, ...]) -> Check:
    """Make ready patterns in which * stands for any text, to ask whether one of them fits.

    String searches in place of a regular expression: a pattern full of stars then costs no more than the value is long,
    and the usual ones, which end in a star, are asked all at once.
    """
    parts = [tuple(pattern.lower().split("*")) for pattern in patterns]
    exact = frozenset(part[0] for part in parts if len(part) == 1)
    prefixes = tuple(part[0] for part in parts if len(part) == 2 and not part[1])
    suffixes = tuple(part[1] for part in parts if len(part) == 2 and part[1] and not part[0])
    others = tuple(part for part in parts if len(part) > 2 or (len(part) == 2 and all(part)))
    if len(prefixes) == len(parts):
        return lambda value: value.lower().startswith(prefixes)

    def fits(value: str) -> bool:
        low = value.lower()
        if low in exact or low.startswith(prefixes) or low.endswith(suffixes):
            return True
        return any(_in_order(low, first, inner=inner, last=last) for first, *inner, last in others)

    return fits


def _in_order(value: str, first: str, *, inner: list[str], last: str) -> bool:
    """Whether *value* starts with *first*, ends with *last* and holds *inner* in between, in order."""
    if not value.startswith(first):
        return False
    at = len(first)
    for part in inner:
        at = value.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(value) - len(last) >= at and value.endswith(last)
