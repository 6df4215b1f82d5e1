"""What a sender says of a person and their company, coded: no free text and nothing personal gets any further.

Senders say it in many ways (Segment's traits, the columns of a lead form, a CRM's fields). What cannot be coded is
absent: an unknown job title tells a scoring model nothing, and might tell a reader too much.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias

from processors.profile.amounts import Span, span
from processors.profile.countries import CODE_OF
from processors.profile.industries import industry_of
from processors.profile.titles import function_of, role_of
from processors.profile.vocabulary import CODES, band_of

TEXT_CHARS_MAX: Final = 120
KEYS_MAX: Final = 200
AGE_MAX: Final = 120
_TIMEFRAME_MAX: Final = 1_000
"""Beyond it the number is no number of months or days: 2027 is a year."""

# Where each attribute is looked for, in this order; of one key first among the traits, then in their sections.
_SECTIONS: Final = ("company", "organization", "organisation", "account", "address", "location")
_KEYS: Final = {
    "role": ("role", "job_role", "job_title", "title", "position", "seniority"),
    "function": ("function", "department", "job_department", "job_function", "job_title", "title", "position", "job_role", "role"),
    "industry": ("industry", "company_industry", "job_industry", "sector", "branche"),
    "size": (
        "size", "company_size", "employees", "employee_count", "employees_count", "number_of_employees", "num_employees",
        "headcount", "staff",
    ),
    "country": ("country", "country_code", "address_country", "company_country"),
    "age": ("age",),
    "birthday": ("birthday", "birth_date", "birthdate", "date_of_birth", "dob"),
    "budget": ("budget", "budget_range", "planned_budget"),
    "timeframe": (
        "timeframe", "time_frame", "timeline", "purchase_timeline", "purchase_timeframe", "buying_timeframe",
        "vehicle_purchase_timeline",
    ),
}  # fmt: skip
_OTHER: Final = frozenset({"other", "others", "sonstige", "sonstiges", "andere", "autre", "autres", "otro", "otra", "otros"})
_SOON: Final = frozenset({
    "now", "immediately", "immediate", "asap", "as soon as possible", "today", "this month", "sofort", "umgehend",
    "immediatement", "tout de suite", "inmediatamente", "ahora",
})  # fmt: skip
_SPELLED_MONTHS: Final = {"next month": 1, "this quarter": 3, "next quarter": 6, "this year": 12, "next year": 24}
_MONTHS_PER: Final = (
    (re.compile(r"\b(year|years|yr|yrs|jahr|jahre|jahren|an|ans|ano|anos)\b"), 12.0),
    (re.compile(r"\b(quarter|quarters|quartal|quartale|quartalen|trimestre|trimestres)\b"), 3.0),
    (re.compile(r"\b(week|weeks|woche|wochen|semaine|semaines|semana|semanas)\b"), 7 / 30),
    (re.compile(r"\b(day|days|tag|tage|tagen|jour|jours|dia|dias)\b"), 1 / 30),
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS: Final = re.compile(r"[a-z0-9]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Coder: TypeAlias = Callable[[object], str | None]
"""Makes a code of a value, or None of what it does not understand."""


def code(traits: Mapping[str, object], *, at: int | None = None) -> dict[str, str]:
    """The coded attributes that *traits* tell, each with a value from `vocabulary.CODES`. Never raises.

    A birthday needs *at*, the instant (ms) at which the age is asked; without it, it tells nothing.
    """
    values = _gathered(traits)
    coded: dict[str, str] = {}
    for attribute, coder in _CODERS.items():
        word = _first(coder, _KEYS[attribute], values)
        if word is not None:
            coded[attribute] = word
    if "age" not in coded and at is not None:
        word = _first(lambda value: _age_from(value, at), _KEYS["birthday"], values)
        if word is not None:
            coded["age"] = word
    return coded


def _first(coder: Coder, keys: tuple[str, ...], values: dict[str, list[object]]) -> str | None:
    """What *coder* makes of the first value under *keys* of which it makes anything."""
    for key in keys:
        for value in values.get(key, ()):
            word = coder(value)
            if word is not None:
                return word
    return None


def plain(text: str) -> str:
    """*text* in lower-case letters and digits without accents, words parted by one space; at most its first 120."""
    letters = unicodedata.normalize("NFKD", text[:TEXT_CHARS_MAX].lower().replace("ß", "ss"))
    return " ".join(_WORDS.findall("".join(c for c in letters if not unicodedata.combining(c))))


def _gathered(traits: Mapping[str, object]) -> dict[str, list[object]]:
    """The plain values by key, the traits' own before those of their sections.

    However a key was written: jobTitle, JOB_TITLE and "Job title" are one.
    """
    values: dict[str, list[object]] = {}
    inner = _gather(traits, values)
    for section in inner:
        for below in _gather(section, values):
            _gather(below, values)
    return values


def _gather(section: Mapping[str, object], values: dict[str, list[object]]) -> list[Mapping[str, object]]:
    """Add the plain values of *section* to *values*; return the sections in it."""
    sections: list[Mapping[str, object]] = []
    for key, value in islice(section.items(), KEYS_MAX):
        if not isinstance(key, str) or len(key) > TEXT_CHARS_MAX:
            continue
        if isinstance(value, str | int | float | date):
            if not isinstance(value, bool):
                values.setdefault(_key(key), []).append(value)
        elif isinstance(value, Mapping) and _key(key) in _SECTIONS:
            sections.append(value)
    return sections


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    return plain(_CAMEL.sub(" ", key)).replace(" ", "_")


def _coded(attribute: str, value: object) -> str | None:
    """*value* where it is one of the attribute's bands already."""
    return value if isinstance(value, str) and value in CODES[attribute] else None


def _words(attribute: str, coder: Callable[[str], str | None]) -> Coder:
    """A coder for values in words: codes already (C-Level is c_level), `other`, or what *coder* makes of them."""

    def of(value: object) -> str | None:
        if not isinstance(value, str):
            return None
        words = plain(value)
        if not words:
            return None
        if words in _OTHER and "other" in CODES[attribute]:
            return "other"
        coded = words.replace(" ", "_")
        return coded if coded in CODES[attribute] else coder(words)

    return of


def _span(value: object, *, scaled: bool = True) -> Span | None:
    """The amount that *value* says, as a number or in words."""
    if isinstance(value, int | float):
        return Span(value, value) if abs(value) < 1e15 else None
    if not isinstance(value, str):
        return None
    letters = unicodedata.normalize("NFKD", value[:TEXT_CHARS_MAX].lower())
    return span("".join(c for c in letters if not unicodedata.combining(c)), scaled=scaled)


def _at_least(attribute: str) -> Coder:
    """A coder for amounts of which more is better: of a range that spans bands, its lower end, so none is flattered."""

    def of(value: object) -> str | None:
        amount = _coded(attribute, value) or _span(value)
        if not isinstance(amount, Span):
            return amount
        number = amount.most if amount.least is None else amount.least
        return None if number is None or number <= 0 else band_of(attribute, number)

    return of


def _age(value: object) -> str | None:
    amount = _coded("age", value) or _span(value, scaled=False)
    if not isinstance(amount, Span):
        return amount
    return band_of("age", amount.least) if amount.least is not None and 0 < amount.least <= AGE_MAX else None


def _timeframe(value: object) -> str | None:
    """Months until they want to buy: of a range the later end, so none is flattered."""
    coded = _coded("timeframe", value)
    if coded is not None:
        return coded
    words = plain(value) if isinstance(value, str) else ""
    if words in _SOON:
        return band_of("timeframe", 0)
    if words in _SPELLED_MONTHS:
        return band_of("timeframe", _SPELLED_MONTHS[words])
    amount = _span(value, scaled=False)
    if amount is None:
        return None
    number = amount.least if amount.most is None else amount.most
    if number is None or not 0 <= number <= _TIMEFRAME_MAX:
        return None
    months = next((months for unit, months in _MONTHS_PER if unit.search(words)), 1.0)
    return band_of("timeframe", math.ceil(number * months))


def _age_from(value: object, at: int) -> str | None:
    """The age in whole years at the instant *at* of one born on *value*: a date, or text that begins with one."""
    born = _date(value)
    if born is None or not -(10**13) < at < 10**14:
        return None
    today = (_EPOCH + timedelta(milliseconds=at)).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return band_of("age", years) if 0 < years <= AGE_MAX else None


def _date(value: object) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


_CODERS: Final[dict[str, Coder]] = {
    "role": _words("role", role_of),
    "function": _words("function", function_of),
    "industry": _words("industry", industry_of),
    "size": _at_least("size"),
    "country": _words("country", CODE_OF.get),
    "age": _age,
    "budget": _at_least("budget"),
    "timeframe": _timeframe,
}
