"""The broker, by clients nobody here wrote: kafka-python and aiokafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaPythonPartition
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError

from deploy.local.status import Status


@pytest.fixture
def topic(local_stack: Status, request) -> str:
    name = request.node.name.removeprefix("test_")[:200]
    admin = KafkaAdminClient(bootstrap_servers=local_stack.kafka_address)
    admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])
    admin.close()
    return name


def test_a_topic_is_created_once_and_none_by_mistake(local_stack, topic):
    admin = KafkaAdminClient(bootstrap_servers=local_stack.kafka_address)
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    consumer = KafkaConsumer(bootstrap_servers=local_stack.kafka_address)
    assert consumer.partitions_for_topic("mistyped") in (None, set())
    assert "mistyped" not in admin.list_topics()
    consumer.close()
    admin.close()


def test_records_up_to_four_mebibytes_come_back_as_they_were_sent(local_stack, topic):
    large = bytes(range(256)) * 16384
    producer = KafkaProducer(bootstrap_servers=local_stack.kafka_address, acks="all", max_request_size=6_000_000)
    for value in (b"small", large):
        producer.send(topic, key=b"k", value=value, partition=0).get(timeout=30)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=local_stack.kafka_address, max_partition_fetch_bytes=6_000_000)
    partition = KafkaPythonPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    received = []
    while len(received) < 2:
        received += [record.value for records in consumer.poll(timeout_ms=1000).values() for record in records]
    consumer.close()
    assert received == [b"small", large]


async def test_a_transaction_shows_all_of_its_records_or_none(local_stack, topic):
    producer = AIOKafkaProducer(bootstrap_servers=local_stack.kafka_address, transactional_id=topic)
    await producer.start()
    with pytest.raises(LookupError):
        async with producer.transaction():
            await producer.send_and_wait(topic, b"aborted", partition=0)
            raise LookupError
    async with producer.transaction():
        await producer.send_and_wait(topic, b"committed", partition=0)
        await producer.send_offsets_to_transaction({TopicPartition(topic, 1): 7}, group_id=topic)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=local_stack.kafka_address, group_id=topic, isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    await consumer.start()
    assert (await consumer.getone()).value == b"committed"
    assert await consumer.committed(TopicPartition(topic, 1)) == 7
    await consumer.stop()


async def test_a_later_owner_of_a_transactional_id_fences_the_former(local_stack, topic):
    producers = [AIOKafkaProducer(bootstrap_servers=local_stack.kafka_address, transactional_id=topic) for _ in range(2)]
    former, later = producers
    await former.start()
    await former.begin_transaction()
    await former.send_and_wait(topic, b"zombie", partition=0)
    await later.start()
    with pytest.raises(Exception, match=r"(?i)fenced|producer epoch|transactional"):
        await former.commit_transaction()
    async with later.transaction():
        await later.send_and_wait(topic, b"owner", partition=0)
    for producer in producers:
        await producer.stop()


async def test_a_group_with_a_session_of_six_seconds_settles(local_stack, topic):
    consumers = [
        AIOKafkaConsumer(topic, bootstrap_servers=local_stack.kafka_address, group_id=topic, session_timeout_ms=6000, heartbeat_interval_ms=1000)
        for _ in range(2)
    ]
    await asyncio.gather(*(consumer.start() for consumer in consumers))
    while sorted(len(consumer.assignment()) for consumer in consumers) != [1, 1]:
        await asyncio.gather(*(consumer.getmany(timeout_ms=100) for consumer in consumers))
    await asyncio.gather(*(consumer.stop() for consumer in consumers))
