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
            patterns = tuple(_pattern(value) for value in values)
            return patterns[0] if len(patterns) == 1 else lambda value: any(fits(value) for fits in patterns)
        case "not":
            banned = tuple(_pattern(value) for value in values)
            return lambda value: not any(fits(value) for fits in banned)
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


def _pattern(pattern: str) -> Check:
    """Make ready a pattern in which * stands for any text.

    String searches in place of a regular expression: a pattern full of stars then costs no more than the value is long.
    """
    first, *rest = pattern.lower().split("*")
    if not rest:
        return lambda value: value.lower() == first
    *inner, last = rest
    if not any(inner):
        least = len(first) + len(last)
        if not last:
            return lambda value: value.lower().startswith(first)
        return lambda value: len(low := value.lower()) >= least and low.startswith(first) and low.endswith(last)
    return lambda value: _in_order(value.lower(), first, inner=inner, last=last)


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
