"""The collector before a real Kafka: acknowledged means written, through its absence, its crash and our own end."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from segment.analytics.client import Client

from deploy.local.ports import Ports, claim
from deploy.local.stack import Stack, down, start, stop
from schemas.avro import decode_dead_letter, decode_touchpoint
from streams import clock, topics
from streams.collect import serve
from streams.collecting.outbox import Limits, outbox
from streams.errors import Misconfigured, Unavailable
from streams.provision import ensure_topics
from streams.settings import Settings, environ_of
from tests.streams.collecting import KEY, KeptBox, served

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
LIMITS = Limits(bytes_max=1 << 20, ack_timeout_s=10)
PATIENCE_S = 60
prefixes = (f"c{n}." for n in count())


@pytest.fixture
def settings(local_stack):
    """Settings of an installation of its own, its topics created."""
    made = Settings.local(kafka=local_stack.kafka_address, prefix=next(prefixes), collector_port=0, ops_port=0, write_keys=frozenset({KEY}), ack_timeout_s=10.0)
    ensure_topics(made.kafka, made.names)
    return made


async def read_all(settings, *names):
    """Every record of some topics, from the beginning to the end as of now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        tps = [TopicPartition(settings.names.topic(name), p) for name in names for p in range(topics.BY_NAME[name].partitions)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        found = []
        for tp in tps:
            while await consumer.position(tp) < ends[tp]:
                found += (await consumer.getmany(tp, timeout_ms=1000)).get(tp, ())
        return found
    finally:
        await consumer.stop()


async def touchpoints(settings, *names):
    return [decode_touchpoint(record.value) for record in await read_all(settings, *(names or topics.TOUCHPOINTS))]


async def until(reached, what):
    """Wait until *reached*, which may be asked often; fail, naming *what*, after a time that no healthy machine needs."""
    async with asyncio.timeout(PATIENCE_S):
        while not await reached():
            await asyncio.sleep(0.05)
    assert await reached(), what


@asynccontextmanager
async def open_doors(settings):
    """A collector on this loop that takes records."""
    async with serve(settings) as collector, aiohttp.ClientSession() as client:
        await until(lambda: answers(client, collector.address + "/ready", 200), "a collector that is ready")
        yield collector.address, client


async def answers(client, url, status):
    async with client.get(url) as answer:
        return answer.status == status


async def post(client, address, messages):
    async with client.post(f"{address}/v1/batch?writeKey={KEY}", json={"batch": messages}) as answer:
        return answer.status


def page(n, visitor="v"):
    return {"type": "page", "anonymousId": visitor, "messageId": f"m-{n}", "properties": {"n": n}}


# ---- written ----------------------------------------------------------------------------------------------------------


async def test_what_is_answered_200_is_in_kafka_in_order_per_visitor_and_in_its_partition(settings):
    async with open_doors(settings) as (address, client):

        async def visitor(name):
            for n in range(0, 30, 3):
                assert await post(client, address, [page(n + i, name) for i in range(3)]) == 200

        await asyncio.gather(*(visitor(f"v-{v}") for v in range(20)))
        records = await read_all(settings, topics.WEB)
    order = {}
    for record in records:
        assert record.partition == topics.partition_of(record.key, topics.BY_NAME[topics.WEB].partitions)
        order.setdefault(record.key, []).append(int(decode_touchpoint(record.value).properties["n"]))
    assert order == {f"v:v-{v}".encode(): list(range(30)) for v in range(20)}


async def test_dead_letters_and_marks_of_imports_are_written_before_the_answer_too(settings):
    async with open_doors(settings) as (address, client):
        assert await post(client, address, [page(1), {"type": "page"}]) == 200
        async with client.post(f"{address}/v1/imports/h/reached", json={"until": "2020-01-01", "ended": True}, headers={"X-Leadstream-Import-Key": settings.import_key}) as answer:
            assert answer.status == 200
        letters = [decode_dead_letter(record.value) for record in await read_all(settings, topics.DEAD_LETTERS)]
        records = await read_all(settings, *topics.TOUCHPOINTS)
    assert [json.loads(letter.body) for letter in letters] == [{"type": "page"}]
    marks = [record for record in records if decode_touchpoint(record.value).kind == "import_reached"]
    assert {(mark.topic, mark.partition) for mark in marks} == {
        (settings.names.topic(name), partition) for name in topics.TOUCHPOINTS for partition in range(topics.BY_NAME[name].partitions)
    }


async def test_a_megabyte_of_rubbish_fits_into_a_dead_letter(settings):
    body = b'{"batch": [' + b"x" * (settings.body_bytes_max - 20)
    async with open_doors(settings) as (address, client):
        async with client.post(f"{address}/v1/batch?writeKey={KEY}", data=body) as answer:
            assert answer.status == 400
        (record,) = await read_all(settings, topics.DEAD_LETTERS)
    assert decode_dead_letter(record.value).body == body


async def test_records_larger_than_a_batch_and_many_at_once_arrive(settings):
    large = [{**page(n), "properties": {f"p{i}": "x" * 1000 for i in range(60)}} for n in range(15)]
    async with open_doors(settings) as (address, client):
        assert set(await asyncio.gather(*(post(client, address, large) for _ in range(6)))) == {200}
        assert len(await touchpoints(settings)) == 90


@pytest.fixture(params=["kept", "kafka"])
async def box(request, settings):
    """The port's two sides: the box of the tests, and the real one."""
    if request.param == "kept":
        yield KeptBox(), None
        return
    written = {settings.names.topic(name): topics.BY_NAME[name].partitions for name in topics.TOUCHPOINTS}
    async with outbox(settings.kafka, written, LIMITS) as real:
        await until(lambda: asyncio.sleep(0, real.problem is None), "an outbox that is connected")
        yield real, settings


async def test_a_box_keeps_what_it_acknowledges_and_says_so_when_it_takes_nothing(box):
    box, real = box
    topic = real.names.topic(topics.WEB) if real else "touchpoints.web"
    await box.deliver([(topic, 3, b"k", b"1"), (topic, 3, b"k", b"2"), (topic, 5, None, b"3")])
    kept = sorted((r.partition, r.key, r.value) for r in await read_all(real, topics.WEB)) if real else [r[1:] for r in box.records]
    assert kept == [(3, b"k", b"1"), (3, b"k", b"2"), (5, None, b"3")]
    box.problem = "away"
    with pytest.raises(Unavailable, match="away"):
        await box.deliver([(topic, 0, None, b"4")])


async def test_an_outbox_let_go_while_it_connects_leaves_no_connection_open(settings):
    for hops in range(60):  # of the event loop, until it is let go: every step of connecting is met
        async with outbox(settings.kafka, {}, LIMITS):
            for _ in range(hops):
                await asyncio.sleep(0)
    gc.collect()  # what is left open warns, and a warning is an error


async def test_a_box_holds_no_more_than_it_was_given_room_for(settings):
    written = {settings.names.topic(name): topics.BY_NAME[name].partitions for name in topics.TOUCHPOINTS}
    async with outbox(settings.kafka, written, replace(LIMITS, bytes_max=10_000)) as real:
        await until(lambda: asyncio.sleep(0, real.problem is None), "an outbox that is connected")
        topic = settings.names.topic(topics.WEB)
        one = asyncio.create_task(real.deliver([(topic, 0, None, b"x" * 6_000)]))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="memory"):
            await real.deliver([(topic, 0, None, b"x" * 6_000)])
        await one
        await real.deliver([(topic, 0, None, b"x" * 6_000)])


# ---- a published library ----------------------------------------------------------------------------------------------


def library(address, failures, **more):
    def on_error(error, batch):
        failures.append((error, batch))

    return Client(KEY, host=address, on_error=on_error, timeout=20, **more)


def speak(client):
    client.identify("user-1", {"email": "pgibbons@initech.com", "plan": "trial"}, anonymous_id="anon-1")
    client.page("user-1", "Docs", "Pricing", {"url": "https://example.com/pricing?utm_medium=cpc", "path": "/pricing"})
    client.track("user-1", "Demo Requested", {"form": "demo"})
    client.group("user-1", "acct-9", {"name": "Initech", "employees": 420})
    client.alias("anon-1", "user-1")
    client.flush()
    client.join()


@pytest.mark.parametrize("zipped", [False, True])
def test_segment_s_own_library_succeeds_against_the_collector_s_process(settings, zipped):
    process = subprocess.Popen([sys.executable, "-m", "streams.collect"], env=environ_of(settings), stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        failures = []
        speak(library(address, failures, gzip=zipped))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert failures == []
    found = asyncio.run(touchpoints(settings))
    assert sorted(each.kind for each in found) == ["aliased", "demo_booked", "grouped", "identified", "page_view"]
    assert len({each.event_id for each in found}) == 5


async def test_segment_s_own_library_tries_again_after_a_503_with_the_same_ids():
    failures = []
    async with served(now=clock.now_ms) as collector:  # the library's clock is the machine's
        collector.box.failures = [Unavailable("Kafka is away"), Unavailable("Kafka is away")]
        await asyncio.to_thread(speak, library(collector.address, failures, upload_size=5, upload_interval=2))
        ids = [[decode_touchpoint(value).event_id for *_, value in attempt] for attempt in collector.box.attempts]
    assert failures == []
    assert ids == [ids[0]] * 3
    assert len(set(ids[0])) == 5
    assert [each.event_id for each in collector.box.touchpoints()] == ids[0]


# ---- away, and back ---------------------------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path):
    """A Kafka of one's own that may be killed; not started yet."""
    stack = Stack(data=tmp_path / "stack", ports=Ports(kafka=claim(0, setting="kafka"), clickhouse=0, clickhouse_http=0))
    yield stack
    down(stack)


async def test_kafka_may_come_late_be_killed_freeze_and_come_back_and_no_200_is_lost(broker):
    settings = Settings.local(kafka=f"127.0.0.1:{broker.ports.kafka}", collector_port=0, ops_port=0, write_keys=frozenset({KEY}), ack_timeout_s=3.0)
    acknowledged, refused, numbers = set(), 0, count()

    async with serve(settings) as collector, aiohttp.ClientSession() as client:
        address = collector.address

        async def ready(status=200):
            return await answers(client, address + "/ready", status)

        async def send():
            nonlocal refused
            mine = [page(next(numbers), f"v-{n}") for n in range(3)]
            status = await post(client, address, mine)
            assert status in {200, 503}
            if status == 200:
                acknowledged.update(each["messageId"] for each in mine)
            else:
                refused += 1
            return status

        async def stream(stopping):
            while not stopping.is_set():
                await send()
                await asyncio.sleep(0.01)

        # Late: the doors are open, and say why nothing gets through; topics are missed by name.
        assert await ready(503)
        assert await send() == 503
        now = await asyncio.to_thread(start, broker, "kafka")
        await until(lambda: says(client, collector.ops, "touchpoints.web"), "the missing topics to be named")
        assert await send() == 503
        await asyncio.to_thread(ensure_topics, settings.kafka, settings.names)
        await until(ready, "ready after Kafka came")
        assert await send() == 200

        # Killed under traffic, and back: no restart of ours.
        stopping = asyncio.Event()
        streams = [asyncio.create_task(stream(stopping)) for _ in range(4)]
        await until(lambda: asyncio.sleep(0, len(acknowledged) > 100), "traffic")
        await asyncio.to_thread(stop, broker, "kafka", signal.SIGKILL)
        await until(lambda: ready(503), "the loss to be noticed")
        now = await asyncio.to_thread(start, broker, "kafka")
        await until(ready, "ready after the crash")

        # Frozen: a request is answered in time, and everything goes on after the thaw.
        os.kill(now.kafka.pid, signal.SIGSTOP)
        try:
            await until(lambda: ready(503), "the freeze to be noticed")
            assert await send() == 503
        finally:
            os.kill(now.kafka.pid, signal.SIGCONT)
        await until(ready, "ready after the thaw")
        before = len(acknowledged)
        await until(lambda: asyncio.sleep(0, len(acknowledged) > before + 100), "traffic again")
        stopping.set()
        await asyncio.gather(*streams)
        assert await answers(client, address + "/live", 200)
    written = {each.event_id for each in await touchpoints(settings)}
    from schemas.ids import derive

    assert {derive("segment.page", each) for each in acknowledged} <= written
    assert refused > 0


async def says(client, ops, what):
    async with client.get(ops + "/ready") as answer:
        return any(what in problem for problem in (await answer.json())["problems"])


async def test_a_connection_given_up_by_a_bug_is_told_and_nothing_is_taken():
    async with outbox("no:port", {}, LIMITS) as broken:
        await until(lambda: asyncio.sleep(0, broken.given_up), "the bug to be noticed")
        with pytest.raises(Unavailable):
            await broken.deliver([("t", 0, None, b"x")])


# ---- the end ----------------------------------------------------------------------------------------------------------


def test_told_to_stop_under_load_it_answers_what_is_under_way_and_what_it_answered_200_is_written(settings):
    process = subprocess.Popen([sys.executable, "-m", "streams.collect"], env=environ_of(settings), stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    acknowledged = []
    enough = threading.Event()

    async def load():
        async with aiohttp.ClientSession() as client:
            await until(lambda: answers(client, address + "/ready", 200), "ready")

            async def visitor(v):
                for n in count():
                    try:
                        status = await post(client, address, [page(f"{v}-{n}", f"v-{v}")])
                    except aiohttp.ClientError:  # its listening has ended
                        return
                    assert status in {200, 503}
                    if status == 200:
                        acknowledged.append(f"{v}-{n}")
                    if len(acknowledged) > 200:
                        enough.set()

            await asyncio.gather(*(visitor(v) for v in range(16)))

    loader = threading.Thread(target=lambda: asyncio.run(load()))
    loader.start()
    assert enough.wait(PATIENCE_S)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    loader.join(PATIENCE_S)
    assert process.returncode == 0
    written = [each.properties["n"] for each in asyncio.run(touchpoints(settings))]
    assert set(acknowledged) <= set(written)


async def test_a_port_in_use_is_one_sentence_that_names_the_setting(settings):
    async with serve(settings) as collector:
        port = int(collector.address.rpartition(":")[2])
        with pytest.raises(Misconfigured, match=f"port {port} .* LEADSTREAM_COLLECTOR_PORT"):
            async with serve(replace(settings, collector_port=port)):
                pass


def test_a_process_that_is_misconfigured_says_everything_at_once_and_ends_with_78():
    environ = {name: said for name, said in os.environ.items() if not name.startswith("LEADSTREAM_")}
    ended = subprocess.run(
        [sys.executable, "-m", "streams.collect"], env=environ | {"LEADSTREAM_COLLECTOR_PORT": "x"}, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert ended.returncode == 78
    assert "LEADSTREAM_COLLECTOR_PORT" in ended.stderr
    assert "LEADSTREAM_IDENTITY_KEY" in ended.stderr
