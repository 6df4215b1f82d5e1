"""Quix Streams as an ordinary user writes it: touchpoints re-keyed by `group_by`, a stateful `apply`, its RocksDB store.

    python quix_streams.py BOOTSTRAP PREFIX FOLDER COMMIT_EVERY_S HOP      HOP: score, or identify+score (re-keys first)
"""

import sys

from quixstreams import Application, message_context

from tests.bench.peer_job import lead_of, score

bootstrap, prefix, folder, commit_every_s, hop = sys.argv[1:6]
app = Application(
    broker_address=bootstrap, consumer_group=f"{prefix}quix", auto_offset_reset="earliest", state_dir=folder,
    commit_interval=float(commit_every_s), loglevel="WARNING",
)  # fmt: skip
touchpoints = app.topic(f"{prefix}touchpoints.web", key_deserializer="str", value_deserializer="bytes")
facts = app.topic(f"{prefix}leads.events", key_serializer="str", value_serializer="bytes")


def count(value, lead_id, timestamp, headers, state):
    context = message_context()
    held, told = score(state.get_bytes("lead"), value, lead_id, partition=context.partition, offset=context.offset)
    state.set_bytes("lead", held)
    return told


sdf = app.dataframe(touchpoints)
if hop == "identify+score":
    sdf = sdf.group_by(
        lead_of, name="lead", key_serializer="str", key_deserializer="str", value_serializer="bytes", value_deserializer="bytes"
    )  # fmt: skip
sdf.apply(count, stateful=True, metadata=True, expand=True).to_topic(facts)

if __name__ == "__main__":
    app.run()
