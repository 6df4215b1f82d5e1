"""How long a worker takes from its start to its first facts, with a changelog of a million leads before it.

    python -m tests.bench.restart [--leads 1000000] [--rounds 3] [--json]

One worker takes all partitions over. What it is asked then are touchpoints that its leads have had already: it tells them
as duplicates only if it has read the states of just these leads back.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from deploy.local.ports import Ports, claim
from deploy.local.stack import Stack, down, start
from processors.model.file import load
from schemas import inbox
from schemas.avro import decode_fact
from schemas.facts import TouchpointDuplicated
from schemas.inbox import Origin, TouchpointArrived
from schemas.state import decode_mailbox
from streams import topics
from streams.broker import committed
from streams.provision import ensure_topics
from streams.publish import publish
from streams.settings import Settings, environ_of
from tests.bench.core import DAY_MS, Mail, Traffic, lead_key, states
from tests.bench.finding import Finding, table
from tests.bench.input import MODELS, PARTITIONS, Sent, published
from tests.bench.logs import BATCH_BYTES, read, write
from tests.bench.race import cpu_s, rss_mib
from tests.bench.rows import ROOT

TARGET_S = 10.0
DISTINCT = 2_000  # states made by the core; the leads are given copies
ASKED = 50  # leads of each partition
LOOK_EVERY_S = 0.02
GIVE_UP_S = 120.0
NAMES = topics.Names(prefix="restart.")


@dataclass(frozen=True, kw_only=True)
class Started:
    """One start: seconds from the start of the process, and what it had cost by the last fact."""

    ready_s: float
    first_s: float
    last_s: float
    cpu_s: float
    rss_mib: float


def measure(asked: argparse.Namespace) -> list[Finding]:
    """Start the worker in *asked.rounds* rounds over *asked.leads* leads."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: it warns of leaders not yet known
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka = start(stack, "kafka").kafka_address
            return asyncio.run(_measure(asked, kafka, Path(folder)))
        finally:
            down(stack)


async def _measure(asked: argparse.Namespace, kafka: str, folder: Path) -> list[Finding]:
    made = states(published("b2b"), history=10, within_ms=30 * DAY_MS, leads=DISTINCT)
    settings = Settings.local(kafka=kafka, prefix=NAMES.prefix, ops_port=claim(0, setting="ops"))
    await asyncio.to_thread(ensure_topics, kafka, NAMES)
    await publish(kafka, NAMES, load(MODELS["b2b"]))
    with worker(settings, folder) as running:  # so that its group has offsets, and its partitions their own states
        await _until_committed(kafka, running)
    await fill(kafka, ((lead_key(n), made[n % DISTINCT]) for n in range(asked.leads)))
    starts, wrong = [], None
    for n in range(asked.rounds):
        with worker(settings, folder) as running:
            starts.append(await _start(kafka, settings, running, probes=_probes(made, asked.leads, round_=n)))
    wrong = await _wrong(kafka, asked.rounds)
    return [_finding(asked.leads, sum(map(len, made)) / DISTINCT, starts, wrong)]


@contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process that scores; ended as it would be in service."""
    said = folder / "worker.log"
    with said.open("ab") as log:
        command = [sys.executable, "-m", "streams.cli.main", "work", "--hops", "score"]
        environ = environ_of(settings) | {"PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
        running = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=folder)
    try:
        yield running
    except TimeoutError as error:
        raise SystemExit(f"{error}; it said: {said.read_text('utf-8', 'replace')[-2000:] or 'nothing'}") from None
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


async def _until_committed(kafka: str, running: subprocess.Popen[bytes]) -> None:
    tps = [TopicPartition(NAMES.topic(topics.INBOX), p) for p in range(PARTITIONS)]
    give_up = time.monotonic() + GIVE_UP_S
    while len(await committed(kafka, NAMES.group("score"), tps)) < PARTITIONS:
        _go_on(running, give_up)
        await asyncio.sleep(0.2)


async def fill(kafka: str, mailboxes: Iterator[Mail]) -> None:
    """Write *mailboxes* into the changelog, each into its lead's partition."""
    topic, acks = NAMES.topic(topics.STATE), set[asyncio.Future[object]]()
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, max_batch_size=BATCH_BYTES) as producer:

        async def send(partition: int) -> None:
            acks.add(await producer.send_batch(batches[partition], topic, partition=partition))
            if len(acks) > 4 * PARTITIONS:
                done, _ = await asyncio.wait(acks, return_when=asyncio.FIRST_COMPLETED)
                acks.difference_update(done)
                for ack in done:
                    ack.result()

        batches = [producer.create_batch() for _ in range(PARTITIONS)]
        for key, value in mailboxes:
            partition = topics.partition_of(key, PARTITIONS)
            if batches[partition].append(key=key, value=value, timestamp=None) is None:
                await send(partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(key=key, value=value, timestamp=None)
        for partition in range(PARTITIONS):
            await send(partition)
        await asyncio.gather(*acks)


def _probes(made: Sequence[bytes], leads: int, *, round_: int) -> list[Sent]:
    """Touchpoints that leads of every partition remember, `ASKED` each; in every round of other leads."""
    traffic, found = Traffic(log=2), {p: list[Sent]() for p in range(PARTITIONS)}
    for n in range(round_, leads, max(1, leads // (PARTITIONS * ASKED * 4))):
        key = lead_key(n)
        sent = found[topics.partition_of(key, PARTITIONS)]
        if len(sent) < ASKED:
            remembered, _ = next(iter(decode_mailbox(made[n % DISTINCT]).lead.recent))
            again = msgspec.structs.replace(traffic.touchpoint(n), event_id=f"{remembered:016x}{round_:016x}")
            sent.append(Sent(topics.partition_of(key, PARTITIONS), key, inbox.encode(TouchpointArrived(Origin(2 + round_, traffic.sent, 0), again))))
    return [each for sent in found.values() for each in sent]


async def _start(kafka: str, settings: Settings, running: subprocess.Popen[bytes], *, probes: Sequence[Sent]) -> Started:
    began = time.monotonic()
    ready = asyncio.create_task(asyncio.to_thread(_until_ready, settings, running))
    tps = [TopicPartition(NAMES.topic(topics.EVENTS), p) for p in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as watch:
        before = sum((await watch.end_offsets(tps)).values())
        await write(kafka, NAMES.topic(topics.INBOX), probes)
        first, told = None, 0
        while told < len(probes):
            _go_on(running, began + GIVE_UP_S)
            await asyncio.sleep(LOOK_EVERY_S)
            told = sum((await watch.end_offsets(tps)).values()) - before
            if told and first is None:
                first = time.monotonic() - began
    last = time.monotonic() - began
    assert first is not None
    spent = cpu_s(running.pid)
    return Started(ready_s=await ready - began, first_s=first, last_s=last, cpu_s=spent, rss_mib=rss_mib(running.pid))


def _until_ready(settings: Settings, running: subprocess.Popen[bytes]) -> float:
    give_up = time.monotonic() + GIVE_UP_S
    while True:
        try:
            urllib.request.urlopen(f"http://{settings.ops_host}:{settings.ops_port}/ready", timeout=1).close()
        except (urllib.error.URLError, OSError):
            _go_on(running, give_up)
            time.sleep(0.05)
        else:
            return time.monotonic()


def _go_on(running: subprocess.Popen[bytes], give_up: float) -> None:
    if running.poll() is not None:
        raise TimeoutError(f"the worker ended with {running.returncode}")
    if time.monotonic() > give_up:
        raise TimeoutError(f"the worker did not get there in {GIVE_UP_S:.0f} s")


async def _wrong(kafka: str, rounds: int) -> str | None:
    facts = [decode_fact(record.value).fact async for record in read(kafka, NAMES.topic(topics.EVENTS))]
    known = sum(isinstance(fact, TouchpointDuplicated) for fact in facts)
    expected = rounds * PARTITIONS * ASKED
    return None if (known, len(facts)) == (expected, expected) else f"{known} touchpoints known again and {len(facts)} facts, expected {expected}"


def _finding(leads: int, state_bytes: float, starts: Sequence[Started], wrong: str | None) -> Finding:
    middle = {name: statistics.median(getattr(each, name) for each in starts) for name in ("ready_s", "first_s", "last_s", "cpu_s", "rss_mib")}
    return Finding(
        bench="restart",
        what=f"start with {leads:,} leads of {state_bytes:,.0f} bytes in the changelog, one worker for all partitions → first fact of every partition",
        target=f"≤ {TARGET_S:.0f} s",
        measured=f"{middle['last_s']:.1f} s (first {middle['first_s']:.1f} s, ready {middle['ready_s']:.1f} s; {middle['cpu_s']:.1f} CPU-seconds; "
        f"{middle['rss_mib']:,.0f} MiB, {middle['rss_mib'] * 2**20 / leads:,.0f} bytes a lead)",
        values={**middle, "leads": leads, "rss_bytes_per_lead": middle["rss_mib"] * 2**20 / leads},
        wrong=wrong,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000, help="leads in the changelog (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="starts (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    findings = measure(asked)
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 0 if all(finding.wrong is None for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
