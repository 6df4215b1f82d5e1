"""Telephone numbers as identifiers: a keyed hash stands for the telephone, since a number is personal data."""

from typing import Final

from processors.email import email_hash

PREFIX: Final = "phone."
DIGITS_MIN: Final = 3
DIGITS_MAX: Final = 15
_NORTH_AMERICA: Final = frozenset({"US", "CA", "USA", "CANADA", "UNITED STATES"})
_NORTH_AMERICAN_DIGITS: Final = 10
_NOBODY: Final = frozenset({"266696687", "7378742883", "2562533", "8656696", "86282452253"})
"""What carriers write for a withheld number: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE on a keypad. Taken as a
number, all their callers would be a single lead."""


def phone_id(number: str | None, country: str | None, key: bytes) -> str | None:
    """The visitor id of the telephone *number*, or None where it is withheld or none. Spaces, brackets and a missing + do not matter."""
    if number is None:
        return None
    digits = "".join(filter(str.isdecimal, number)) if number.isascii() else ""
    if not number.lstrip().startswith("+"):
        if digits.startswith("00"):
            digits = digits[2:]
        elif len(digits) == _NORTH_AMERICAN_DIGITS and (country or "").upper() in _NORTH_AMERICA:
            digits = "1" + digits
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX or digits in _NOBODY or not digits.strip("0"):
        return None
    return PREFIX + email_hash(digits, key)
