"""The peer: plain Faust, an agent and a table, as an ordinary user writes it. It counts per key and says each new sum.

    python peer.py BOOTSTRAP PREFIX
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

PARTITIONS = 8


def application(bootstrap: str, prefix: str) -> faust.App:
    app = faust.App(
        f"{prefix}peer", broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=PARTITIONS, topic_replication_factor=1,
        consumer_auto_offset_reset="earliest", web_enabled=False, topic_disable_leader=True, producer_acks=-1,
        broker_session_timeout=6.0, broker_heartbeat_interval=1.0, broker_commit_interval=timedelta(seconds=1),
    )  # fmt: skip
    source = app.topic(f"{prefix}touchpoints.web", key_serializer="raw", value_serializer="raw")
    outputs = app.topic(outputs_of(prefix), key_serializer="raw", value_serializer="raw")
    sums = app.Table("sums", partitions=PARTITIONS, key_type=bytes, value_type=int, default=int)

    @app.agent(source)
    async def count(stream):
        async for event in stream.events():
            sums[event.key] += 1
            said = f"{event.message.partition} {event.message.offset} {sums[event.key]}"
            await outputs.send(key=event.key, value=said.encode())

    return app


def outputs_of(prefix: str) -> str:
    return f"{prefix}peer.outputs"


@dataclass
class Counted:
    """What became of its input: outputs that never came or came again, and what its last sums are off by."""

    events: int = 0
    lost: int = 0
    double: int = 0
    sums_short: int = 0
    sums_over: int = 0


def judge(bootstrap: str, prefix: str, source: Sequence[ConsumerRecord]) -> Counted:
    """Compare its outputs with the records it read."""
    return asyncio.run(_judge(bootstrap, prefix, source))


async def _judge(bootstrap: str, prefix: str, source: Sequence[ConsumerRecord]) -> Counted:
    told: Counter[tuple[int, int]] = Counter()
    last: dict[bytes, int] = {}
    for record in await outputs(bootstrap, prefix):
        partition, offset, total = map(int, record.value.split())
        told[partition, offset] += 1
        last[record.key] = total
    wanted = {(record.partition, record.offset) for record in source}
    keys = Counter(record.key for record in source)
    return Counted(
        events=len(wanted), lost=len(wanted - told.keys()), double=sum(times - 1 for times in told.values()),
        sums_short=sum(max(0, count - last.get(key, 0)) for key, count in keys.items()),
        sums_over=sum(max(0, last.get(key, 0) - count) for key, count in keys.items()),
    )  # fmt: skip


async def outputs(bootstrap: str, prefix: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        tps = [TopicPartition(outputs_of(prefix), partition) for partition in range(PARTITIONS)]
        consumer.assign(tps)
        ends, found = await consumer.end_offsets(tps), []
        for tp in tps:
            while await consumer.position(tp) < ends[tp]:
                found += (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
        return found
    finally:
        await consumer.stop()


if __name__ == "__main__":
    bootstrap, prefix = sys.argv[1:3]
    sys.argv = ["peer", "worker", "-l", "error", "--without-web"]
    application(bootstrap, prefix).main()
