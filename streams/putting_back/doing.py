"""A plan done: rows into ClickHouse under their old positions, records onto topics and acknowledged by all replicas.

Rows first: with ClickHouse away nothing is done at all. Whatever interrupts it, doing it again does no harm.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from sinks.clickhouse import ClickHouse
from sinks.insert import REFUSED_MAX, insert
from streams.kafka import Output, Outputs, shared_producer
from streams.putting_back.plan import Record

FLUSH_EVERY: Final = 1_000
"""Records that wait in memory before they are sent."""


def record(client: ClickHouse, planned: Sequence[Record]) -> dict[int, str]:
    """Insert the rows. Return why ClickHouse refuses what it refuses still, by place. Raises sinks.SinkError."""
    refused: dict[int, str] = {}
    placed = sorted(enumerate(planned), key=lambda each: each[1].table.name)
    for _, of_table in groupby(placed, key=lambda each: each[1].table.name):
        rows = list(of_table)
        # No more at once than may be refused at once: here it is the rows that are in doubt.
        for start in range(0, len(rows), REFUSED_MAX):
            some = rows[start : start + REFUSED_MAX]
            cells = list(zip(*[each.row for _, each in some], strict=True))
            for row in insert(client, some[0][1].table, cells):
                refused[some[row.index][0]] = row.detail
    return refused


async def send(bootstrap: str, records: Iterable[Output]) -> None:
    """Write *records*, in their order per partition; return once they are acknowledged. Raises Unavailable, Misconfigured."""
    async with shared_producer(bootstrap) as producer:
        outputs = Outputs(producer)
        for number, output in enumerate(records, start=1):
            outputs.add(*output)
            if number % FLUSH_EVERY == 0:
                await outputs.flush()
        await outputs.acked()
