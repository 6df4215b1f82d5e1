"""Records as rows: what each table takes from the Avro record it is made of, and rows as columns to insert.

A table's columns are the record's fields, under the same names; a nested record becomes parallel arrays
(`sums.rule`, `sums.points`, ...), a touch three columns. Absent text is '', an absent number or instant is NULL.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from schemas import avro
from schemas.facts import CapUse, RuleSum
from schemas.touchpoint import CRM, EMAIL, VISITOR
from sinks.cells import Cell
from sinks.columns import Arrays, Column
from sinks.reader import Reader

Row: TypeAlias = tuple[Any, ...]
Columns: TypeAlias = Mapping[str, Column]


class Place(Protocol):
    """Where a record was read."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


class Position(NamedTuple):
    """A place without its record."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table and how a record becomes its row. `read` raises `schemas.avro.Undecodable`."""

    name: str
    cells: tuple[Cell, ...]
    read: Callable[[bytes | None, Place], Row]
    nullable: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple([name for cell in self.cells for name in names(cell)])


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
_TOUCH: Final = ("channel", "campaign", "occurred_at")


def names(cell: Cell) -> tuple[str, ...]:
    """The columns that a cell fills."""
    name, *part = cell.path
    if part:
        return (TOUCHES[name][_TOUCH.index(part[0])],)
    return tuple([f"{name}.{each}" for each in cell.parts]) or (name,)


def columns(table: Table, cells: Sequence[Sequence[Any]]) -> Columns:
    """Turn the values of each cell into the columns to insert, without those that are at their default in every row."""
    found: dict[str, Column] = {}
    for cell, values in zip(table.cells, cells, strict=True):
        if cell.parts:
            if any(values):
                width, flat = len(cell.parts), list(chain.from_iterable(values))
                ends = [end // width for end in accumulate(map(len, values))]
                found |= {name: Arrays(ends, flat[n::width]) for n, name in enumerate(names(cell))}
        else:
            (name,) = names(cell)
            if values.count(None) < len(values) if name in table.nullable else any(values):
                found[name] = values
    return found


_TOUCHPOINT: Final = Reader(avro.TOUCHPOINT)
_FACT: Final = Reader(avro.FACT)
_TRANSITION: Final = Reader(avro.TRANSITION)
_PROFILE: Final = Reader(avro.PROFILE)
_DEAD_LETTER: Final = Reader(avro.DEAD_LETTER)
_AT: Final = {cell.path[-1]: n for n, cell in enumerate(_TOUCHPOINT.layout.cells)}
_VISITOR_ID, _CRM_ID, _EMAIL_HASH = _AT["visitor_id"], _AT["crm_id"], _AT["email_hash"]
_OFFSET: Final = [cell.path for cell in _PROFILE.layout.cells].index(("offset",))


_read_touchpoint, _read_profile = _TOUCHPOINT.read, _PROFILE.read


def _touchpoint(value: bytes | None, at: Place) -> Row:
    row = _read_touchpoint(value)
    if visitor_id := row[_VISITOR_ID]:
        identifier = VISITOR + visitor_id
    elif crm_id := row[_CRM_ID]:
        identifier = CRM + crm_id
    else:
        identifier = EMAIL + row[_EMAIL_HASH] if row[_EMAIL_HASH] else ""
    return (*row, identifier, at.topic, at.partition, at.offset)


def _profile(value: bytes | None, at: Place) -> Row:
    row = _read_profile(value)
    return (*row, at.offset, 2 * row[_OFFSET])


def _plainly(read: Reader) -> Callable[[bytes | None, Place], Row]:
    quickly = read.read
    return lambda value, _: quickly(value)


def _more(*added: str) -> tuple[Cell, ...]:
    return tuple([Cell((name,)) for name in added])


_TOUCH_INSTANTS: Final = frozenset({"first_touch_at", "last_touch_at"})

TOUCHPOINTS: Final = Table(
    name="touchpoints", cells=_TOUCHPOINT.layout.cells + _more("identifier", "topic", "partition", "offset"), read=_touchpoint
)
FACTS: Final = Table(
    name="facts",
    cells=_FACT.layout.cells,
    read=_plainly(_FACT),
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
TRANSITIONS: Final = Table(name="transitions", cells=_TRANSITION.layout.cells, read=_plainly(_TRANSITION))
PROFILES: Final = Table(
    name="profiles",
    cells=_PROFILE.layout.cells + _more("profiles_offset", "version"),
    read=_profile,
    nullable=_TOUCH_INSTANTS | {"verdict_expires_at"},
)
DEAD_LETTERS: Final = Table(
    name="dead_letters",
    cells=_DEAD_LETTER.layout.cells,
    read=_plainly(_DEAD_LETTER),
    nullable=frozenset({"partition", "offset"}),
)
TABLES: Final = (TOUCHPOINTS, FACTS, TRANSITIONS, PROFILES, DEAD_LETTERS)
