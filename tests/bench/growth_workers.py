"""One worker process against two, on the same input: what sharing the partitions costs.

On a machine with two cores, which the broker shares, wall time says little of it; records per CPU-second of all workers do.
"""

import asyncio
import logging
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from streams.topics import EVENTS, WEB, Names
from tests.bench.answer import Expected, fold
from tests.bench.check import wrong
from tests.bench.finding import Finding
from tests.bench.input import PARTITIONS, Input
from tests.bench.logs import install, sweep, write
from tests.bench.race import COMMITTED_WITHIN_S, cpu_s
from tests.bench.rows import ROWS, Place, worker

ROW = ROWS["leadstream"]  # identify and score in each process
SHARE_MIN = 0.2
GIVE_UP_S = 120.0
WARM_UP, LEADS, ROUNDS = 50_000, 10_000, 3


class Failed(Exception):
    """The workers did not come to the end; says why."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What the workers did together, and the smallest share of the CPU time that one of them had."""

    records_per_s: float
    records_per_cpu_s: float
    least_share: float


def measure(records: int) -> list[Finding]:
    """Let one worker and two, in turns, work *records* off."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: it warns of leaders not yet known
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka = start(stack, "kafka").kafka_address
            return [asyncio.run(_measure(kafka, Path(folder), records))]
        finally:
            down(stack)


async def _measure(kafka: str, folder: Path, records: int) -> Finding:
    traffic = Input(warm_up=WARM_UP, records=records, leads=LEADS)
    expected = fold(traffic.touchpoints, "bench")
    paces: dict[int, list[Pace]] = {1: [], 2: []}
    why: str | None = None
    for n in range(ROUNDS):
        for number, found in paces.items():
            place = Place(bootstrap=kafka, prefix=f"w{n}.{number}.", folder=folder / f"w{n}.{number}", warm_up=WARM_UP, records=records)
            place.folder.mkdir()
            try:
                found.append(await _run(place, traffic, expected, number=number))
                why = why or await wrong(ROW, place, traffic, expected)
            except Failed as failure:
                why = why or f"{number} workers: {failure}"
            finally:
                await asyncio.to_thread(sweep, kafka, place.prefix)
    return _finding(paces, why)


async def _run(place: Place, traffic: Input, expected: Expected, *, number: int) -> Pace:
    names = Names(prefix=place.prefix)
    await install(place.bootstrap, names, model=ROW.model)
    process = worker(ROW, place)
    running: list[subprocess.Popen[bytes]] = []
    try:
        for n in range(number):
            with (place.folder / f"worker-{n}.log").open("wb") as log:
                running.append(subprocess.Popen(process.command, env=dict(process.environ), stdout=log, stderr=log, cwd=place.folder))
        await _until_joined(place, names, running)  # who joins later takes partitions over, whose last second is told twice
        await write(place.bootstrap, names.topic(WEB), traffic.avro[: traffic.warm_up])
        return await _clocked(place, names, traffic, expected, running)
    finally:
        for each in running:
            each.send_signal(signal.SIGCONT)
            each.terminate()
        for each in running:
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


async def _clocked(place: Place, names: Names, traffic: Input, expected: Expected, running: Sequence[subprocess.Popen[bytes]]) -> Pace:
    topic = names.topic(EVENTS)
    async with AIOKafkaConsumer(bootstrap_servers=place.bootstrap) as watch:
        await _until(watch, topic, expected.facts_after[traffic.warm_up - 1], running)
        await asyncio.sleep(COMMITTED_WITHIN_S)
        for each in running:
            each.send_signal(signal.SIGSTOP)
        await write(place.bootstrap, names.topic(WEB), traffic.avro[traffic.warm_up :])
        at, before = time.monotonic(), [cpu_s(each.pid) for each in running]
        for each in running:
            each.send_signal(signal.SIGCONT)
        await _until(watch, topic, expected.facts_after[-1], running)
        wall = time.monotonic() - at
        await asyncio.sleep(COMMITTED_WITHIN_S)
        spent = [cpu_s(each.pid) - cpu for each, cpu in zip(running, before, strict=True)]
    if min(spent) < SHARE_MIN * sum(spent):
        raise Failed(f"they did not share the work: {', '.join(f'{each:.1f}' for each in spent)} CPU-seconds")
    return Pace(records_per_s=traffic.records / wall, records_per_cpu_s=traffic.records / sum(spent), least_share=min(spent) / sum(spent))


async def _until_joined(place: Place, names: Names, running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until every worker is a member of both hops' groups, and these have settled."""
    give_up, joined = time.monotonic() + GIVE_UP_S, ""
    admin = await asyncio.to_thread(KafkaAdminClient, bootstrap_servers=place.bootstrap)
    try:
        while time.monotonic() < give_up:
            told = await asyncio.to_thread(_groups, admin, [names.group(hop) for hop in ("identify", "score")])
            if all(state == ("Stable", len(running)) for state in told.values()):
                return
            joined = ", ".join(f"{name}: {state} with {members}" for name, (state, members) in told.items())
            await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(admin.close)
    raise Failed(f"the workers did not join: {joined}")


def _groups(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The state of each group, and how many members it has."""
    try:
        return {name: (told["group_state"], len(told["members"])) for name, told in admin.describe_groups(names).items()}
    except CoordinatorNotAvailableError:  # of a broker's first group, for a moment
        return dict.fromkeys(names, ("unknown", 0))


async def _until(watch: AIOKafkaConsumer, topic: str, facts: int, running: Sequence[subprocess.Popen[bytes]]) -> None:
    tps = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    give_up = time.monotonic() + GIVE_UP_S
    while (written := sum((await watch.end_offsets(tps)).values())) < facts:
        if any(each.poll() is not None for each in running):
            raise Failed("a worker ended")
        if time.monotonic() > give_up:
            raise Failed(f"{written} of {facts} facts after {GIVE_UP_S:.0f} s")
        await asyncio.sleep(0.02)


def _finding(paces: dict[int, list[Pace]], why: str | None) -> Finding:
    cpu = {number: statistics.median([pace.records_per_cpu_s for pace in found] or [0.0]) for number, found in paces.items()}
    wall = {number: statistics.median([pace.records_per_s for pace in found] or [0.0]) for number, found in paces.items()}
    ratio = statistics.median([two.records_per_cpu_s / one.records_per_cpu_s for one, two in zip(*paces.values(), strict=False)] or [0.0])
    return Finding(
        bench="growth",
        what=f"two workers beside one, both hops each, on the same input: records per CPU-second of all workers (on {os.cpu_count()} cores that "
        "broker and bench share, wall time says little)",
        target="",
        measured=f"one {cpu[1]:,.0f}, two {cpu[2]:,.0f} ({ratio:.2f}×); records/s {wall[1]:,.0f} and {wall[2]:,.0f}",
        values={"one_records_per_cpu_s": round(cpu[1]), "two_records_per_cpu_s": round(cpu[2]), "ratio": round(ratio, 3),
                "one_records_per_s": round(wall[1]), "two_records_per_s": round(wall[2])},
        wrong=why,
    )  # fmt: skip
