"""Records as rows: what each table takes from the Avro record it is made of, and rows as columns to insert.

A table's columns are the record's fields, under the same names; a nested record becomes parallel arrays
(`sums.rule`, `sums.points`, ...), a touch three columns. Absent text is '', an absent number or instant is NULL.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec.structs import astuple

from schemas import avro
from schemas.dead_letter import DeadLetter
from schemas.facts import CapUse, RuleSum
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition
from sinks.counted import FILLED, counted

Row: TypeAlias = tuple[Any, ...]
Columns: TypeAlias = dict[str, list[Any]]


class Position(NamedTuple):
    """Where a record was read."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table and how a record becomes its row. `read` raises `schemas.avro.Undecodable`."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[bytes | None, Position], Row]
    nullable: frozenset[str] = frozenset()


def columns(table: Table, rows: Sequence[Row]) -> Columns:
    """Turn *rows* into the columns to insert, without those that are at their default in every row."""
    found: Columns = {}
    for name, values in zip(table.columns, zip(*rows, strict=True), strict=True):
        if name in table.nullable:
            if values.count(None) < len(values):
                found[name] = list(values)
        elif any(values):
            found[name] = ["" if value is None else value for value in values] if None in values else list(values)
    return found


_TOUCH: Final = itemgetter("channel", "campaign", "occurred_at")
TOUCHES: Final = {
    "first_touch": ("first_channel", "first_campaign", "first_touch_at"),
    "last_touch": ("last_channel", "last_campaign", "last_touch_at"),
}
NESTED: Final = {
    "sums": RuleSum.__struct_fields__,
    "reasons": RuleSum.__struct_fields__,
    "caps": CapUse.__struct_fields__,
    "event_keys": ("key", "recorded_at"),
}


class _Flat:
    """Flattens an Avro row: tuples of plain values only, which the garbage collector soon leaves alone.

    A sink holds 50,000 rows; with the dicts and lists of their nested records among them, collecting cost as much as
    decoding.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._plain = [name for name in fields if name not in NESTED and name not in TOUCHES]
        self._values = itemgetter(*self._plain)
        self._touches = [name for name in fields if name in TOUCHES]
        self._nested = [
            (name, itemgetter(*NESTED[name]), ((),) * len(NESTED[name])) for name in fields if name in NESTED
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what `row` returns."""
        touches = [column for name in self._touches for column in TOUCHES[name]]
        return (*self._plain, *touches, *(f"{name}.{part}" for name, _, _ in self._nested for part in NESTED[name]))

    def row(self, record: Mapping[str, Any]) -> Row:
        return (*self._values(record), *self._parts(record))

    def _parts(self, record: Mapping[str, Any]) -> Iterator[Any]:
        for name in self._touches:
            touch = record[name]
            yield from (None, None, None) if touch is None else _TOUCH(touch)
        for name, parts, empty in self._nested:
            several = record[name]
            yield from zip(*map(parts, several), strict=True) if several else empty


_FACT_FIELDS: Final = [f["name"] for f in avro.FACT.newest.parsed["fields"]]
_EMPTY: Final[dict[str, Any]] = {"attributes": {}, "criteria": {}, "sums": (), "caps": (), "event_keys": ()}
_FACT: Final = _Flat(_FACT_FIELDS)
_PROFILE: Final = _Flat([f["name"] for f in avro.PROFILE.newest.parsed["fields"]])


def _touchpoint(value: bytes | None, at: Position) -> Row:
    touchpoint = avro.decode_touchpoint(value)
    identifiers = touchpoint.identifiers()
    return (*astuple(touchpoint), identifiers[0] if identifiers else "", at.topic, at.partition, at.offset)


# What a fact that counts a touchpoint leaves empty: between the fields it fills and its sums, and after them.
_RESTING: Final = _FACT.row(dict.fromkeys(_FACT_FIELDS) | _EMPTY)
_BEFORE_SUMS: Final = _RESTING[len(FILLED) - 1 : _FACT.columns.index("sums.rule")]
_AFTER_SUMS: Final = _RESTING[_FACT.columns.index("caps.rule") :]
_NO_SUMS: Final = ((),) * len(NESTED["sums"])


def _fact(value: bytes | None, _: Position) -> Row:
    quickly = counted(value)
    if quickly is None:
        return _FACT.row(avro.fact_row(value))
    *filled, sums = quickly
    return (*filled, *_BEFORE_SUMS, *(zip(*sums, strict=True) if sums else _NO_SUMS), *_AFTER_SUMS)


def _transition(value: bytes | None, _: Position) -> Row:
    return astuple(avro.decode_transition(value))


def _profile(value: bytes | None, at: Position) -> Row:
    record = avro.PROFILE.read(value)
    return (*_PROFILE.row(record), at.offset, 2 * record["offset"])


def _dead_letter(value: bytes | None, _: Position) -> Row:
    return astuple(avro.decode_dead_letter(value))


_TOUCH_INSTANTS: Final = frozenset({"first_touch_at", "last_touch_at"})

TOUCHPOINTS: Final = Table(
    name="touchpoints",
    columns=(*Touchpoint.__struct_fields__, "identifier", "topic", "partition", "offset"),
    read=_touchpoint,
)
FACTS: Final = Table(
    name="facts",
    columns=_FACT.columns,
    read=_fact,
    nullable=_TOUCH_INSTANTS
    | {
        "occurred_at",
        "fit",
        "effective_at",
        "score",
        "verdict_given_at",
        "verdict_expires_at",
        "handed_over",
        "touches",
    },
)
TRANSITIONS: Final = Table(name="transitions", columns=Transition.__struct_fields__, read=_transition)
PROFILES: Final = Table(
    name="profiles",
    columns=(*_PROFILE.columns, "profiles_offset", "version"),
    read=_profile,
    nullable=_TOUCH_INSTANTS | {"verdict_expires_at"},
)
DEAD_LETTERS: Final = Table(
    name="dead_letters",
    columns=DeadLetter.__struct_fields__,
    read=_dead_letter,
    nullable=frozenset({"partition", "offset"}),
)
TABLES: Final = (TOUCHPOINTS, FACTS, TRANSITIONS, PROFILES, DEAD_LETTERS)
