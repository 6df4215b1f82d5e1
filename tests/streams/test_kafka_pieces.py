"""Outputs, fenced commits and the changelog read back, on Apache Kafka."""

import asyncio
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from streams.broker import committed, require_topics
from streams.errors import Fenced, Misconfigured, Refused, Unavailable
from streams.kafka import IN_FLIGHT_MAX, RECORD_BYTES_MAX, FencedProducer, Outputs, restore, shared_producer

GROUP = "pieces"


@pytest.fixture
async def topic(local_stack, request):
    """A topic of one partition that takes records up to 1,000 bytes."""
    name = request.node.name[5:60]
    admin = AIOKafkaAdminClient(bootstrap_servers=local_stack.kafka_address)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "compact", "max.message.bytes": "1000"})])
    await admin.close()
    return name


@pytest.fixture
def bootstrap(local_stack):
    return local_stack.kafka_address


async def offset_of(bootstrap, topic):
    tp = TopicPartition(topic, 0)
    known = await committed(bootstrap, f"{GROUP}-{topic}", [tp])
    return known[tp].offset if known else None


async def fenced(bootstrap, topic):
    producer = FencedProducer(bootstrap, transactional_id=topic, group=f"{GROUP}-{topic}")
    await producer.start()
    return producer


async def test_a_commit_moves_state_and_offset_together_and_tombstones_forget(bootstrap, topic):
    tp = TopicPartition(topic, 0)
    owner = await fenced(bootstrap, topic)
    assert await offset_of(bootstrap, topic) is None
    await owner.commit([(topic, 0, b"anna", b"1"), (topic, 0, b"ben", b"2")], source=tp, offset=10)
    await owner.commit([(topic, 0, b"anna", b"3"), (topic, 0, b"ben", None)], source=tp, offset=20)
    await owner.commit([], source=tp, offset=21)
    await owner.stop()
    assert await restore(bootstrap, topic, 0) == {b"anna": b"3"}
    assert await offset_of(bootstrap, topic) == 21


async def test_no_batch_of_a_commit_is_refused_and_sent_again(bootstrap, topic, caplog):
    """The broker verifies one first batch of a transaction at a time, and says NotEnoughReplicas of another."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic}.{n}", 8, 1) for n in range(2)])
    await admin.close()

    async def commit_on(partition):
        owner = await fenced(bootstrap, f"{topic}-{partition}")
        for offset in range(15):
            records = [(f"{topic}.{n}", partition, b"k", b"v") for n in range(2)]
            await owner.commit(records, source=TopicPartition(topic, 0), offset=offset)
            await asyncio.sleep(0.1)
        await owner.stop()

    await asyncio.gather(*map(commit_on, range(8)))
    assert "NotEnoughReplicas" not in caplog.text


async def test_the_one_started_last_commits_and_the_former_owner_is_fenced(bootstrap, topic):
    tp = TopicPartition(topic, 0)
    former = await fenced(bootstrap, topic)
    await former.commit([(topic, 0, b"anna", b"1")], source=tp, offset=10)
    owner = await fenced(bootstrap, topic)
    for _ in range(2):  # also when it tries once more
        with pytest.raises(Fenced, match=rf"{topic}\[0\]: committing offset 20"):
            await former.commit([(topic, 0, b"anna", b"late")], source=tp, offset=20)
    await owner.commit([(topic, 0, b"anna", b"2")], source=tp, offset=15)
    await former.stop()
    await owner.stop()
    assert await restore(bootstrap, topic, 0) == {b"anna": b"2"}
    assert await offset_of(bootstrap, topic) == 15


async def test_a_transaction_left_open_is_aborted_by_the_next_owner_and_not_restored(bootstrap, topic):
    dead = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await dead.start()
    await dead.begin_transaction()
    await dead.send_and_wait(topic, b"half", key=b"anna")
    owner = await fenced(bootstrap, topic)
    assert await restore(bootstrap, topic, 0) == {}
    await owner.stop()
    await dead.stop()


async def test_a_state_the_broker_refuses_does_not_commit_the_offset_without_it(bootstrap, topic):
    tp = TopicPartition(topic, 0)
    owner = await fenced(bootstrap, topic)
    await owner.commit([(topic, 0, b"anna", b"1")], source=tp, offset=10)
    with pytest.raises(Fenced, match="MessageSizeTooLarge"):
        await owner.commit([(topic, 0, b"anna", bytes(2000))], source=tp, offset=20)
    await owner.stop()
    successor = await fenced(bootstrap, topic)
    assert await restore(bootstrap, topic, 0) == {b"anna": b"1"}
    assert await offset_of(bootstrap, topic) == 10
    await successor.stop()


async def test_outputs_arrive_in_order_and_are_waited_for(bootstrap, topic):
    async with shared_producer(bootstrap) as producer:
        outputs = Outputs(producer)
        for number in range(30):  # each a batch of its own: the topic takes 1,000 bytes
            outputs.add(topic, 0, b"last", b"%d" % number)
            await outputs.flush()
        await outputs.acked()
        outputs.add(topic, 0, b"refused", bytes(2000))
        with pytest.raises(Fenced, match="an output was not accepted: MessageSizeTooLarge"):
            await outputs.acked()
    assert await restore(bootstrap, topic, 0) == {b"last": b"29"}


async def test_a_record_no_topic_takes_is_refused_before_it_is_sent(bootstrap, topic):
    async with shared_producer(bootstrap) as producer:
        with pytest.raises(Refused, match=rf"{RECORD_BYTES_MAX + 1} bytes for {topic}\[0\]"):
            Outputs(producer).add(topic, 0, b"anna", bytes(RECORD_BYTES_MAX + 1))


async def test_topics_that_do_not_exist_are_named(bootstrap, topic):
    await require_topics(bootstrap, [topic], patience=timedelta(seconds=5))
    with pytest.raises(Misconfigured, match="has no topic nowhere, nowhere-else:"):
        await require_topics(bootstrap, [topic, "nowhere-else", "nowhere"], patience=timedelta(seconds=5))


async def test_a_broker_that_is_away_is_unavailable():
    with pytest.raises(Unavailable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        await FencedProducer("127.0.0.1:1", transactional_id="x", group="x").start()


class Batch:
    """Stands for aiokafka's batch: takes one record."""

    def __init__(self):
        self.full = False

    def append(self, **_):
        taken, self.full = not self.full, True
        return taken or None

    def close(self):
        pass


class SlowBroker:
    """Stands for aiokafka's producer: acknowledges when told to."""

    def __init__(self):
        self.acks = []

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, *, partition):
        self.acks.append(asyncio.get_running_loop().create_future())
        return self.acks[-1]


async def test_no_more_than_a_few_batches_are_under_way_while_the_broker_is_slow():
    broker = SlowBroker()
    outputs = Outputs(broker)
    for _ in range(IN_FLIGHT_MAX + 2):
        outputs.add("leads.events", 0, b"k", b"v")
    flushing = asyncio.create_task(outputs.flush())
    for acknowledged in range(3):
        await asyncio.sleep(0.01)
        assert len(broker.acks) == IN_FLIGHT_MAX + acknowledged
        broker.acks[acknowledged].set_result(None)
    await flushing
