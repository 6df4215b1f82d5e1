"""What a bench writes into Kafka, reads back and takes away again."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition
from kafka.admin import KafkaAdminClient

from schemas import inbox
from streams import topics
from streams.provision import ensure_topics
from tests.bench.input import PARTITIONS, Sent, published

BATCH_BYTES = 256 * 1024


async def install(bootstrap: str, names: topics.Names, *, model: str | None) -> None:
    """Create the topics of an installation, and publish the scoring model in its inbox."""
    await asyncio.to_thread(ensure_topics, bootstrap, names)
    if model is not None:
        record, inbox_topic = inbox.encode(published(model)), names.topic(topics.INBOX)
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
            await asyncio.gather(*[producer.send_and_wait(inbox_topic, record, partition=p) for p in range(PARTITIONS)])


async def write(bootstrap: str, topic: str, records: Sequence[Sent]) -> None:
    """Write *records* into *topic*, those of each partition in their order."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=BATCH_BYTES) as producer:
        acks = []
        for partition in range(PARTITIONS):
            batch = producer.create_batch()
            for sent in (each for each in records if each.partition == partition):
                if batch.append(key=sent.key, value=sent.value, timestamp=None) is None:
                    acks.append(await producer.send_batch(batch, topic, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=sent.key, value=sent.value, timestamp=None)
            if batch.record_count():
                acks.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*acks)


async def read(bootstrap: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Everything in *topic* up to its present end, each partition in its order."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20) as consumer:
        tps = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        left = {tp for tp in tps if ends[tp] > 0}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=500)).values():
                for record in records:
                    yield record
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}


def sweep(bootstrap: str, prefix: str) -> None:
    """Delete what a run has left: its topics, and those that its engine made for itself."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.delete_topics([name for name in admin.list_topics() if prefix in name])
    finally:
        admin.close()
