"""Plain Faust as an ordinary user writes it: an agent and a table, touchpoints re-keyed to the lead by `group_by`.

    python plain_faust.py BOOTSTRAP PREFIX FOLDER COMMIT_EVERY_S HOP       HOP: score, or identify+score (re-keys first)
"""

import sys

import faust

from tests.bench.peer_job import lead_of, score

bootstrap, prefix, folder, commit_every_s, hop = sys.argv[1:6]
app = faust.App(
    f"{prefix}faust", broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=8, topic_replication_factor=1,
    consumer_auto_offset_reset="earliest", web_enabled=False, topic_disable_leader=True, stream_wait_empty=False,
    producer_acks=-1, broker_max_poll_records=4000, broker_commit_interval=float(commit_every_s), datadir=folder,
)  # fmt: skip
touchpoints = app.topic(f"{prefix}touchpoints.web", key_serializer="raw", value_serializer="raw")
facts = app.topic(f"{prefix}leads.events", key_serializer="raw", value_serializer="raw")
leads = app.Table("leads", partitions=8, key_type=bytes, value_type=bytes, default=bytes)


@app.agent(touchpoints)
async def count(stream):
    if hop == "identify+score":
        stream = stream.group_by(lambda value: lead_of(value).encode(), name="lead")
    async for event in stream.events():
        message = event.message
        held, told = score(leads[event.key], event.value, event.key.decode(), partition=message.partition, offset=message.offset)
        leads[event.key] = held
        for fact in told:
            await facts.send(key=event.key, value=fact, partition=message.partition)


if __name__ == "__main__":
    sys.argv = ["plain_faust", "worker", "-l", "error", "--without-web"]
    app.main()
