"""Sales tooling in forty lines: every change of a lead's stage, acted on once, with Kafka and Avro clients that are not ours.

    python examples/sales_subscriber.py 127.0.0.1:19092 seen.db [PREFIX]

`leads.transitions` tells each transition at least once; its `transition_id` is the same every time, also in a replay.
What was acted on is remembered in seen.db, so neither a restart nor a repeated record acts twice.
"""

import io
import json
import sqlite3
import sys

import avro.schema
from avro.io import BinaryDecoder, DatumReader
from kafka import KafkaConsumer

from schemas.registry import HEADER_BYTES, released

VERSIONS = released()["transition"]  # by the fingerprint in each record's header we know the schema it was written with
SCHEMAS = {version.header: avro.schema.parse(json.dumps(version.document)) for version in VERSIONS}
NEWEST = SCHEMAS[VERSIONS[-1].header]


def decode(value):
    return DatumReader(SCHEMAS[value[:HEADER_BYTES]], NEWEST).read(BinaryDecoder(io.BytesIO(value[HEADER_BYTES:])))


def act(change):
    """Here your tooling takes over; imported changes are history, nobody should be called about them."""
    print(f"{change['lead_id']} {change['from_stage']} > {change['to_stage']}: {change['reason']} {change['rule'] or ''}"
          f" score {change['score']:.0f}{' (imported)' if change['imported'] else ''}", flush=True)  # fmt: skip


def main(bootstrap, seen_file, prefix=""):
    seen = sqlite3.connect(seen_file)
    seen.execute("CREATE TABLE IF NOT EXISTS seen (transition_id TEXT PRIMARY KEY)")
    consumer = KafkaConsumer(f"{prefix}leads.transitions", bootstrap_servers=bootstrap, group_id=f"{prefix}sales",
                             enable_auto_commit=False, auto_offset_reset="earliest", session_timeout_ms=6_000)  # fmt: skip
    while True:
        news = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
        for record in news:
            change = decode(record.value)
            with seen:  # act inside the transaction: a crash in between acts again rather than never
                if seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (change["transition_id"],)).rowcount:
                    act(change)
        if news:
            consumer.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
