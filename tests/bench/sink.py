"""The sink, `leadstream sink` as a user runs it: from the topics into ClickHouse, rows a second and what they cost.

    python -m tests.bench.sink [--records 40000] [--rounds 3] [--only mixed] [--beside /another/checkout] [--json]

The sink works a warm-up off, is stopped while the measured records are written, and its clocks run from the instant it
goes on: wall time until the last row is in its table, CPU time until the last offset is committed. Every row is then
held against the views. The engine of the local ClickHouse is told apart: on two cores it takes from the sink's wall.
"""

import argparse
import asyncio
import json
import logging
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.structs import TopicPartition

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from sinks.clickhouse import ClickHouse, connect
from sinks.errors import SinkError
from streams import deliver, topics
from streams.broker import committed
from streams.settings import Settings, environ_of
from tests.bench.finding import Finding, table
from tests.bench.input import Input
from tests.bench.logs import install, sweep, write
from tests.bench.race import GIVE_UP_S, STOP_WITHIN_S, Failed, cpu_s
from tests.bench.rows import ROOT, STOPPED_S
from tests.bench.sink_floor import floor
from tests.bench.sink_rows import TABLES, newest, wrong
from tests.bench.sink_topics import READ, Held, held

TARGET = "≥ 60,000 rows/s"
LOOK_EVERY_S = 0.1
CASES: Mapping[str, Sequence[str]] = {"touchpoints": (topics.WEB,), "facts": (topics.EVENTS,), "mixed": READ}
NEWEST = {topics.PROFILES: "profiles_offset"}  # the column that counts up with the topic's offsets


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to measure: *records* touchpoints and all that is made of them, after *warm_up*."""

    records: int = 40_000
    warm_up: int = 10_000
    leads: int = 10_000
    rounds: int = 1
    only: Sequence[str] = tuple(CASES)
    beside: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Servers:
    bootstrap: str
    clickhouse_port: int
    clickhouse_pid: int
    folder: Path


@dataclass(kw_only=True)
class Case:
    """One row: the sink of one checkout on some topics. `wrong` says what was wrong in the first round that was."""

    name: str
    tree: Path
    told: Sequence[Held]
    paces: list[dict[str, float]] = field(default_factory=list)
    wrong: str | None = None

    @property
    def rows(self) -> int:
        return sum(each.measured for each in self.told)

    def finding(self) -> Finding:
        names = self.paces[0] if self.paces else ()
        values = {name: statistics.median([pace[name] for pace in self.paces]) for name in names}
        shares = ", ".join(f"{TABLES[each.topic]} {each.measured:,}" for each in self.told)
        whose = "" if self.tree == ROOT else f" of {self.tree}"
        measured = "nothing" if not values else (
            f"{values['rows_per_s']:,.0f} rows/s, **{values['rows_per_cpu_s']:,.0f}** per CPU-second of the sink, "
            f"{values['rows_per_server_cpu_s']:,.0f} per CPU-second of the local ClickHouse; at most {values['rss_peak_mib']:,.0f} MiB"
        )  # fmt: skip
        return Finding(bench="sink", what=f"sink{whose}: {self.name} ({shares})", target=TARGET, measured=measured, values=values, wrong=self.wrong)


def measure(asked: Asked) -> list[Finding]:
    """Run every case, round by round, on servers of its own."""
    told = held(Input(warm_up=asked.warm_up, records=asked.records, leads=asked.leads))
    trees = [ROOT, *([asked.beside] if asked.beside else [])]
    cases = [Case(name=name, tree=tree, told=[told[topic] for topic in CASES[name]]) for name in asked.only for tree in trees]
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka, clickhouse = start(stack, "kafka"), start(stack, "clickhouse").clickhouse
            servers = Servers(bootstrap=kafka.kafka_address, clickhouse_port=clickhouse.ports["clickhouse"], clickhouse_pid=clickhouse.pid, folder=Path(folder))
            for n in range(asked.rounds):
                for case in cases if n % 2 == 0 else reversed(cases):  # who runs second finds a warmer server
                    asyncio.run(_round(case, servers, f"r{n}_{cases.index(case)}_"))
            floors = floor(told, servers.clickhouse_port)
        finally:
            down(stack)
    return [*floors, *(case.finding() for case in cases)]


async def _round(case: Case, servers: Servers, prefix: str) -> None:
    """Fill, run, check, clean up."""
    names, database = topics.Names(prefix=f"{prefix.replace('_', '.')}"), f"bench_{prefix}"
    with connect(host="127.0.0.1", port=servers.clickhouse_port, database=database) as client:
        try:
            await install(servers.bootstrap, names, model=None)
            for each in case.told:
                await write(servers.bootstrap, names.topic(each.topic), each.records[: each.warm_up])
            case.paces.append(await _run(case, servers, names, client))
            for each in case.told:
                case.wrong = case.wrong or wrong(client, each, names.topic(each.topic))
        except Failed as failure:
            case.wrong = case.wrong or str(failure)
        finally:
            await asyncio.to_thread(sweep, servers.bootstrap, names.prefix)
            client.create_database()
            client.command(f"DROP DATABASE `{database}`")
    print(f"{case.name} of {case.tree}: {case.wrong or case.paces[-1]}", file=sys.stderr)


async def _run(case: Case, servers: Servers, names: topics.Names, client: ClickHouse) -> dict[str, float]:
    settings = Settings.local(
        kafka=servers.bootstrap, prefix=names.prefix, ops_port=0, session_timeout_s=STOPPED_S, stuck_after_s=STOPPED_S + 60,
        clickhouse_port=servers.clickhouse_port, clickhouse_database=client.database,
    )  # fmt: skip
    said = servers.folder / f"{names.prefix}log"
    with said.open("wb") as log:
        command = [sys.executable, "-m", "streams.cli.main", "sink"]
        running = subprocess.Popen(command, env=environ_of(settings) | {"PYTHONPATH": str(case.tree)}, stdout=log, stderr=log, cwd=servers.folder)
    try:
        watch = _Watch(case, servers, names, client, running)
        await watch.rows(warm_up=True)
        await watch.commits(warm_up=True)
        running.send_signal(signal.SIGSTOP)
        for each in case.told:
            await write(servers.bootstrap, names.topic(each.topic), each.records[each.warm_up :])
        at, own, server = time.monotonic(), cpu_s(running.pid), cpu_s(servers.clickhouse_pid)
        running.send_signal(signal.SIGCONT)
        await watch.rows(warm_up=False)
        wall, server = time.monotonic() - at, cpu_s(servers.clickhouse_pid) - server
        await watch.commits(warm_up=False)
        own = cpu_s(running.pid) - own
        return {
            "rows_per_s": round(case.rows / wall), "rows_per_cpu_s": round(case.rows / max(own, 0.01)),
            "rows_per_server_cpu_s": round(case.rows / max(server, 0.01)), "rss_peak_mib": round(_peak_mib(running.pid)),
        }  # fmt: skip
    except TimeoutError as error:
        raise Failed(f"{error}; it said: {said.read_text('utf-8', 'replace')[-2000:] or 'nothing'}") from None
    finally:
        _stop(running)


class _Watch:
    """Looks from outside how far the sink has come. Raises TimeoutError."""

    def __init__(self, case: Case, servers: Servers, names: topics.Names, client: ClickHouse, running: subprocess.Popen[bytes]) -> None:
        self._case, self._names, self._client, self._running = case, names, client, running
        self._bootstrap = servers.bootstrap

    async def rows(self, *, warm_up: bool) -> None:
        """Return when the last record of every partition has its row."""
        for each in self._case.told:
            records = each.records[: each.warm_up] if warm_up else each.records
            last = newest(Held(topic=each.topic, records=records, warm_up=0))
            column = NEWEST.get(each.topic, "offset")
            sql = f"SELECT partition, max({column}) AS at FROM {TABLES[each.topic]} GROUP BY partition ORDER BY partition"
            give_up = time.monotonic() + GIVE_UP_S
            while (found := await asyncio.to_thread(self._ask, sql)) != list(last):
                self._still_there(give_up, f"{TABLES[each.topic]} stands at {found}, expected {last}")
                await asyncio.sleep(LOOK_EVERY_S)

    async def commits(self, *, warm_up: bool) -> None:
        """Return when the group has committed every record."""
        expected: dict[TopicPartition, int] = {}
        for each in self._case.told:
            for sent in each.records[: each.warm_up] if warm_up else each.records:
                tp = TopicPartition(self._names.topic(each.topic), sent.partition)
                expected[tp] = expected.get(tp, 0) + 1
        give_up = time.monotonic() + GIVE_UP_S
        group = self._names.group(deliver.NAME)
        while {tp: at.offset for tp, at in (await committed(self._bootstrap, group, list(expected))).items()} != expected:
            self._still_there(give_up, "not everything is committed")
            await asyncio.sleep(LOOK_EVERY_S)

    def _ask(self, sql: str) -> list[tuple[int, int]]:
        try:
            return [(row["partition"], row["at"]) for row in self._client.query(sql)]
        except SinkError:  # the sink has not made the tables yet
            return []

    def _still_there(self, give_up: float, where: str) -> None:
        if self._running.poll() is not None:
            raise TimeoutError(f"ended with {self._running.returncode}: {where}")
        if time.monotonic() > give_up:
            raise TimeoutError(f"after {GIVE_UP_S:.0f} s: {where}")


def _stop(running: subprocess.Popen[bytes]) -> None:
    running.send_signal(signal.SIGCONT)
    running.terminate()
    try:
        running.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sink", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=Asked.records, help="touchpoints that are measured; with all that is made of them about three times as many rows (%(default)s)")
    parser.add_argument("--warm-up", type=int, default=Asked.warm_up, help="touchpoints before them (%(default)s)")
    parser.add_argument("--leads", type=int, default=Asked.leads, help="leads they are spread over (%(default)s)")
    parser.add_argument("--rounds", type=int, default=Asked.rounds, help="how often each case is run (%(default)s)")
    parser.add_argument("--only", choices=list(CASES), action="append", help="this case alone; repeatable")
    parser.add_argument("--beside", type=Path, help="a second checkout, whose sink is run in turn with ours")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: it warns of leaders not yet known
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server or sink is left behind
    findings = measure(
        Asked(records=asked.records, warm_up=asked.warm_up, leads=asked.leads, rounds=asked.rounds, only=asked.only or tuple(CASES), beside=asked.beside)
    )
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 1 if any(finding.wrong for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
