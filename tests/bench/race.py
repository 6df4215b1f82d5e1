"""One engine's run: a worker process of its own, watched from outside by its output topic and its CPU clock.

First it works off the warm-up, until all of that is out and committed. Then it is stopped while the measured records are
written, and its clocks run from the instant it goes on: wall time to the last output, CPU time to the last commit.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from tests.bench.input import PARTITIONS
from tests.bench.rows import COMMIT_EVERY_S, Place, Row, worker

LOOK_EVERY_S = 0.02
COMMITTED_WITHIN_S = 1.5 * COMMIT_EVERY_S
GIVE_UP_S = 300.0
STOP_WITHIN_S = 20.0


class Failed(Exception):
    """The worker ended, or did not come to the end in time; says what it said last."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How many outputs there are after the warm-up and at the end, how many records lie between, and what writes those."""

    warm: int
    end: int
    records: int
    write: Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What was measured."""

    records_per_s: float
    records_per_cpu_s: float
    rss_mib: float


async def race(row: Row, place: Place, course: Course) -> Pace:
    """Start the worker, see it through the input, stop it and see it end. Raises Failed."""
    process = worker(row, place)
    said = place.folder / "worker.log"
    with said.open("wb") as log:
        running = subprocess.Popen(process.command, env=dict(process.environ), stdout=log, stderr=log, cwd=place.folder)
    try:
        return await _run(place.prefix + row.output, place, course, running)
    except TimeoutError as error:
        raise Failed(f"{error}; it said: {said.read_text('utf-8', 'replace')[-2000:] or 'nothing'}") from None
    finally:
        _end(running)


async def _run(topic: str, place: Place, course: Course, running: subprocess.Popen[bytes]) -> Pace:
    async with AIOKafkaConsumer(bootstrap_servers=place.bootstrap) as watch:
        await _until(watch, topic, course.warm, running)
        await asyncio.sleep(COMMITTED_WITHIN_S)
        running.send_signal(signal.SIGSTOP)
        await course.write()
        at, cpu = time.monotonic(), cpu_s(running.pid)
        running.send_signal(signal.SIGCONT)
        await _until(watch, topic, course.end, running)
        wall = time.monotonic() - at
        await asyncio.sleep(COMMITTED_WITHIN_S)
        spent = cpu_s(running.pid) - cpu
    return Pace(records_per_s=course.records / wall, records_per_cpu_s=course.records / max(spent, 0.01), rss_mib=rss_mib(running.pid))


async def _until(watch: AIOKafkaConsumer, topic: str, outputs: int, running: subprocess.Popen[bytes]) -> None:
    """Wait for so many outputs. Raises TimeoutError."""
    tps = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    give_up = time.monotonic() + GIVE_UP_S
    while (written := sum((await watch.end_offsets(tps)).values())) < outputs:
        if running.poll() is not None:
            raise TimeoutError(f"ended with {running.returncode} after {written} of {outputs} outputs")
        if time.monotonic() > give_up:
            raise TimeoutError(f"{written} of {outputs} outputs after {GIVE_UP_S:.0f} s")
        await asyncio.sleep(LOOK_EVERY_S)


def _end(running: subprocess.Popen[bytes]) -> None:
    running.send_signal(signal.SIGCONT)
    running.terminate()
    try:
        running.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, all its threads, those that have ended too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
