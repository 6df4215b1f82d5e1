"""The life of the local servers: up, up again, crash, down; what was acknowledged stays."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from deploy.local.daemon import process_start
from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start, status, stop, up

pytestmark = pytest.mark.local
ROOT = Path(__file__).parents[2]


@pytest.fixture
def stack(tmp_path):
    made = Stack(data=tmp_path / "it's data", ports=Ports.any_free())
    yield made
    down(made)


def client_of(now) -> Client:
    host, port = now.clickhouse_address
    return Client(host, port=port)


def send(address: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    for sending in [producer.send(topic, value=value, partition=0) for value in values]:
        sending.get(timeout=30)
    producer.close()


def received(address: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=address)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    values: list[bytes] = []
    while len(values) < count:
        values += [record.value for records in consumer.poll(timeout_ms=1000).values() for record in records]
    consumer.close()
    return values


def test_up_twice_starts_once_and_down_and_up_keep_what_was_written(stack):
    first = up(stack)
    assert first.running
    again = up(stack)
    assert (again.kafka, again.clickhouse) == (first.kafka, first.clickhouse)
    assert status(stack).kafka.pid == first.kafka.pid

    admin = KafkaAdminClient(bootstrap_servers=first.kafka_address)
    admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    admin.close()
    send(first.kafka_address, "kept", [b"1", b"2"])
    with client_of(first) as client:
        client.execute("CREATE TABLE kept (a Int32) ENGINE = MergeTree ORDER BY a")
        client.execute("INSERT INTO kept VALUES", [(1,), (2,)])

    stopped = down(stack)
    assert not stopped.running
    assert [process_start(pid) for pid in (first.kafka.pid, first.clickhouse.pid)] == [None, None]
    assert not down(stack).running

    second = up(stack)
    assert received(second.kafka_address, "kept", 2) == [b"1", b"2"]
    with client_of(second) as client:
        assert client.execute("SELECT a FROM kept ORDER BY a") == [(1,), (2,)]


def test_one_server_is_stopped_and_started_without_the_other(stack):
    before = up(stack)
    assert stop(stack, "kafka").kafka.pid is None
    assert status(stack).clickhouse.pid == before.clickhouse.pid
    after = start(stack, "kafka")
    assert after.kafka.pid not in (None, before.kafka.pid)
    assert after.clickhouse.pid == before.clickhouse.pid


def test_a_broker_killed_keeps_every_acknowledged_record(stack):
    now = start(stack, "kafka")
    admin = KafkaAdminClient(bootstrap_servers=now.kafka_address)
    admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    admin.close()
    sent: list[bytes] = []
    for turn in range(2):
        values = [b"%d-%d" % (turn, number) for number in range(1000)]
        send(now.kafka_address, "kept", values)
        sent += values
        stop(stack, "kafka", signal.SIGKILL)
        now = start(stack, "kafka")
    assert received(now.kafka_address, "kept", len(sent)) == sent


def test_clickhouse_killed_during_inserts_loses_no_acknowledged_row(stack):
    now = start(stack, "clickhouse")
    with client_of(now) as client:
        client.execute("CREATE TABLE kept (batch UInt32, n UInt32) ENGINE = MergeTree ORDER BY (batch, n)")
    acknowledged: list[int] = []
    batches = itertools.count()

    def insert_until_killed(address, enough: threading.Event, after: int):
        with Client(address[0], port=address[1], compression=True) as mine:
            for done in itertools.count(1):
                batch = next(batches)
                try:
                    mine.execute("INSERT INTO kept VALUES", [(batch, n) for n in range(200)])
                except (driver_errors.Error, OSError, EOFError):
                    return
                acknowledged.append(batch)
                if done == after:
                    enough.set()

    for after in (1, 5, 20):
        enough = threading.Event()
        threads = [threading.Thread(target=insert_until_killed, args=(now.clickhouse_address, enough, after)) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        stop(stack, "clickhouse", signal.SIGKILL)
        for thread in threads:
            thread.join()
        now = start(stack, "clickhouse")

    with client_of(now) as client:
        stored = dict(client.execute("SELECT batch, count() FROM kept GROUP BY batch"))
    assert set(acknowledged) <= stored.keys()
    assert set(stored.values()) == {200}, "a batch is stored whole or not at all"
    assert len(acknowledged) >= 26


def test_clickhouse_lets_a_running_insert_end_before_it_ends(stack):
    now = start(stack, "clickhouse")
    with client_of(now) as client:
        client.execute("CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a")
    arrived, go_on = threading.Event(), threading.Event()
    outcome = []

    def rows():
        yield (1,)
        arrived.set()
        go_on.wait(60)
        yield (2,)

    def insert():
        with client_of(now) as mine:
            outcome.append(mine.execute("INSERT INTO kept VALUES", rows(), settings={"insert_block_size": 1}))

    inserting = threading.Thread(target=insert)
    inserting.start()
    assert arrived.wait(60)
    os.kill(now.clickhouse.pid, signal.SIGTERM)
    go_on.set()
    inserting.join()
    assert outcome == [2]
    stop(stack, "clickhouse")
    with client_of(start(stack, "clickhouse")) as client:
        assert client.execute("SELECT sum(a) FROM kept") == [(3,)]


def test_servers_outlive_the_commands_that_started_them_at_the_same_time(stack):
    with ThreadPoolExecutor() as both:
        told, also_told = [json.loads(said.stdout) for said in both.map(lambda _: run("up", stack, "--json"), range(2))]
    assert (told["kafka"], told["clickhouse"]) == (also_told["kafka"], also_told["clickhouse"])
    assert told["running"]
    assert os.getsid(told["kafka"]["pid"]) == told["kafka"]["pid"]
    assert status(stack).kafka_address == told["kafka"]["address"]
    assert json.loads(run("status", stack, "--json").stdout)["clickhouse"]["http"] == told["clickhouse"]["http"]
    assert "127.0.0.1" in run("status", stack).stdout
    assert "not running" in run("down", stack).stdout
    assert not status(stack).running


def test_a_clickhouse_whose_folder_was_deleted_ends_by_itself(stack):
    orphan = start(stack, "clickhouse").clickhouse.pid
    shutil.rmtree(stack.data)
    while process_start(orphan) is not None:
        time.sleep(0.05)
    assert start(stack, "clickhouse").clickhouse.pid != orphan


def run(action: str, stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    ports = ("--kafka-port", "0", "--clickhouse-port", "0", "--clickhouse-http-port", "0")
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", action, "--data", stack.data, *ports, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
