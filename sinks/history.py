"""Facts read back: the whole history of leads out of ClickHouse, exactly as it was decided.

So anyone can fold it again, and compare: `processors.lead.replay` over a lead's facts is its state.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from schemas import avro, fact_record
from schemas.facts import AnyFact
from sinks.clickhouse import ClickHouse
from sinks.rows import FACTS, NESTED, TOUCHES


def history(client: ClickHouse, lead_ids: Iterable[str] | None = None) -> Iterator[avro.FactAt]:
    """The facts of *lead_ids* (all leads: None), each lead's in order. Raises Unavailable, Misconfigured."""
    types = {row["name"]: row["type"] for row in client.query("DESCRIBE TABLE facts")}
    chosen = ", ".join(_in_milliseconds(name, types[name]) for name in FACTS.columns)
    only = "" if lead_ids is None else "WHERE lead_id IN %(leads)s"
    params = None if lead_ids is None else {"leads": tuple(lead_ids)}
    sql = f"SELECT {chosen} FROM facts FINAL {only} ORDER BY lead_id, offset, `index`"  # noqa: S608 - constants
    for row in client.query(sql, params):
        yield avro.FactAt(_fact(row), row["partition"], row["offset"], row["index"])


def _in_milliseconds(name: str, kind: str) -> str:
    """Select a column, an instant as the integer it was written from: a datetime's float would round it."""
    column = f"`{name}`"
    if "DateTime64" not in kind:
        return column
    if kind.startswith("Array"):
        return f"arrayMap(instant -> toUnixTimestamp64Milli(instant), {column}) AS `{name}_ms`"
    return f"toUnixTimestamp64Milli({column}) AS `{name}_ms`"


def _fact(row: dict[str, Any]) -> AnyFact:
    """Rebuild the fact from its columns. Text that may be absent is never empty in a fact, so '' is absent."""
    values = {name.removesuffix("_ms"): value for name, value in row.items()}
    record = {name: None if values.get(name) == "" else values.get(name) for name in _PLAIN}
    for name, columns in TOUCHES.items():
        channel, campaign, occurred_at = (values[column] for column in columns)
        record[name] = (
            None
            if occurred_at is None
            else {"channel": channel, "campaign": campaign or None, "occurred_at": occurred_at}
        )
    for name, parts in NESTED.items():
        if f"{name}.{parts[0]}" in values:
            several = zip(*(values[f"{name}.{part}"] for part in parts), strict=True)
            record[name] = [dict(zip(parts, each, strict=True)) for each in several]
    return fact_record.fact_of(record)


_PLAIN: Final = [
    field["name"]
    for field in avro.FACT.newest.parsed["fields"]
    if field["name"] not in TOUCHES and field["name"] not in NESTED
]
