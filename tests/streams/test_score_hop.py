"""The promise, on Apache Kafka: every touchpoint counts exactly once, whatever is killed; a replay tells the same facts."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from processors.model.file import load
from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import decode_fact, decode_profile, decode_transition, encode_touchpoint
from schemas.facts import TouchpointCounted, TouchpointDuplicated
from schemas.state import PARTITION_KEY, decode_mailbox
from streams import topics
from streams.kafka import restore
from streams.provision import ensure_topics
from streams.publish import publish
from streams.score import logs, read_model
from tests.processors.building import DAY_MS, T0, touch

MODEL = Path(__file__).parent / "model.yaml"
HERE = Path(__file__).parent


@dataclass
class Installation:
    """Topics of one test under a prefix of their own, and its workers."""

    bootstrap: str
    names: topics.Names
    workers: list[subprocess.Popen] = field(default_factory=list)
    former: list[subprocess.Popen] = field(default_factory=list)  # zombies: they may have ended by themselves

    def start(self, *hops: str) -> subprocess.Popen:
        command = [sys.executable, str(HERE / "hops_worker.py"), self.bootstrap, self.names.prefix, *hops]
        worker = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(HERE.parents[1])}, start_new_session=True)
        self.workers.append(worker)
        return worker

    def stop(self) -> list[int]:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        ended = [worker.wait(15) for worker in self.workers]
        self.workers.clear()
        return ended

    async def send(self, touchpoints, *, channels: int = 2) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5) as producer:
            acks = []
            for n, touchpoint in enumerate(touchpoints):
                key = touchpoint.identifiers()[0].encode()
                topic = topics.TOUCHPOINTS[n % channels]
                acks.append(await producer.send(
                    self.names.topic(topic), encode_touchpoint(touchpoint), key=key, partition=topics.partition_of(key, 8)
                ))
            await asyncio.gather(*acks)

    async def read(self, topic: str):
        """Everything in a topic, as records."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest")
        async with consumer:
            tps = [TopicPartition(self.names.topic(topic), p) for p in range(8)]
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            found = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    found += records
            return found

    async def facts(self):
        """Distinct facts by position; re-emitted ones must be byte-identical."""
        seen = {}
        for record in await self.read(topics.EVENTS):
            at = decode_fact(record.value)
            position = (at.partition, at.offset, at.index)
            assert seen.setdefault(position, record.value) == record.value, f"two facts at {position}"
        return {position: decode_fact(value).fact for position, value in seen.items()}

    async def until_counted(self, total: int, *, within_s: float = 60) -> dict:
        deadline = time.monotonic() + within_s
        while True:
            facts = await self.facts()
            ends = [f for f in facts.values() if isinstance(f, TouchpointCounted | TouchpointDuplicated)]
            if len(ends) >= total:
                return facts
            assert time.monotonic() < deadline, f"{len(ends)} of {total} counted"
            assert all(w.poll() in (None, -signal.SIGKILL) for w in self.workers), "a worker ended by itself"
            await asyncio.sleep(0.3)

    async def leads(self, names=None):
        boxes = {}
        for p in range(8):
            held = await restore(self.bootstrap, (names or self.names).topic(topics.STATE), p)
            boxes |= {key.decode(): decode_mailbox(value) for key, value in held.items() if key != PARTITION_KEY}
        return boxes


@pytest.fixture
async def installation(local_stack, request):
    names = topics.Names(prefix=f"{request.node.name[:40].replace('[', '-').replace(']', '')}.{os.getpid()}.")
    await asyncio.to_thread(ensure_topics, local_stack.kafka_address, names)
    await publish(local_stack.kafka_address, names, load(MODEL.read_text(), name_of_file="model.yaml"))
    here = Installation(local_stack.kafka_address, names)
    yield here
    for worker in [*here.workers, *here.former]:
        if worker.poll() is None:
            worker.kill()
            worker.wait()


def traffic(people: int, events: int, *, seed: int):
    """Visitors on two devices, some of whom tell their email or CRM id.

    Of the last days: nothing cools down by itself, so no tick may be left behind, undecided, when the workers stop.
    """
    r = random.Random(seed)
    began = int(time.time() * 1000) - events * 10_000
    sent = []
    for n in range(events):
        who = r.randrange(people)
        ids = {"visitor_id": f"{who}{r.choice('ab')}"}
        if r.random() < 0.15:
            ids["email_hash"] = f"{who:032x}"
        if r.random() < 0.05:
            ids = {"crm_id": f"{who}", "email_hash": f"{who:032x}"}
        kind = r.choice(["page_view"] * 6 + ["search_performed", "ebook_downloaded", "demo_booked"])
        sent.append(touch(kind, event=f"{seed}.{n}", at=began + n * 10_000, **ids))
    return sent


async def replayed(here: Installation):
    """A pure replay of the inbox: the facts and leads that the log alone gives."""
    facts, leads = {}, {}
    by_partition = {p: [] for p in range(8)}
    for record in await here.read(topics.INBOX):
        by_partition[record.partition].append(record)
    for p, records in by_partition.items():
        partition = Partition(p, logs=logs(), read_model=read_model)
        for record in records:
            out = Effects()
            key = record.key.decode() if record.key is not None else None
            for _ in partition.apply(key, inbox.decode(record.value), record.offset, out) or ():
                pass
            facts |= {(p, offset, index): fact for fact, offset, index in out.facts}
        changes, _ = partition.changes(0)
        leads |= {key.decode(): decode_mailbox(value) for key, value in changes if key != PARTITION_KEY}
    return facts, leads


async def test_touchpoints_become_facts_transitions_profiles_and_state(installation):
    installation.start("identify", "score")
    now = int(time.time() * 1000)
    await installation.send([touch("page_view", at=now), touch("ebook_downloaded", at=now + 1), touch("demo_booked", at=now + 2)], channels=1)
    facts = await installation.until_counted(3)
    assert installation.stop() == [0]
    transitions = [decode_transition(r.value) for r in await installation.read(topics.TRANSITIONS)]
    assert [(t.from_stage, t.to_stage) for t in transitions] == [("visitor", "mql"), ("mql", "sql")]
    profiles = [decode_profile(r.value) for r in await installation.read(topics.PROFILES)]
    assert profiles[-1].stage == "sql"
    assert sum(r.points for r in profiles[-1].reasons) == pytest.approx(profiles[-1].score)
    assert (await installation.leads())["v:ann"].lead.touches == 3
    assert len(facts) == 5


async def test_a_clean_stop_reprocesses_nothing(installation):
    installation.start("identify", "score")
    await installation.send(traffic(20, 500, seed=1))
    await installation.until_counted(500)
    assert installation.stop() == [0]
    installation.start("identify", "score")
    await installation.send(traffic(20, 50, seed=2))
    await installation.until_counted(550)
    again = Counter(decode_fact(r.value).fact.fact_id for r in await installation.read(topics.EVENTS))
    assert max(again.values()) == 1, "a fact was emitted again after a clean stop"


async def test_kills_and_zombies_lose_nothing_and_count_nothing_twice(installation):
    r = random.Random(5)
    touchpoints = traffic(300, 12_000, seed=3)
    touchpoints += r.sample(touchpoints, 1200)  # senders resend
    workers = [installation.start("identify", "score") for _ in range(2)]
    chunk = len(touchpoints) // 6
    stopped = []
    for n in range(6):
        await installation.send(touchpoints[n * chunk : (n + 1) * chunk])
        await asyncio.sleep(r.random() * 1.5)
        victim = r.randrange(2)
        if n == 2:  # longer than the session timeout of 6 s: a zombie
            workers[victim].send_signal(signal.SIGSTOP)
            stopped.append((workers[victim], time.monotonic() + 9))
            workers[victim] = installation.start("identify", "score")
        else:
            workers[victim].kill()
            workers[victim].wait()
            workers[victim] = installation.start("identify", "score")
    for zombie, at in stopped:
        await asyncio.sleep(max(0, at - time.monotonic()))
        zombie.send_signal(signal.SIGCONT)  # it ends itself if it was about to commit, and joins anew if it was not
        installation.workers.remove(zombie)
        installation.former.append(zombie)
    facts = await installation.until_counted(13_200, within_s=90)
    await asyncio.sleep(1)
    installation.stop()
    counted = Counter(f.event_id for f in facts.values() if isinstance(f, TouchpointCounted))
    assert counted.keys() == {t.event_id for t in touchpoints}
    assert set(counted.values()) == {1}
    again, leads = await replayed(installation)
    assert again == facts
    assert {k: b.lead for k, b in (await installation.leads()).items()} == {k: b.lead for k, b in leads.items()}


async def test_a_fresh_group_replays_the_inbox_to_identical_facts(installation):
    installation.start("identify", "score")
    await installation.send(traffic(50, 2_000, seed=4))
    await installation.until_counted(2_000)
    installation.stop()
    copy = topics.Names(prefix=installation.names.prefix, replay="again")
    await asyncio.to_thread(ensure_topics, installation.bootstrap, copy)
    again = Installation(installation.bootstrap, copy)
    before = len(await installation.read(topics.INBOX))
    try:
        again.start("score:again")
        await again.until_counted(2_000)
        again.stop()
    finally:
        for worker in again.workers:
            if worker.poll() is None:
                worker.kill()
    assert await again.facts() == await installation.facts()
    live = {r.value for r in await installation.read(topics.TRANSITIONS)}
    assert {r.value for r in await again.read(topics.TRANSITIONS)} == live
    assert len(await installation.read(topics.INBOX)) == before, "a replay must not write mail"


async def test_what_is_due_without_traffic_happens_by_a_tick(installation):
    """An ebook of long ago: the lead cools at the computed instant although nothing else ever arrives."""
    installation.start("identify", "score")
    await installation.send([touch("ebook_downloaded", at=T0)])
    deadline = time.monotonic() + 30
    while True:
        told = [decode_transition(r.value) for r in await installation.read(topics.TRANSITIONS)]
        if len(told) == 2:
            break
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)
    assert (told[1].from_stage, told[1].to_stage, told[1].reason) == ("mql", "visitor", "cooled")
    assert T0 < told[1].effective_at < T0 + 100 * DAY_MS


async def test_undecodable_records_are_dead_letters_with_their_bytes(installation):
    from schemas.avro import decode_dead_letter

    installation.start("identify", "score")
    async with AIOKafkaProducer(bootstrap_servers=installation.bootstrap) as producer:
        await producer.send_and_wait(installation.names.topic(topics.WEB), b"\x00garbage", key=b"v:x", partition=0)
        await producer.send_and_wait(installation.names.topic(topics.INBOX), b"\x09garbage", key=b"v:x", partition=0)
    await installation.send([touch("page_view")])
    await installation.until_counted(1)
    installation.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=installation.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        tps = [TopicPartition(installation.names.topic(topics.DEAD_LETTERS), p) for p in range(4)]
        consumer.assign(tps)
        found = []
        while len(found) < 2:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found += [decode_dead_letter(r.value) for r in records]
    assert sorted((letter.hop, letter.body) for letter in found) == [("identify", b"\x00garbage"), ("score", b"\x09garbage")]
    assert all(letter.topic and letter.offset is not None for letter in found)
