"""The floor below the sink: what fastavro takes to decode the same records, and clickhouse-driver to insert the same columns.

No Kafka, no rows, no dead letters: one thread that decodes, and one insert of columns that are ready.
"""

import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from clickhouse_driver import Client
from fastavro import schemaless_reader

from schemas.registry import HEADER_BYTES
from sinks.clickhouse import connect
from sinks.migrate import migrate
from streams import topics
from tests.bench.finding import Finding
from tests.bench.sink_rows import CODECS, TABLES, rows_of
from tests.bench.sink_topics import READ, Held

ROWS = 20_000
DATABASE = "bench_floor"
FLOORED = (topics.WEB, topics.EVENTS, topics.PROFILES)


def floor(told: Mapping[str, Held], port: int) -> list[Finding]:
    """A finding for each kind of record that is many."""
    with connect(host="127.0.0.1", port=port, database=DATABASE) as ours:
        migrate(ours)
        plain = Client("127.0.0.1", port, database=DATABASE)
        try:
            return [_floor(told[topic], plain) for topic in READ if topic in FLOORED]
        finally:
            plain.disconnect()
            ours.command(f"DROP DATABASE {DATABASE}")


def _floor(held: Held, client: Client) -> Finding:
    held = Held(topic=held.topic, records=held.records[:ROWS], warm_up=0)
    table, schema, count = TABLES[held.topic], CODECS[held.topic].newest.parsed, len(held.records)
    began = time.process_time()
    for sent in held.records:
        body = BytesIO(sent.value)
        body.seek(HEADER_BYTES)
        schemaless_reader(body, schema, None)
    decoded = time.process_time()
    columns = _columns(list(rows_of(held, held.topic)), client.execute(f"DESCRIBE TABLE {table}"))
    names = ", ".join(f"`{name}`" for name in columns)
    ready = time.process_time()
    client.execute(f"INSERT INTO {table} ({names}) VALUES", list(columns.values()), columnar=True)
    inserted = time.process_time() - ready
    found = client.execute(f"SELECT count() FROM {table} FINAL")[0][0]
    expected = len({row["lead_id"] for row in rows_of(held, held.topic)}) if held.topic == topics.PROFILES else count
    values = {
        "decoded_per_cpu_s": round(count / (decoded - began)), "inserted_per_cpu_s": round(count / inserted),
        "both_per_cpu_s": round(count / (decoded - began + inserted)),
    }  # fmt: skip
    measured = (
        f"**{values['both_per_cpu_s']:,}** rows per CPU-second: decodes {values['decoded_per_cpu_s']:,}, "
        f"inserts {values['inserted_per_cpu_s']:,} from columns that are ready"
    )
    return Finding(
        bench="sink", what=f"floor: fastavro and clickhouse-driver alone, {table}", target="", measured=measured, values=values,
        wrong=None if found == expected else f"{found} rows, expected {expected}",
    )  # fmt: skip


def _columns(rows: Sequence[Mapping[str, Any]], described: Sequence[tuple[str, ...]]) -> dict[str, list[Any]]:
    """Columns as the driver takes them, without those that are empty in every row."""
    columns = {}
    for name, kind, *_ in described:
        if name in rows[0] and any(row[name] for row in rows):
            absent = None if kind.startswith("Nullable") else ""
            columns[name] = [absent if row[name] is None else row[name] for row in rows]
    return columns
