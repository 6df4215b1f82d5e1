"""Servers that go away and come back under the processes of a user: who notices says so, and nothing is lost."""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from deploy.local import stack as local
from deploy.local.ports import Ports, claim
from processors.model.file import load
from schemas.avro import decode_fact, encode_touchpoint
from schemas.facts import TouchpointCounted
from sinks.clickhouse import connect
from sinks.errors import SinkError
from streams import topics
from streams.probe import ask
from streams.provision import ensure_topics
from streams.publish import publish
from streams.settings import Settings
from streams.supervise import Supervisor, roles
from tests.processors.building import touch
from tests.streams.installed import address_in, counted, ends_by, installed, until

MODEL = Path(__file__).with_name("model.yaml")
YEAR_9999 = 253_402_300_000_000
STUCK_AFTER_S = 3.0


def prepare(settings):
    ensure_topics(settings.kafka, settings.names)
    asyncio.run(publish(settings.kafka, settings.names, load(MODEL.read_text(), name_of_file="model.yaml")))


def while_away(seconds, holds):
    """Expect something to hold all the time that a server is away."""
    back_at = time.monotonic() + seconds
    while time.monotonic() < back_at:
        assert holds()
        time.sleep(0.2)


# ---- ClickHouse --------------------------------------------------------------------------------------------------------


@pytest.fixture
def clickhouse(tmp_path):
    """A ClickHouse of one's own: its stack, ports fixed."""
    ports = local.start(local.Stack(data=tmp_path, ports=Ports.any_free()), "clickhouse").clickhouse.ports
    stack = local.Stack(data=tmp_path, ports=Ports(kafka=0, **ports))
    yield stack
    local.stop(stack, "clickhouse")


def test_while_clickhouse_is_away_its_sink_says_so_in_one_line_nobody_else_notices_and_all_rows_come_after(local_stack, clickhouse):
    with installed(local_stack, "outage.", stuck_after_s=STUCK_AFTER_S) as here:
        prepare(here.settings)
        own = {"clickhouse_port": clickhouse.ports.clickhouse, "clickhouse_database": "outage"}
        sink, worker = here.start("sink", **own), here.start("work", "--hops", "identify,score")
        sink_at, worker_at = address_in(sink, "/metrics at "), address_in(worker, "/metrics at ")
        with connect(host="127.0.0.1", port=clickhouse.ports.clickhouse, database="outage") as client:

            def rows(expected):
                try:
                    (row,) = client.query("SELECT count() AS n FROM touchpoints_once")
                except SinkError:  # not made yet, or away
                    return False
                return row["n"] == expected

            here.send([touch("page_view", event=f"a{n}", visitor_id=f"{n}") for n in range(40)])
            until(lambda: rows(40), "the first rows")
            until(lambda: ask(f"{sink_at}/ready").problems == (), "the sink to be ready")
            events = counted(here.settings, topics.EVENTS)

            local.stop(clickhouse, "clickhouse", signal.SIGKILL)
            refused = encode_touchpoint(touch("page_view", event="far", at=YEAR_9999))
            here.send([touch("page_view", event=f"b{n}", visitor_id=f"{n}") for n in range(40)], (b"v:ann", refused), (b"v:ann", b"garbage"))
            until(lambda: any("ClickHouse at 127.0.0.1" in each for each in ask(f"{sink_at}/ready").problems), "/ready of the sink to name ClickHouse")
            while_away(2 * STUCK_AFTER_S, lambda: ask(f"{sink_at}/live").problems == ask(f"{worker_at}/ready").problems == ())
            until(lambda: counted(here.settings, topics.EVENTS) >= events + 40, "the worker to decide meanwhile")

            local.start(clickhouse, "clickhouse")
            until(lambda: rows(80), "all rows that ClickHouse takes")
            until(lambda: counted(here.settings, topics.DEAD_LETTERS) >= 3, "the rest among the dead letters")  # of garbage, one a hop
        until(lambda: ask(f"{sink_at}/ready").problems == (), "the sink to be ready again")
        code, out = ends_by(sink)
        assert code == 0, out
        assert [out.count(word) for word in ("trying again until it answers", "going on, no partition waits any longer", "CRITICAL")] == [1, 1, 0], out
        assert ends_by(worker)[0] == 0


# ---- Kafka -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kafka(tmp_path):
    """A Kafka of one's own that may be killed and frozen."""
    stack = local.Stack(data=tmp_path, ports=Ports(kafka=claim(0, setting="kafka"), clickhouse=0, clickhouse_http=0))
    local.start(stack, "kafka")
    yield stack
    local.down(stack)


class Sender:
    """Sends page views until each is acknowledged, as a library does."""

    def __init__(self, collector):
        self.collector = collector
        self.acknowledged = []

    def send(self, count):
        """Send that many, and return how many were acknowledged at once."""
        before = len(self.acknowledged)
        for _ in range(count):
            n = len(self.acknowledged)
            page = {"type": "page", "anonymousId": f"visitor-{n % 50}", "messageId": f"m-{n}", "properties": {"path": "/"}}
            request = urllib.request.Request(f"{self.collector}/v1/batch?writeKey=local-write-key", data=json.dumps({"batch": [page]}).encode())
            try:
                with urllib.request.urlopen(request, timeout=30):
                    self.acknowledged.append(n)
            except urllib.error.HTTPError as error:
                with error:
                    assert error.code == 503, error.read()
        return len(self.acknowledged) - before


def facts(settings):
    """How often each touchpoint was counted, by its event id: facts that were sent again have the same position."""

    async def read():
        tps = [TopicPartition(settings.names.topic(topics.EVENTS), p) for p in range(8)]
        found = {}
        async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    for at in map(decode_fact, (record.value for record in records)):
                        found[at.partition, at.offset, at.index] = at.fact
        return Counter(fact.event_id for fact in found.values() if isinstance(fact, TouchpointCounted))

    return asyncio.run(read())


def test_workers_whose_kafka_was_away_or_frozen_beyond_their_session_go_on_and_nothing_is_lost(kafka, caplog):
    settings = Settings.local(
        kafka=f"127.0.0.1:{kafka.ports.kafka}", collector_port=0, ops_port=0, commit_every_s=0.2, ack_timeout_s=2.0, stuck_after_s=STUCK_AFTER_S
    )
    prepare(settings)
    collector, worker, _ = roles(settings)
    sender, lines = Sender(collector.door), []
    with Supervisor([collector, worker], tell=lambda child, line: lines.append(f"{child}: {line}")) as supervisor:
        until(lambda: supervisor.unready() == [], "all to be ready")
        assert sender.send(100) == 100

        local.stop(kafka, "kafka", signal.SIGKILL)  # while the worker still decides
        assert sender.send(1) == 0
        while_away(12, lambda: ask(f"{worker.address}/live").problems == () or worker.name not in supervisor.pids())
        pid = local.start(kafka, "kafka").kafka.pid
        until(lambda: sender.send(1) == 1, "the collector to take records again")
        assert sender.send(100) == 100
        until(lambda: len(facts(settings)) == len(sender.acknowledged), "everything acknowledged to be counted")

        until(lambda: supervisor.unready() == [], "all to be ready again")
        sender.send(50)
        os.kill(pid, signal.SIGSTOP)
        try:
            while_away(12, lambda: ask(f"{worker.address}/live").problems == () or worker.name not in supervisor.pids())
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: sender.send(1) == 1, "the collector to take records after the thaw")
        until(lambda: len(facts(settings)) == len(sender.acknowledged), "everything acknowledged to be counted after the thaw")
        until(lambda: supervisor.unready() == [], "all to be ready after the thaw")
        assert set(facts(settings).values()) == {1}

        sender.send(50)
        local.stop(kafka, "kafka", signal.SIGKILL)
    assert not any("CRITICAL" in line for line in lines)
    assert "did not end in time" not in caplog.text  # told to end while Kafka is away
    assert not any("Timeout (0:00:10)!" in line for line in lines), "\n".join(lines)
