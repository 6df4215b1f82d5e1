"""Salesforce's ids: 15 letters and digits of which case counts, or 18, the last three telling which of them are capitals."""

import re
from typing import Final

_SHORT: Final = re.compile(r"[0-9A-Za-z]{15}")
_LONG: Final = re.compile(r"[0-9A-Za-z]{18}")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def full_id(said: str | None) -> str | None:
    """The id with 18 characters, of one with 15; anything else as it stands. Both name the same record, and must be one lead."""
    if said is None or not _SHORT.fullmatch(said):
        return said
    parts = (said[start : start + 5] for start in (0, 5, 10))
    return said + "".join(_LETTERS[sum(1 << place for place, char in enumerate(part) if "A" <= char <= "Z")] for part in parts)


def same_id(one: str | None, other: str) -> bool:
    """Whether both name the same thing."""
    return one is not None and _plain(one) == _plain(other)


def _plain(said: str) -> str:
    return said[:15] if _LONG.fullmatch(said) else said
