"""The collector as it is run: two processes on one port, real Kafka, an ack for every request; single events and batches of 100.

    python -m tests.bench.collector [--singles 60000] [--batched 400000] [--rounds 3] [--json]

The client is a process of its own on the same cores. Every event that was answered 200 must be on the topic, and no other.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.ports import Ports, claim
from deploy.local.stack import Stack, down, start
from schemas.avro import decode_touchpoint
from streams import topics
from streams.probe import ask
from streams.provision import ensure_topics
from streams.settings import LOCAL_WRITE_KEY, Settings, environ_of
from tests.bench.finding import Finding, table
from tests.bench.logs import read
from tests.bench.race import cpu_s, rss_mib
from tests.bench.rows import ROOT
from tests.streams.installed import until

WARM_UP = 5_000
CONNECTIONS = 64


@dataclass(frozen=True, kw_only=True)
class Pace:
    """One round: events a second, by the clock and by the collectors' CPU time; milliseconds from sending to the ack."""

    events_per_s: float
    events_per_cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mib: float


def measure(asked: argparse.Namespace) -> list[Finding]:
    """Single events with one process and with two, batches of 100 with two."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka = start(stack, "kafka").kafka_address
            return [
                _case(kafka, asked, processes=1, batch=1, events=asked.singles, target=""),
                _case(kafka, asked, processes=2, batch=1, events=asked.singles, target="≥ 5,000 requests/s"),
                _case(kafka, asked, processes=2, batch=100, events=asked.batched, target="≥ 40,000 events/s"),
            ]
        finally:
            down(stack)


def _case(kafka: str, asked: argparse.Namespace, *, processes: int, batch: int, events: int, target: str) -> Finding:
    settings = Settings.local(kafka=kafka, prefix=f"p{processes}.b{batch}.", collector_port=claim(0, setting="port"), ops_port=0)
    ensure_topics(kafka, settings.names)
    paces, wrong, sent = list[Pace](), None, 0
    with collectors(settings, processes) as running:
        sent += _load(settings, events=WARM_UP, batch=batch, name="warm")[1]
        for n in range(asked.rounds):
            before = sum(map(cpu_s, running))
            told, accepted = _load(settings, events=events, batch=batch, name=f"r{n}")
            spent, sent = sum(map(cpu_s, running)) - before, sent + accepted
            memory = sum(map(rss_mib, running))
            paces.append(Pace(events_per_s=events / told["seconds"], events_per_cpu_s=events / spent, p50_ms=told["p50_ms"], p99_ms=told["p99_ms"], rss_mib=memory))
            wrong = wrong or (None if accepted == events else f"{events - accepted} of {events} events were not answered 200: {told['statuses']}")
        records, ids = asyncio.run(_written(settings))
    wrong = wrong or (None if records == ids == sent else f"{sent} events were answered 200, {records} records of {ids} events are on the topic")
    middle = Pace(**{name: statistics.median(getattr(pace, name) for pace in paces) for name in Pace.__dataclass_fields__})
    rate = "single events" if batch == 1 else f"batches of {batch}"
    return Finding(
        bench="collector",
        what=f"collector, {processes} process{'es' if processes > 1 else ''}, {rate}, {CONNECTIONS} keep-alive clients, acknowledged by the broker",
        target=target,
        measured=f"{middle.events_per_s:,.0f} events/s, {middle.events_per_cpu_s:,.0f} per CPU-second; p50 {middle.p50_ms:.1f} ms, p99 {middle.p99_ms:.1f} ms; {middle.rss_mib:.0f} MiB",
        values={"events_per_s": round(middle.events_per_s), "events_per_cpu_s": round(middle.events_per_cpu_s), "p50_ms": middle.p50_ms, "p99_ms": middle.p99_ms, "rss_mib": middle.rss_mib},
        wrong=wrong,
    )


@contextmanager
def collectors(settings: Settings, processes: int) -> Iterator[Sequence[int]]:
    """Collectors on one port; gives their process ids."""
    each = [replace(settings, ops_port=claim(0, setting="port")) for _ in range(processes)]
    running = [
        subprocess.Popen([sys.executable, "-m", "streams.collect", "--reuse-port"], env=environ_of(own) | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
        for own in each
    ]
    try:
        for own in each:
            until(lambda own=own: ask(f"http://{own.ops_host}:{own.ops_port}/ready").problems == (), "a collector to be ready")
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _load(settings: Settings, *, events: int, batch: int, name: str) -> tuple[dict, int]:
    """What the client tells, and how many events were answered 200."""
    command = [sys.executable, "-m", "tests.bench.load", "--port", str(settings.collector_port), "--key", LOCAL_WRITE_KEY, "--events", str(events)]
    command += ["--batch", str(batch), "--name", name, "--connections", str(CONNECTIONS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    told = json.loads(done.stdout)
    return told, min(events, told["statuses"].get("200", 0) * batch)


async def _written(settings: Settings) -> tuple[int, int]:
    """How many records are on the topic, and of how many different events."""
    ids = [decode_touchpoint(record.value).event_id async for record in read(settings.kafka, settings.names.topic(topics.WEB))]
    return len(ids), len(set(ids))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--singles", type=int, default=60_000, help="single events in a round (%(default)s)")
    parser.add_argument("--batched", type=int, default=400_000, help="events in batches in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each case (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args()
    findings = measure(asked)
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 0 if all(finding.wrong is None for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
