"""A load: rows of all tables that are written together, one insert a table."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sinks.clickhouse import ClickHouse
from sinks.insert import forget, insert
from sinks.rows import Row, Table

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Generic[S]):
    """What a row that ClickHouse refuses was made of, whose it is, and a sentence without values that says why."""

    table: Table
    source: S
    owner: object
    detail: str


class _Part(Generic[S]):
    """The rows of one table, cell by cell: turned round while they are new, and still in the processor's cache."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.cells: list[list[Any]] = [[] for _ in table.cells]
        self._starts: list[int] = []  # of what was added at a time
        self._added: list[tuple[Sequence[S], object]] = []

    def add(self, rows: Sequence[Row], sources: Sequence[S], owner: object) -> None:
        self._starts.append(len(self.cells[0]))
        self._added.append((sources, owner))
        for so_far, values in zip(self.cells, zip(*rows, strict=True), strict=True):
            so_far.extend(values)

    def refusal(self, index: int, detail: str) -> Refusal[S]:
        n = bisect_right(self._starts, index) - 1
        sources, owner = self._added[n]
        return Refusal(table=self.table, source=sources[index - self._starts[n]], owner=owner, detail=detail)


class Load(Generic[S]):
    """Filled by one thread, then written by one; `size` counts its rows."""

    def __init__(self) -> None:
        self.size = 0
        self.refusals: list[Refusal[S]] = []
        self._parts: dict[str, _Part[S]] = {}
        self._tombstones: list[tuple[str, int]] = []

    def add(self, table: Table, rows: Sequence[Row], sources: Sequence[S], *, owner: object = None) -> None:
        """Add *rows*, at least one, each made of one of *sources*; all are *owner*'s."""
        part = self._parts.get(table.name)
        if part is None:
            part = self._parts[table.name] = _Part(table)
        part.add(rows, sources, owner)
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
            refused = insert(client, part.table, part.cells)
            self.refusals += [part.refusal(row.index, row.detail) for row in refused]
            del self._parts[name]
        forget(client, self._tombstones)  # after the profiles of this load, which they may delete
        self._tombstones = []
