"""Which lead a touchpoint is of: five rules, no look-up, no shared state (DESIGN, identity).

A lead forwards only to a better one, so mail never circles: email over CRM id over visitor, among equals the smaller.
"""

from collections.abc import Sequence
from typing import Final

from schemas.touchpoint import CRM, EMAIL, VISITOR

_RANK: Final = {VISITOR: 0, CRM: 1, EMAIL: 2}


def rank(lead_id: str) -> int:
    """How strongly an identifier names a person: visitor 0, CRM id 1, email 2."""
    return _RANK[lead_id[:2]]


def better(one: str, other: str) -> str:
    """The one of two leads that survives. A strict order."""
    return min(one, other, key=lambda lead_id: (-rank(lead_id), lead_id))


def survivor(lead_id: str, identifiers: Sequence[str]) -> str | None:
    """The lead that *lead_id* turns out to be when seen with *identifiers* (weakest first), or None: itself."""
    strongest = identifiers[-1] if identifiers else lead_id
    return strongest if strongest != lead_id and better(lead_id, strongest) == strongest else None


def between(lead_id: str, identifiers: Sequence[str]) -> Sequence[str]:
    """The identifiers to be told whom they mean: a CRM id seen between a visitor and an email, by the visitor's lead."""
    return identifiers[1:-1] if identifiers and identifiers[0] == lead_id else ()
