"""The peer: plain Faust as an ordinary user writes it, an agent and a table, doing the same decisions on the same records.

    python plain_faust.py BOOTSTRAP PREFIX
"""

import sys

import faust
import msgspec

from processors.decision import handle
from processors.model.file import load
from processors.model.scoring_model import NO_MODEL
from schemas import inbox
from schemas.avro import encode_fact
from schemas.inbox import ModelPublished
from schemas.lead import Lead

bootstrap, prefix = sys.argv[1:3]
app = faust.App(
    f"{prefix}plain", broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=8, topic_replication_factor=1,
    consumer_auto_offset_reset="earliest", web_enabled=False, topic_disable_leader=True, stream_wait_empty=False,
    producer_acks=-1, broker_max_poll_records=4000, datadir=f"/tmp/{prefix}plain",
)  # fmt: skip
source = app.topic(f"{prefix}leads.inbox", key_serializer="raw", value_serializer="raw")
facts = app.topic(f"{prefix}leads.events", key_serializer="raw", value_serializer="raw")
leads = app.Table("leads", partitions=8, key_type=bytes, value_type=bytes, default=bytes)
encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Lead)
model = NO_MODEL


@app.agent(source)
async def score(stream):
    global model
    async for event in stream.events():
        record = inbox.decode(event.value)
        if isinstance(record, ModelPublished):
            if model is NO_MODEL:
                model = load(record.text)
            continue
        held = leads[event.key]
        lead = decoder.decode(held) if held else Lead()
        told = handle(lead, record.touchpoint, model, lead_id=event.key.decode())
        leads[event.key] = encoder.encode(lead)
        for index, fact in enumerate(told):
            value = encode_fact(fact, partition=event.message.partition, offset=event.message.offset, index=index)
            await facts.send(key=event.key, value=value, partition=event.message.partition)


if __name__ == "__main__":
    sys.argv = ["plain_faust", "worker", "-l", "error", "--without-web"]
    app.main()
