"""From the topics into ClickHouse: everything, once to be seen, whatever is killed; what is unusable is set aside."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from deploy.local import stack as local
from deploy.local.ports import Ports
from schemas import avro
from schemas.dead_letter import DeadLetter
from sinks.clickhouse import ClickHouse, connect
from sinks.errors import SinkError
from streams import topics
from streams.broker import committed
from streams.deliver import DeliverShard
from streams.outcomes import GIVEN_BACK, IN
from streams.provision import ensure_topics
from streams.recorder import Bounds, Recorder
from tests.processors.building import T0, touch
from tests.sinks.records import lived, profile, quarter

HERE = Path(__file__).parent
WORKER = HERE / "deliver_worker.py"
YEAR_9999 = 253_402_300_000_000
TOPIC_OF = {
    "touchpoints": topics.WEB, "facts": topics.EVENTS, "transitions": topics.TRANSITIONS, "profiles": topics.PROFILES,
}  # fmt: skip


@dataclass
class Sink:
    """Topics under a prefix of their own, a database of their own, and the worker between them."""

    bootstrap: str
    names: topics.Names
    clickhouse: ClickHouse
    address: tuple[str, int]
    rows_max: int = 50_000
    write_every_ms: int = 200
    workers: list[subprocess.Popen] = field(default_factory=list)

    def start(self) -> subprocess.Popen:
        host, port = self.address
        command = [
            sys.executable,
            str(WORKER),
            self.bootstrap,
            self.names.prefix,
            host,
            str(port),
            self.clickhouse.database,
            str(self.rows_max),
            str(self.write_every_ms),
        ]
        worker = subprocess.Popen(
            command, env=os.environ | {"PYTHONPATH": str(HERE.parents[1])}, start_new_session=True
        )
        self.workers.append(worker)
        return worker

    async def send(self, records) -> None:
        """Send (topic, partition, key, value) each."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5) as producer:
            acks = [
                await producer.send(self.names.topic(topic), value, key=key, partition=partition)
                for topic, partition, key, value in records
            ]
            await asyncio.gather(*acks)

    async def letters(self) -> list[DeadLetter]:
        """Every distinct dead letter in the topic."""
        tps = [TopicPartition(self.names.topic(topics.DEAD_LETTERS), p) for p in range(4)]
        found: dict[str, DeadLetter] = {}
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest") as consumer:
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    for record in records:
                        try:
                            letter = avro.decode_dead_letter(record.value)
                        except avro.Undecodable:
                            continue
                        assert found.setdefault(letter.letter_id, letter) == letter
        return list(found.values())

    async def until(self, sql: str, expected, *, within_s: float = 60):
        """Wait until a query for one row answers so."""
        deadline = time.monotonic() + within_s
        found = None
        while found != expected:
            assert time.monotonic() < deadline, f"{sql}: {found}, expected {expected}"
            assert all(worker.poll() in (None, -signal.SIGKILL) for worker in self.workers), "a worker ended by itself"
            await asyncio.sleep(0.2)
            try:
                found = tuple((await asyncio.to_thread(self.clickhouse.query, sql))[0].values())
            except SinkError:  # the worker has not made the tables yet, or the server is away
                found = None

    async def behind(self) -> int:
        """How many records the group has not committed."""
        tps = [
            TopicPartition(self.names.topic(name), p)
            for name in (*TOPIC_OF.values(), topics.DEAD_LETTERS)
            for p in range(topics.BY_NAME[name].partitions)
        ]
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            ends = await consumer.end_offsets(tps)
        done = await committed(self.bootstrap, self.names.group("deliver"), tps)
        return sum(end - (done[tp].offset if tp in done else 0) for tp, end in ends.items())

    def stop(self) -> list[int]:
        for worker in self.workers:
            worker.terminate()
        return [worker.wait(20) for worker in self.workers]

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()


@pytest.fixture
async def sink(local_stack, request):
    async for here in _sink(local_stack.kafka_address, local_stack.clickhouse_address, request):
        yield here


@pytest.fixture
async def sink_with_own_clickhouse(local_stack, tmp_path, request):
    """A sink whose ClickHouse the test may kill: (sink, kill it, start it again)."""
    first = local.Stack(data=tmp_path, ports=Ports.any_free())
    ports = local.start(first, "clickhouse").clickhouse.ports
    stack = local.Stack(data=tmp_path, ports=Ports(kafka=0, **ports))
    async for here in _sink(local_stack.kafka_address, ("127.0.0.1", ports["clickhouse"]), request):
        yield here, lambda: local.stop(stack, "clickhouse", signal.SIGKILL), lambda: local.start(stack, "clickhouse")
    local.stop(stack, "clickhouse")


async def _sink(bootstrap, address, request):
    name = re.sub(r"\W", "_", request.node.name)[:50]
    names = topics.Names(prefix=f"{name}.{os.getpid()}.")
    await asyncio.to_thread(ensure_topics, bootstrap, names)
    with connect(host=address[0], port=address[1], database=name) as client:
        here = Sink(bootstrap, names, client, address)
        yield here
        here.end()


def told(records) -> list:
    """What the topics of a `lived` story hold, to be sent."""
    return [(TOPIC_OF[table.name], n % 8, b"key", value) for n, (table, value, _) in enumerate(records.records)]


def page_views(count: int, *, start: int = 0) -> list:
    return [
        (topics.WEB, n % 8, b"v:ann", avro.encode_touchpoint(touch(event=str(n), at=T0 + n)))
        for n in range(start, start + count)
    ]


async def test_every_topic_arrives_in_its_table_and_the_views_agree(sink):
    story = lived(quarter())
    await sink.send(told(story))
    sink.start()
    rows = Counter(table.name for table, _, _ in story.records)
    sql = "SELECT (SELECT count() FROM touchpoints_once), (SELECT count() FROM facts_once), (SELECT count() FROM transitions_once), (SELECT count() FROM profiles_once)"
    await sink.until(sql, tuple(rows[name] for name in ("touchpoints", "facts", "transitions", "profiles")))
    await sink.until("SELECT drift_max < 1e-9, leads_adrift FROM drift_max", (1, 0))
    await sink.until(
        "SELECT touchpoints, counted, duplicates, waiting, unexplained, counted_twice FROM ledger", (12, 11, 1, 0, 0, 0)
    )
    assert sink.stop() == [0]
    assert await sink.behind() == 0
    assert await sink.letters() == []


async def test_what_cannot_be_read_and_what_clickhouse_refuses_is_set_aside_and_the_rest_goes_on(sink):
    secret = "a-secret"
    refused = avro.encode_touchpoint(touch(event="far", at=YEAR_9999, contact={"name": secret}))
    unreadable = b"\xc3\x01" + secret.encode() * 3
    await sink.send(
        [
            *page_views(20),
            (topics.WEB, 3, b"v:ann", refused),
            (topics.WEB, 4, b"v:ann", unreadable),
            *page_views(20, start=20),
        ]
    )
    sink.start()
    await sink.until("SELECT count() FROM touchpoints_once", (40,))
    await sink.until("SELECT count() FROM dead_letters_once", (2,))
    assert sink.stop() == [0]
    letters = {letter.reason: letter for letter in await sink.letters()}
    assert set(letters) == {"refused_by_clickhouse", "undecodable"}
    assert letters["refused_by_clickhouse"].body == refused
    assert letters["undecodable"].body == unreadable
    assert not any(secret in letter.detail for letter in letters.values())
    assert {(letter.topic, letter.partition, letter.hop) for letter in letters.values()} == {
        (sink.names.topic(topics.WEB), 3, "deliver"),
        (sink.names.topic(topics.WEB), 4, "deliver"),
    }
    stored = sink.clickhouse.query(
        "SELECT reason, hex(body) AS body, hex(key) AS key FROM dead_letters_once WHERE reason = 'undecodable'"
    )
    assert stored == [{"reason": "undecodable", "body": unreadable.hex().upper(), "key": b"v:ann".hex().upper()}]


async def test_an_unreadable_dead_letter_gives_one_letter_about_it_and_no_more(sink):
    await sink.send([(topics.DEAD_LETTERS, 0, b"key", b"no letter at all")])
    sink.start()
    await sink.until(
        "SELECT count(), any(topic), any(body) FROM dead_letters_once",
        (1, sink.names.topic(topics.DEAD_LETTERS), "no letter at all"),
    )
    while await sink.behind():
        await asyncio.sleep(0.2)
    assert sink.stop() == [0]
    assert len(await sink.letters()) == 1


async def test_a_tombstone_deletes_the_profile(sink):
    profiles = [
        (topics.PROFILES, 0, b"v:ann", avro.encode_profile(profile("v:ann"))),
        (topics.PROFILES, 0, b"v:bob", avro.encode_profile(profile("v:bob"))),
    ]
    await sink.send([*profiles, (topics.PROFILES, 0, b"v:ann", None)])
    sink.start()
    await sink.until("SELECT count(), any(lead_id) FROM leads", (1, "v:bob"))
    assert sink.stop() == [0]
    assert await sink.behind() == 0


async def test_kills_lose_no_row_and_show_none_twice(sink):
    sink.write_every_ms = 1_500  # rows wait long, so that a commit ahead of them would lose them
    r = random.Random(11)
    await sink.send(page_views(1_000))
    sent = 1_000
    for _ in range(4):
        worker = sink.start()
        await sink.until(f"SELECT count() >= {sent} FROM touchpoints_once", (1,))  # it is at work
        await sink.send(page_views(500, start=sent))
        sent += 500
        await asyncio.sleep(0.3 + r.random())
        worker.kill()
        worker.wait()
    sink.start()
    await sink.until("SELECT count(), uniqExact(event_id) FROM touchpoints_once", (sent, sent))
    while await sink.behind():
        await asyncio.sleep(0.2)
    sink.workers[-1].terminate()
    assert sink.workers[-1].wait(20) == 0


async def test_while_clickhouse_is_away_the_sink_waits_and_then_catches_up(sink_with_own_clickhouse):
    sink, kill, start = sink_with_own_clickhouse
    sink.rows_max = 300  # far less than what comes meanwhile
    worker = sink.start()
    await sink.send(page_views(500))
    await sink.until("SELECT count() FROM touchpoints_once", (500,))
    while await sink.behind():
        await asyncio.sleep(0.2)
    await asyncio.to_thread(kill)
    await sink.send(page_views(5_000, start=500))
    await asyncio.sleep(3)
    assert worker.poll() is None, "a sink does not end because ClickHouse is away"
    assert await sink.behind() == 5_000, "nothing may be committed that ClickHouse has not acknowledged"
    await asyncio.to_thread(start)
    await sink.until("SELECT count(), uniqExact(event_id) FROM touchpoints_once", (5_500, 5_500))
    assert sink.stop() == [0]
    assert await sink.behind() == 0
    assert await sink.letters() == []


async def test_a_database_of_a_newer_release_ends_the_sink_at_once(sink):
    first = sink.start()
    await sink.until("SELECT count() > 0 FROM schema_migrations", (1,))
    first.terminate()
    assert first.wait(20) == 0
    sink.clickhouse.insert("schema_migrations", {"version": [9999], "name": ["from_the_future"]})
    assert await asyncio.to_thread(sink.start().wait, 30) == 78


async def test_what_was_read_and_not_written_when_its_partition_went_to_another_is_given_back(sink):
    """One in is one out, for a zombie too: found under chaos, where a frozen sink's counters did not add up."""
    counts: Counter[str] = Counter()
    address = {"host": sink.address[0], "port": sink.address[1], "database": sink.clickhouse.database}
    recorder = Recorder(lambda: connect(**address), Bounds())  # not running: nothing is written
    tp = TopicPartition(sink.names.topic(topics.WEB), 0)
    shard = DeliverShard(tp, None, None, recorder=recorder, names=sink.names, count=lambda _hop, outcome, records: counts.update({outcome: records}))
    records = [SimpleNamespace(topic=tp.topic, partition=0, offset=n, key=key, value=value) for n, (_, _, key, value) in enumerate(page_views(3))]
    await shard.handle(records)
    await shard.drop()
    assert counts == {IN: 3, GIVEN_BACK: 3}
