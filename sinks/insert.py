"""Write rows, find the one that ClickHouse refuses, forget what a tombstone names.

An insert carries no deduplication token: a token promises that a batch is formed again exactly as it was, and drops,
silently, whatever comes under a token that was used before. Batches here are cut by time, and what is inserted twice
has the same key and is seen once through the views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sinks.clickhouse import ClickHouse
from sinks.errors import Misconfigured, Refused
from sinks.rows import Table, columns

REFUSED_MAX: Final = 200
"""Rows of one batch that may be refused: beyond it, it is the table or this release that is wrong, not the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that ClickHouse will never take: its place in the batch, and a sentence without values."""

    index: int
    detail: str


def insert(client: ClickHouse, table: Table, cells: Sequence[Sequence[Any]]) -> list[RefusedRow]:
    """Store the rows, told cell by cell, but those that ClickHouse refuses; return these. Raises Unavailable, Misconfigured.

    After an error nothing is known of the rows: insert all of them again.
    """
    refused: list[RefusedRow] = []
    count = len(cells[0])
    pending = [(0, count)] if count else []
    while pending:
        start, end = pending.pop()
        try:
            some = cells if (start, end) == (0, count) else [values[start:end] for values in cells]
            client.insert(table.name, columns(table, some))
        except Refused as error:
            if end - start > 1:
                middle = (start + end) // 2
                pending += [(middle, end), (start, middle)]
                continue
            refused.append(RefusedRow(index=start, detail=str(error)))
            if len(refused) > REFUSED_MAX:
                raise Misconfigured(
                    f"more than {REFUSED_MAX} of {count} rows were refused, the last one thus: {error}. "
                    "Was the table changed by hand, or made by another release?"
                ) from error
    return refused


_FORGET: Final = """
INSERT INTO profiles (lead_id, partition, offset, profiles_offset, version, is_deleted)
SELECT lead_id, any(partition), max(offset), max(profiles_offset), bitOr(max(version), 1), 1
FROM profiles
INNER JOIN (SELECT pair.1 AS lead_id, pair.2 AS before FROM (SELECT arrayJoin(arrayZip(%(leads)s, %(offsets)s)) AS pair)) AS gone
    ON profiles.lead_id = gone.lead_id
WHERE profiles.profiles_offset < gone.before
GROUP BY lead_id
"""


def forget(client: ClickHouse, tombstones: Sequence[tuple[str, int]]) -> None:
    """Delete the profiles of these leads, each written before the tombstone's offset in leads.profiles.

    A profile written later stays, in whatever order and however often the two are recorded.
    """
    if tombstones:
        leads, offsets = zip(*tombstones, strict=True)
        client.command(_FORGET, {"leads": list(leads), "offsets": list(offsets)})
