"""One engine's run: a worker process of its own, watched from outside by its output topic and its CPU clock."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from schemas.avro import decode_fact
from tests.bench.input import Filled

HERE = Path(__file__).parent
WARM = 0.05  # of the outputs: what comes before is start-up
GIVE_UP_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was measured in one round, between the first outputs and the last."""

    records_per_s: float
    records_per_cpu_s: float
    rss_mib: float
    output_ok: bool


@dataclass
class Outcome:
    """An engine's rounds."""

    engine: str
    hop: str
    runs: list[Run] = field(default_factory=list)

    @property
    def output_ok(self) -> bool:
        return all(run.output_ok for run in self.runs)

    def row(self) -> dict[str, object]:
        return {
            "engine": self.engine,
            "hop": self.hop,
            "records_per_s": round(statistics.median(run.records_per_s for run in self.runs)),
            "records_per_cpu_s": round(statistics.median(run.records_per_cpu_s for run in self.runs)),
            "rss_mib": round(max(run.rss_mib for run in self.runs)),
            "output_ok": self.output_ok,
        }

    def line(self) -> str:
        speeds = sorted(run.records_per_s for run in self.runs)
        row = self.row()
        low, middle, high = speeds[0], statistics.median(speeds), speeds[-1]
        return (
            f"| {self.engine} | {self.hop} | {low:,.0f} / {middle:,.0f} / {high:,.0f} | {row['records_per_cpu_s']:,} "
            f"| {row['rss_mib']} | {'as the pure fold' if self.output_ok else 'WRONG'} |"
        )


async def race(bootstrap: str, filled: Filled, *, engine: str, hop: str) -> Run:
    """Start the worker, watch it through the input, stop it, check what it wrote."""
    script, arguments = (
        (HERE.parent / "streams" / "hops_worker.py", [bootstrap, filled.names.prefix, hop])
        if engine == "leadstream"
        else (HERE / "plain_faust.py", [bootstrap, filled.names.prefix])
    )
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
    worker = subprocess.Popen([sys.executable, str(script), *arguments], env=environment, stderr=subprocess.DEVNULL)
    try:
        measured = await _watch(bootstrap, filled, worker.pid)
    finally:
        worker.terminate()
        worker.wait(20)
    ok = await _check(bootstrap, filled)
    return Run(**measured, output_ok=ok)


async def _watch(bootstrap: str, filled: Filled, pid: int) -> dict[str, float]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    async with consumer:
        tps = [TopicPartition(filled.names.topic(filled.output_topic), p) for p in range(8)]
        began: tuple[float, float, int] | None = None
        give_up = time.monotonic() + GIVE_UP_S
        while True:
            written = sum((await consumer.end_offsets(tps)).values())
            at, cpu = time.monotonic(), cpu_s(pid)
            if began is None and written > WARM * filled.outputs:
                began = at, cpu, written
            if began is not None and written >= filled.outputs:
                share = (filled.outputs - began[2]) / filled.outputs * filled.records
                return {
                    "records_per_s": share / max(at - began[0], 1e-3),
                    "records_per_cpu_s": share / max(cpu - began[1], 1e-3),
                    "rss_mib": rss_mib(pid),
                }
            if at > give_up:
                raise TimeoutError(f"{written} of {filled.outputs} outputs after {GIVE_UP_S:.0f} s")
            await asyncio.sleep(0.05)


async def _check(bootstrap: str, filled: Filled) -> bool:
    """Whether the output is what a pure fold makes of the input: as many facts, worth as many points."""
    if not filled.points:
        return True
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        tps = [TopicPartition(filled.names.topic(filled.output_topic), p) for p in range(8)]
        consumer.assign(tps)
        points, facts = 0.0, 0
        while facts < filled.outputs:
            batches = await consumer.getmany(timeout_ms=2_000)
            if not batches:
                return False
            for records in batches.values():
                for record in records:
                    points += sum(s.points for s in getattr(decode_fact(record.value).fact, "sums", ()))
                    facts += 1
    return facts == filled.outputs and abs(points - filled.points) < 1e-6 * max(1.0, abs(filled.points))


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
