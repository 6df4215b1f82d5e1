"""The single values of a scoring model's file, in the words a marketer writes: "14d", "20 per day", "never".

Each reader reports what is wrong to the findings and then returns None; an absent node (None) has been reported or is
optional, and reads as None. Each word has its inverse, so that a model can be written as it was read.
"""

import math
import re
from collections.abc import Iterable
from typing import Final

from processors.model.problems import Findings, quoted
from processors.model.scoring_model import Cap
from processors.model.yaml_tree import Broken, Items, Node, Scalar, Section

NAME_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 256
LIST_ITEMS_MAX: Final = 5_000
DAY_MS: Final = 86_400_000
WINDOWS_MS: Final = {"day": DAY_MS, "week": 7 * DAY_MS}
NEVER: Final = "never"
FOR_GOOD: Final = "for good"
YEARS_MAX: Final = 10

_UNITS_S: Final = {"y": 365 * 86_400, "w": 7 * 86_400, "d": 86_400, "h": 3_600, "min": 60, "s": 1}
_WRITTEN_IN: Final = {"d": "day", "h": "hour", "min": "minute", "s": "second"}  # 14d stays 14d, and is not read back as 2w
_UNIT_WORDS: Final = {
    "y": "y", "year": "y", "years": "y", "w": "w", "week": "w", "weeks": "w", "d": "d", "day": "d", "days": "d",
    "h": "h", "hour": "h", "hours": "h", "min": "min", "minute": "min", "minutes": "min", "s": "s", "second": "s",
    "seconds": "s",
}  # fmt: skip
_DURATION: Final = re.compile(r"(\d{1,12}) ?([a-z]+)")
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?")
_CAP: Final = re.compile(r"(\S+) +per +(\S+)")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def section(node: Node | None, found: Findings, *, what: str, keys: Iterable[str], needs: dict[str, str]) -> dict[str, Node]:
    """Read a section's values by key, reporting unknown keys and those of *needs* (key -> what to write) that are absent."""
    if node is None or isinstance(node, Broken):
        return {}
    if not isinstance(node, Section):
        found.add(node, f"{what} is a section of keys and values", suggestion=f"its keys are {', '.join(keys)}")
        return {}
    known = tuple(keys)
    for key, place in node.keys.items():
        if key not in known:
            found.unknown(place, "the key", key, known=known, remedy=f"{what} has the keys {', '.join(known)}")
    for key, remedy in needs.items():
        if key not in node.values:
            found.add(node, f"{what} needs {key}", suggestion=remedy)
    return {key: node.values[key] for key in known if key in node.values and not _left_out(node.values[key], found)}


def _left_out(node: Node, found: Findings) -> bool:
    if isinstance(node, Scalar) and node.is_empty:
        found.add(node, "nothing stands behind this key", suggestion="write a value, or remove the key")
        return True
    return isinstance(node, Broken)


def items(node: Node | None, found: Findings, *, what: str) -> tuple[Node, ...]:
    """Read the nodes of a list that holds at least one."""
    if node is None or isinstance(node, Broken):
        return ()
    if not isinstance(node, Items):
        found.add(node, f"{what} is a list", suggestion="write each entry on its own line behind a dash, or all in [ ]")
        return ()
    if not node.items:
        found.add(node, "this list is empty", suggestion="write an entry, or remove the key")
    if len(node.items) > LIST_ITEMS_MAX:
        found.add(node, f"this list holds {len(node.items):,} entries, at most {LIST_ITEMS_MAX:,} are allowed")
        return ()
    return tuple(item for item in node.items if not isinstance(item, Broken))


def text(node: Node | None, found: Findings, *, what: str) -> str | None:
    """Read one text of at most TEXT_CHARS_MAX characters."""
    if node is None or isinstance(node, Broken):
        return None
    if not isinstance(node, Scalar):
        found.add(node, f"{what} is one value, not a list or a section")
        return None
    if node.is_empty or not node.text.strip():
        found.add(node, f"{what} is empty")
        return None
    if len(node.text) > TEXT_CHARS_MAX:
        found.add(node, f"{what} is longer than {TEXT_CHARS_MAX} characters")
        return None
    return node.text.strip()


def name(node: Node | None, found: Findings, *, what: str) -> str | None:
    """Read a name of our own making: lower-case letters, digits and _, as in pricing_page."""
    word = text(node, found, what=what)
    if word is None or node is None:
        return None
    if len(word) > NAME_CHARS_MAX:
        found.add(node, f"{what} is longer than {NAME_CHARS_MAX} characters")
        return None
    if not _NAME.fullmatch(word):
        like = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
        suggestion = f"write {like}" if _NAME.fullmatch(like) else ""
        found.add(node, f"{what} {quoted(word)} must be of lower-case letters, digits and _, beginning with a letter", suggestion=suggestion)
        return None
    return word


def names(node: Node | None, found: Findings, *, what: str) -> list[tuple[str, Node]]:
    """Read a list of names, or one name alone, each once."""
    nodes = (node,) if isinstance(node, Scalar) else items(node, found, what=what)
    read: list[tuple[str, Node]] = []
    seen: set[str] = set()
    for item in nodes:
        word = name(item, found, what="a name in this list" if isinstance(node, Items) else what)
        if word is None:
            continue
        if word in seen:
            found.add(item, f"{quoted(word)} stands in this list twice")
            continue
        seen.add(word)
        read.append((word, item))
    return read


def number(node: Node | None, found: Findings, *, what: str, least: float, most: float) -> float | None:
    """Read a number from *least* to *most*."""
    word = text(node, found, what=what)
    if word is None or node is None:
        return None
    value = parsed_number(word)
    if value is None:
        like = word.replace(",", ".")
        suggestion = f"write {like}" if parsed_number(like) is not None else ""
        found.add(node, f"{what} must be a number, not {quoted(word)}", suggestion=suggestion)
        return None
    if not least <= value <= most:
        found.add(node, f"{what} must lie between {spelled(least)} and {spelled(most)}, not {spelled(value)}")
        return None
    return value


def parsed_number(word: str) -> float | None:
    """The finite number that *word* says, if it says one."""
    value = float(word) + 0.0 if _NUMBER.fullmatch(word) else math.inf  # -0 is 0, or it would be written as another
    return value if math.isfinite(value) else None


def whole(node: Node | None, found: Findings, *, what: str, least: int, most: int) -> int | None:
    """Read a whole number from *least* to *most*."""
    value = number(node, found, what=what, least=least, most=most)
    if value is None or node is None:
        return None
    if not value.is_integer():
        found.add(node, f"{what} must be a whole number, not {spelled(value)}")
        return None
    return int(value)


def flag(node: Node | None, found: Findings, *, what: str) -> bool | None:
    """Read true or false."""
    word = text(node, found, what=what)
    if word is None or node is None:
        return None
    if word.lower() not in ("true", "false", "yes", "no"):
        found.add(node, f"{what} is true or false, not {quoted(word)}")
        return None
    return word.lower() in ("true", "yes")


def duration_s(node: Node | None, found: Findings, *, what: str, endless: str | None = None) -> int | None:
    """Read a duration as seconds, 0 for the word *endless*."""
    word = text(node, found, what=what)
    if word is None or node is None:
        return None
    if word == endless:
        return 0
    example = "a duration such as 30min, 6h, 14d or 2w" + (f', or "{endless}"' if endless else "")
    parts = _DURATION.fullmatch(word.lower())
    unit = _UNIT_WORDS.get(parts[2]) if parts else None
    if parts is None or unit is None:
        remedy = f'write "{endless}"' if endless and parsed_number(word) == 0 else "a number and s, min, h, d, w or y"
        if parts and parts[2] == "m":
            remedy = f"m could be minutes or months: write {parts[1]}min, or {int(parts[1]) * 30}d"
        found.add(node, f"{what} must be {example}, not {quoted(word)}", suggestion=remedy)
        return None
    seconds = int(parts[1]) * _UNITS_S[unit]
    if not 0 < seconds <= YEARS_MAX * _UNITS_S["y"]:
        found.add(node, f"{what} must be longer than nothing and at most {YEARS_MAX} years, not {quoted(word)}")
        return None
    return seconds


def duration_words(seconds: int, endless: str = NEVER) -> str:
    """The duration as `duration_s` reads it, in the largest unit that fits exactly."""
    if seconds == 0:
        return endless
    count, unit = _in_largest(seconds)
    return f"{count}{unit}"


def span_words(seconds: int) -> str:
    """The duration as it is spoken: 14 days, 1 hour."""
    count, unit = _in_largest(seconds)
    return f"{count} {_WRITTEN_IN[unit]}{'' if count == 1 else 's'}"


def _in_largest(seconds: int) -> tuple[int, str]:
    unit = next(unit for unit in _WRITTEN_IN if seconds % _UNITS_S[unit] == 0)
    return seconds // _UNITS_S[unit], unit


def cap(node: Node | None, found: Findings) -> Cap | None:
    """Read a cap: "20 per day", "30 per week"."""
    word = text(node, found, what="a cap")
    if word is None or node is None:
        return None
    parts = _CAP.fullmatch(word)
    points = parsed_number(parts[1]) if parts else None
    if parts is None or points is None:
        found.add(node, f"a cap must be points per day or week, not {quoted(word)}", suggestion='as in "20 per day"')
        return None
    if parts[2] not in WINDOWS_MS:
        found.unknown(node, "the window", parts[2], known=WINDOWS_MS, remedy="caps are per day or per week")
        return None
    if not 0 < points <= 1_000_000:
        found.add(node, "a cap must be more than 0 points and at most a million", suggestion="it bounds negative points too: 20 lets -20 through")
        return None
    return Cap(points=points, window_ms=WINDOWS_MS[parts[2]])


def cap_words(value: Cap) -> str:
    """The cap as `cap` reads it."""
    window = next(word for word, size in WINDOWS_MS.items() if size == value.window_ms)
    return f"{spelled(value.points)} per {window}"


def spelled(value: float) -> str:
    """The number as it is written: 15, not 15.0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
