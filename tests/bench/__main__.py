"""`make bench`: ours and its peers on the same broker, with the same input, in the same run; no figure without a right output.

    make bench                                           every row there is, then what is measured without a race
    make bench ARGS="--only score --records 200000 --json"
    make bench ARGS="--only sink"                        `python -m tests.bench.sink --help` tells its options

Reports records per second and, steadier on shared machines, records per CPU-second of the worker process.
"""

import argparse
import asyncio
import json
import logging
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from streams.topics import INBOX, Names
from tests.bench.answer import Expected, fold
from tests.bench.check import wrong
from tests.bench.finding import Finding
from tests.bench.input import Input
from tests.bench.logs import install, sweep, write
from tests.bench.outcome import Outcome
from tests.bench.plot import plot
from tests.bench.race import Course, Failed, race
from tests.bench.report import report
from tests.bench.rows import ROOT, ROWS, Place, Row, missing

ALONE = ("collector", "latency", "sink", "growth", "restart", "replay")
"""The benches that are no race: modules here."""


def main() -> int:
    asked = arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: it warns of leaders not yet known
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server or worker is left behind
    wanted = {name: ROWS[name] for name in asked.only or ROWS if name in ROWS}
    skipped = {name: why for name, row in wanted.items() if (why := missing(row)) is not None}
    for name, why in skipped.items():
        print(f"{name} is not run: {why}", file=sys.stderr)
    outcomes = raced({name: row for name, row in wanted.items() if name not in skipped}, asked)
    findings = [finding for name in asked.only or ALONE if name in ALONE for finding in alone(name)]
    text = report(outcomes, findings, skipped, rounds=asked.rounds, leads=asked.leads, warm_up=asked.warm_up)
    asked.report.mkdir(parents=True, exist_ok=True)
    (asked.report / "bench.md").write_text(text, "utf-8")
    if outcomes:
        (asked.report / "bench.svg").write_text(plot(outcomes), "utf-8")
    print(text)
    told = [each.json() for each in (*outcomes, *findings)]
    if asked.json:
        print(json.dumps(told))
    return 0 if told and all(each["output_ok"] for each in told) else 1


def raced(rows: Mapping[str, Row], asked: argparse.Namespace) -> list[Outcome]:
    """The outcome of each row, on a broker of its own."""
    if not rows:
        return []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka = start(stack, "kafka").kafka_address
            return asyncio.run(rounds(rows, asked, bootstrap=kafka, folder=Path(folder)))
        finally:
            down(stack)


def alone(name: str) -> list[Finding]:
    """What the bench *name* finds, as a process of its own: none inherits another's memory."""
    with subprocess.Popen([sys.executable, "-m", f"tests.bench.{name}", "--json"], stdout=subprocess.PIPE, cwd=ROOT) as done:
        try:
            told, _ = done.communicate()
        except BaseException:
            done.send_signal(signal.SIGINT)  # it takes its servers down
            raise
    lines = told.decode().splitlines()
    if not lines or not lines[-1].startswith("["):
        return [Finding(bench=name, what=f"`python -m tests.bench.{name}`", target="", measured="", wrong=f"it ended with {done.returncode}")]
    found = [Finding.of(each) for each in json.loads(lines[-1])]
    for each in found:
        print(f"{name}: {each.what}: {each.wrong or each.measured}", file=sys.stderr)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000, help="touchpoints that are measured in a round (%(default)s)")
    parser.add_argument("--warm-up", type=int, default=250_000, help="touchpoints before them (%(default)s): a JVM needs as many")
    parser.add_argument("--leads", type=int, default=10_000, help="leads they are spread over (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is run (%(default)s)")
    parser.add_argument("--only", choices=[*ROWS, *ALONE], action="append", help="this row alone; repeatable")
    parser.add_argument("--report", type=Path, default=ROOT / ".leadstream" / "bench", help="folder for bench.md and bench.svg")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args()
    asked.warm_up = max(100, asked.warm_up)  # rows with a tenth of the records warm up by some, too
    return asked


async def rounds(rows: Mapping[str, Row], asked: argparse.Namespace, *, bootstrap: str, folder: Path) -> list[Outcome]:
    """Run the rows in turn, round by round, so that a noisy minute hits all of them."""
    outcomes: dict[str, Outcome] = {}
    for n in range(asked.rounds):
        for name, row in rows.items():
            traffic = traffic_of(asked.warm_up, asked.records, asked.leads, row.share)
            outcome = outcomes.setdefault(name, Outcome(row=row, records=traffic.records))
            place = Place(bootstrap=bootstrap, prefix=f"r{n}.{name}.", folder=folder / f"r{n}.{name}", warm_up=traffic.warm_up, records=traffic.records)
            place.folder.mkdir()
            await run(row, place, traffic, outcome)
            said = outcome.wrong or f"{outcome.paces[-1].records_per_s:,.0f} records/s, {outcome.paces[-1].records_per_cpu_s:,.0f} per CPU-second"
            print(f"round {n + 1}: {name}: {said}", file=sys.stderr)
    return list(outcomes.values())


async def run(row: Row, place: Place, traffic: Input, outcome: Outcome) -> None:
    """One round of one row: fill, race, check, clean up."""
    expected = None if row.model is None else expected_of(traffic, row.model)
    names = Names(prefix=place.prefix)
    records = traffic.mail if row.source == INBOX else traffic.avro
    measured = partial(write, place.bootstrap, names.topic(row.source), records[traffic.warm_up :])
    warm, end = outputs(row, traffic, expected)
    try:
        await install(place.bootstrap, names, model=row.model)
        await write(place.bootstrap, names.topic(row.source), records[: traffic.warm_up])
        outcome.paces.append(await race(row, place, Course(warm=warm, end=end, records=traffic.records, write=measured)))
        outcome.wrong = outcome.wrong or await wrong(row, place, traffic, expected)
    except Failed as failure:
        outcome.wrong = outcome.wrong or str(failure)
    finally:
        await asyncio.to_thread(sweep, place.bootstrap, place.prefix)


def outputs(row: Row, traffic: Input, expected: Expected | None) -> tuple[int, int]:
    """How many outputs there are after the warm-up, and at the end."""
    if expected is not None:
        return expected.facts_after[traffic.warm_up - 1], expected.facts_after[-1]
    return (1, 2) if row.hop == "decode" else (traffic.warm_up, traffic.warm_up + traffic.records)


@cache
def traffic_of(warm_up: int, records: int, leads: int, share: float) -> Input:
    return Input(warm_up=round(warm_up * share), records=round(records * share), leads=leads)


@cache
def expected_of(traffic: Input, model: str) -> Expected:
    return fold(traffic.touchpoints, model)


if __name__ == "__main__":
    sys.exit(main())
