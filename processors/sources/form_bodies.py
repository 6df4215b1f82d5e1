"""Bodies as browsers send forms, `a=1&b[c]=2`: their fields byte for byte, and the nesting that PHP's brackets mean."""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from processors.sources.signal import Unusable

FIELDS_MAX: Final = 1_000
LEVELS_MAX: Final = 4
_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\]")


def fields(body: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values in their order, unquoted. Raises Unusable for more than a form has."""
    if body.count(b"&") >= FIELDS_MAX:
        raise Unusable("body", "too_many_fields", f"body: a form has at most {FIELDS_MAX} fields")
    parts = (part.replace(b"+", b" ").partition(b"=") for part in body.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def nested(said: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Read `data[merges][EMAIL]=x` as objects within each other. Of a field said twice the last counts, as with PHP.

    Empty brackets append to a list there; here they count on: `a[]=1&a[]=2` is {"a": {"0": "1", "1": "2"}}.
    """
    found: dict[str, Any] = {}
    for name, value in said:
        if name:
            _put(found, _path(name.decode(errors="replace")), value.decode(errors="replace"))
    return found


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        return [name]
    path = [match[1], *_BRACKETS.findall(match[2])]
    return path if len(path) <= LEVELS_MAX else [name]


def _put(found: dict[str, Any], path: list[str], value: str) -> None:
    *sections, last = path
    for section in sections:
        within = found.get(section or str(len(found)))
        if not isinstance(within, dict):
            within = found[section or str(len(found))] = {}
        found = within
    found[last or str(len(found))] = value
