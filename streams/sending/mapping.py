"""From a row to an event: pure, one row at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from processors.model.conditions import Check
from processors.model.problems import Placed
from processors.model.scoring_model import PropertyTest
from streams.sending.dates import Dates
from streams.sending.rows import Row, Shape
from streams.sending.values import Column, Value, Values, text_of

SKIP: Final = "skip"
"""In place of a kind: rows like this one are not sent."""
ALL: Final = "*"
"""In place of a name in a section: every column that is not mapped elsewhere, under its own name."""
IDENTIFIERS: Final = ("visitor_id", "crm_id", "email")
ROADS: Final = ("channel", "campaign", "source")
SECTIONS: Final = ("properties", "profile", "contact")

_deterministic = msgspec.json.Encoder(order="deterministic")


class Event(NamedTuple):
    """What a row became: the event as the collector's door for signed events takes it, and when it happened."""

    line: int
    body: dict[str, Any]
    at: int | None


class Skipped(NamedTuple):
    """A row that the map leaves out."""

    line: int


class Unfit(NamedTuple):
    """A row that cannot become an event: the field of the event, and what is wrong. Never the value."""

    line: int
    field: str
    detail: str


Mapped: TypeAlias = Event | Skipped | Unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """What each field of an event is made of. `columns` are all that it names, with their places in the map's file."""

    kind: Value
    id: Value | None = None
    at: Value | None = None
    dates: Dates = field(default_factory=Dates)
    who: Mapping[str, Value] = field(default_factory=dict)  # of IDENTIFIERS
    road: Mapping[str, Value] = field(default_factory=dict)  # of ROADS
    sections: Mapping[str, Mapping[str, Value | None]] = field(default_factory=dict)  # of SECTIONS; None behind ALL
    where: tuple[PropertyTest, ...] = ()
    shape: Shape = field(default_factory=Shape)
    columns: tuple[tuple[str, Placed], ...] = ()
    text: str = ""
    _checks: tuple[tuple[Column, Check], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_checks", tuple((Column(test.field), test.check()) for test in self.where))

    def event_of(self, row: Row) -> Mapped:
        """What *row* becomes."""
        values = row.values
        if not self._passes(values):
            return Skipped(row.line)
        kind = text_of(self.kind.of(values))
        if kind == SKIP:
            return Skipped(row.line)
        if kind is None:
            return Unfit(row.line, "kind", "kind: nothing in this row says what was done")
        who = {name: value for name, source in self.who.items() if (value := source.of(values)) is not None}
        if not who:
            return Unfit(row.line, self._identifiers(), f"{self._identifiers()}: empty here, so the row is about nobody")
        return self._dated(row, {"kind": kind, **who})

    def _passes(self, values: Values) -> bool:
        for column, check in self._checks:
            text = text_of(column.of(values))
            if text is None or not check(text):
                return False
        return True

    def _identifiers(self) -> str:
        return ", ".join(self.who)

    def _dated(self, row: Row, body: dict[str, Any]) -> Event | Unfit:
        values = row.values
        at: int | None = None
        if self.at is not None:
            said = self.at.of(values)
            at = self.dates.read(said)
            if at is None:
                problem = "is empty" if said is None else "is no date that can be read; say in the map how it is written (at: format)"
                return Unfit(row.line, "at", f"at: {problem}")
            body["at"] = at
        body["id"] = self._id(values)
        if body["id"] is None:
            return Unfit(row.line, "id", "id: is empty, so a second sending of this row would count again")
        body |= {name: value for name, source in self.road.items() if (value := text_of(source.of(values))) is not None}
        for section, entries in self.sections.items():
            body[section] = self._section(entries, values)
        return Event(row.line, body, at)

    def _id(self, values: Values) -> str | None:
        if self.id is not None:
            return text_of(self.id.of(values))
        return blake2b(_deterministic.encode(values), digest_size=16).hexdigest()

    def _section(self, entries: Mapping[str, Value | None], values: Values) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if ALL in entries:
            named = {name for name, _ in self.columns}
            said |= {name: value for name in values if name and name not in named and (value := Column(name).of(values)) is not None}
        for name, source in entries.items():
            if source is not None and (value := source.of(values)) is not None:
                said[name] = value
        return said
