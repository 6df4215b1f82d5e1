"""From the collector's door to the transition on its topic, and to the row in ClickHouse, at a steady rate.

    python -m tests.bench.latency [--rate 2000] [--seconds 30] [--json]

All processes as `leadstream run` starts them, on the same cores as the servers and the client. From `received_at` of the
touchpoint until a reader that waits for commits has the transition (its record's own timestamp lies before the commit, which would
flatter), and until `inserted_at`, the instant of the INSERT by ClickHouse's clock; that the row is there to be read is checked
at the end, through the view. Three phases: nothing else going on, ClickHouse merging all it has, a second worker joining.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, up
from processors.model.file import load, shipped
from schemas.avro import decode_touchpoint, decode_transition
from streams import topics
from streams.clickhouse import clickhouse_of
from streams.provision import ensure_topics
from streams.publish import publish
from streams.settings import LOCAL_WRITE_KEY, Settings
from streams.supervise import Supervisor, roles
from tests.bench.finding import Finding, table
from tests.bench.logs import read
from tests.bench.rows import ROOT
from tests.streams.installed import until

WARM_UP_S = 8
LATE_MS = {"transition": (50, 250), "row": (None, 2_000)}
"""p50 and p99 that are wanted."""


def measure(asked: argparse.Namespace) -> list[Finding]:
    """All three phases on one installation."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            now = up(stack)
            host, port = now.clickhouse_address
            settings = Settings.local(
                kafka=now.kafka_address, prefix="l.", clickhouse_host=host, clickhouse_port=port, clickhouse_database="latency", collector_port=0, ops_port=0
            )
            return _phases(settings, asked)
        finally:
            down(stack)


def _phases(settings: Settings, asked: argparse.Namespace) -> list[Finding]:
    ensure_topics(settings.kafka, settings.names)
    asyncio.run(publish(settings.kafka, settings.names, load(shipped("b2b"))))
    wanted = roles(settings)
    spare = replace(next(role for role in roles(settings) if role.name == "worker-1"), name="worker-2")
    with Supervisor(wanted, tell=lambda *_: None) as supervisor:
        supervisor.wait_until_ready(timedelta(seconds=60))
        port = int(wanted[0].door.rpartition(":")[2])
        found: list[Finding] = []
        with _Arrivals(settings) as seen:
            _send(port, asked, name="warm", seconds=WARM_UP_S)
            for name, what, beside in (
                ("calm", "nothing else going on", _nothing),
                ("merge", "ClickHouse merging all it has", _merging),
                ("rebalance", "a second worker joining", _joining(spare)),
            ):
                with beside(settings, asked.seconds / 3):
                    told = _send(port, asked, name=name, seconds=asked.seconds)
                found.append(_finding(settings, (name, what), asked, told, seen))
        return found


class _Arrivals:
    """A reader of the transitions, which sees what is committed only. `at`: when each event's first transition came, in ms."""

    def __init__(self, settings: Settings) -> None:
        self.at: dict[str, float] = {}
        self._settings, self._done, self._ready = settings, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read()))

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30):
            raise TimeoutError("the reader of the transitions did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    async def _read(self) -> None:
        async with AIOKafkaConsumer(bootstrap_servers=self._settings.kafka, isolation_level="read_committed") as consumer:
            topic = self._settings.names.topic(topics.TRANSITIONS)
            tps = [TopicPartition(topic, p) for p in range(topics.BY_NAME[topics.TRANSITIONS].partitions)]
            consumer.assign(tps)
            await consumer.seek_to_end(*tps)
            self._ready.set()
            while not self._done.is_set():
                read = await consumer.getmany(timeout_ms=200)
                now = time.time() * 1000
                for record in (record for records in read.values() for record in records):
                    self.at.setdefault(decode_transition(record.value).event_id, now)


def _send(port: int, asked: argparse.Namespace, *, name: str, seconds: float) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.bench.load", "--port", str(port), "--key", LOCAL_WRITE_KEY, "--name", name]
    command += ["--events", str(round(asked.rate * seconds)), "--rate", str(asked.rate), "--connections", "64"]
    told: dict[str, object] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True).stdout)
    return told


Beside = Callable[[Settings, float], "contextmanager[None]"]


@contextmanager
def _nothing(_settings: Settings, _after_s: float) -> Iterator[None]:
    yield


@contextmanager
def _merging(settings: Settings, after_s: float) -> Iterator[None]:
    """Merge every table, whole, from *after_s* on."""
    done = threading.Event()

    def merge() -> None:
        if done.wait(after_s):
            return
        with clickhouse_of(settings) as client:
            for name in ("touchpoints", "facts", "transitions", "profiles"):
                client.command(f"OPTIMIZE TABLE {name} FINAL")

    merging = threading.Thread(target=merge)
    merging.start()
    yield
    done.set()
    merging.join()


def _joining(role) -> Beside:
    @contextmanager
    def beside(_settings: Settings, after_s: float) -> Iterator[None]:
        """Start another worker after *after_s*; it leaves again at the end."""
        done = threading.Event()

        def join() -> None:
            if not done.wait(after_s):
                with Supervisor([role], tell=lambda *_: None):
                    done.wait()

        joining = threading.Thread(target=join)
        joining.start()
        yield
        done.set()
        joining.join()

    return beside


def _finding(settings: Settings, phase: tuple[str, str], asked: argparse.Namespace, told: Mapping[str, object], seen: _Arrivals) -> Finding:
    name, what = phase
    count = round(asked.rate * asked.seconds)
    wrong = None if told["statuses"] == {"200": count} else f"answered {told['statuses']}"
    received, rows = asyncio.run(_received(settings, name)), {}

    def all_there() -> bool:
        nonlocal rows
        rows = _rows(settings, name)
        return len(rows) == len(received)

    if wrong is None and len(received) != count:
        wrong = f"{len(received)} of {count} touchpoints are on the topic"
    demos = {event_id: at for event_id, (at, demo) in received.items() if demo}
    try:
        until(all_there, "every row in ClickHouse")
        until(lambda: demos.keys() <= seen.at.keys(), "a transition of every demo")
    except AssertionError as late:
        wrong = wrong or f"{late}: {len(rows)} rows of {len(received)} events, {len(demos.keys() & seen.at.keys())} transitions of {len(demos)} demos"
    transitions = {event_id: seen.at[event_id] - at for event_id, at in demos.items() if event_id in seen.at}
    values, words = {}, []
    for kind, late in (("transition", sorted(transitions.values())), ("row", sorted(rows.values()))):
        p50, p99, most = ((late or [0.0])[min(len(late) - 1, len(late) * share // 100)] for share in (50, 99, 100))
        values |= {f"{kind}_p50_ms": p50, f"{kind}_p99_ms": p99, f"{kind}_max_ms": most}
        words.append(f"{kind} p50 {p50:,.0f}, p99 {p99:,.0f}, max {most:,.0f} ms")
    return Finding(
        bench="latency",
        what=f"received → transition committed on its topic, → row in ClickHouse, {asked.rate:,.0f} events/s for {asked.seconds:g} s, {what}",
        target="transition p50 ≤ 50 ms, p99 ≤ 250 ms; row p99 ≤ 2 s",
        measured="; ".join(words),
        values={key: round(value, 1) for key, value in values.items()},
        wrong=wrong,
    )


async def _received(settings: Settings, name: str) -> dict[str, tuple[int, bool]]:
    """When each touchpoint of a phase was received, and whether it is a demo."""
    found: dict[str, tuple[int, bool]] = {}
    async for record in read(settings.kafka, settings.names.topic(topics.WEB)):
        touchpoint = decode_touchpoint(record.value)
        if (touchpoint.visitor_id or "").startswith(f"{name}-"):
            found[touchpoint.event_id] = touchpoint.received_at, touchpoint.kind == "demo_booked"
    return found


def _rows(settings: Settings, name: str) -> dict[str, float]:
    """How long each touchpoint took into ClickHouse, in ms, through the view."""
    sql = """SELECT event_id, dateDiff('millisecond', received_at, inserted_at) AS late
        FROM touchpoints_once WHERE startsWith(visitor_id, %(name)s)"""
    with clickhouse_of(settings) as client:
        return {row["event_id"]: float(row["late"]) for row in client.query(sql, {"name": f"{name}-"})}


def main(said: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=2_000, help="events a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="of each phase (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args(said)
    findings = measure(asked)
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 0 if all(finding.wrong is None for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
