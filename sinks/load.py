"""A load: rows of all tables that are written together, one insert a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sinks.clickhouse import ClickHouse
from sinks.insert import forget, insert
from sinks.rows import Row, Table

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Generic[S]):
    """What a row that ClickHouse refuses was made of, and a sentence without values that says why."""

    table: Table
    source: S
    detail: str


@dataclass(slots=True)
class _Part(Generic[S]):
    table: Table
    rows: list[Row] = field(default_factory=list)
    sources: list[S] = field(default_factory=list)


class Load(Generic[S]):
    """Filled by one thread, then written by one; `size` counts its rows."""

    def __init__(self) -> None:
        self.size = 0
        self.refusals: list[Refusal[S]] = []
        self._parts: dict[str, _Part[S]] = {}
        self._tombstones: list[tuple[str, int]] = []

    def add(self, table: Table, rows: Sequence[Row], sources: Iterable[S]) -> None:
        """Add *rows*, each made of one of *sources*."""
        part = self._parts.setdefault(table.name, _Part(table))
        part.rows += rows
        part.sources += sources
        self.size += len(rows)

    def forget(self, lead_id: str, offset: int) -> None:
        """Delete the lead's profile as of a tombstone at this offset of leads.profiles."""
        self._tombstones.append((lead_id, offset))
        self.size += 1

    def write(self, client: ClickHouse) -> None:
        """Write what is not written yet, and leave the rest in `refusals`. Raises Unavailable, Misconfigured.

        Called again after an error it goes on with the table that failed.
        """
        for name, part in list(self._parts.items()):
            for refused in insert(client, part.table, part.rows):
                source = part.sources[refused.index]
                self.refusals.append(Refusal(table=part.table, source=source, detail=refused.detail))
            del self._parts[name]
        forget(client, self._tombstones)  # after the profiles of this load, which they may delete
        self._tombstones = []
