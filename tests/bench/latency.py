"""From the collector's door to the transition on its topic, and to the row in ClickHouse, at a steady rate.

    python -m tests.bench.latency [--rate 2000] [--seconds 30] [--json]

All processes as `leadstream run` starts them, on the same cores as the servers and the client. Instants are the records' own:
`received_at` of the touchpoint, the broker's client timestamp of the transition, `inserted_at` of the row. Three phases: nothing
else going on, ClickHouse merging all it has, a second worker joining.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

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
        _send(port, asked, name="warm", seconds=WARM_UP_S)
        found: list[Finding] = []
        for name, what, beside in (("calm", "nothing else going on", _nothing), ("merge", "ClickHouse merging all it has", _merging), ("rebalance", "a second worker joining", _joining(spare))):
            told: dict[str, object] = {}
            with beside(settings, asked.seconds / 3):
                told = _send(port, asked, name=name, seconds=asked.seconds)
            found.append(_finding(settings, name, what, asked, told))
        return found


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


def _finding(settings: Settings, name: str, what: str, asked: argparse.Namespace, told: Mapping[str, object]) -> Finding:
    count = round(asked.rate * asked.seconds)
    wrong = None if told["statuses"] == {"200": count} else f"answered {told['statuses']}"
    received, rows = asyncio.run(_received(settings, name)), {}

    def all_there() -> bool:
        nonlocal rows
        rows = _rows(settings, name)
        return len(rows) == len(received)

    if wrong is None and len(received) != count:
        wrong = f"{len(received)} of {count} touchpoints are on the topic"
    until(all_there, "every row in ClickHouse")
    transitions = asyncio.run(_transitions(settings, received))
    expected = len({event_id for event_id, demo in received.items() if demo[1]})
    if wrong is None and len(transitions) != expected:
        wrong = f"{len(transitions)} transitions by {expected} demos"
    values, words = {}, []
    for kind, late in (("transition", sorted(transitions.values())), ("row", sorted(rows.values()))):
        p50, p99, most = (late[min(len(late) - 1, len(late) * share // 100)] for share in (50, 99, 100))
        values |= {f"{kind}_p50_ms": p50, f"{kind}_p99_ms": p99, f"{kind}_max_ms": most}
        words.append(f"{kind} p50 {p50:,.0f}, p99 {p99:,.0f}, max {most:,.0f} ms")
    return Finding(
        bench="latency",
        what=f"received → transition on the topic, → row in ClickHouse, {asked.rate:,.0f} events/s for {asked.seconds:g} s, {what}",
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


async def _transitions(settings: Settings, received: Mapping[str, tuple[int, bool]]) -> dict[str, float]:
    """How long each transition took to its topic, in ms, by the event that caused it. Of one told twice the first counts."""
    found: dict[str, float] = {}
    async for record in read(settings.kafka, settings.names.topic(topics.TRANSITIONS)):
        transition = decode_transition(record.value)
        if transition.event_id in received:
            late = record.timestamp - received[transition.event_id][0]
            found[transition.event_id] = min(late, found.get(transition.event_id, late))
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
