"""How fast history is gone through again: facts folded, touchpoints decided anew, and a whole topic through `leadstream replay`.

    python -m tests.bench.replay [--touchpoints 50000] [--records 300000] [--rounds 5] [--json]

The first two are the pure core on one core, nothing decoded and nothing written; the last is the command as it is run.
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from processors import lead as leads
from processors.decision import handle
from processors.model.file import load
from processors.model.scoring_model import ScoringModel
from schemas.avro import decode_fact
from schemas.facts import AnyFact, TouchpointCounted
from schemas.lead import Lead
from schemas.touchpoint import Touchpoint
from streams import topics
from streams.settings import Settings, environ_of
from tests.bench.answer import answer_of, fold
from tests.bench.finding import Finding, table
from tests.bench.input import MODELS, Input, lead_of
from tests.bench.logs import install, read, write
from tests.bench.rows import ROOT

TARGET = 150_000
PER_LEAD = 10
NAME = "again"


@dataclass(kw_only=True)
class History:
    """Touchpoints by lead, ten each, and what they led to under one model: decided one by one, without a partition."""

    touchpoints: int
    model: str
    facts: dict[str, tuple[AnyFact, ...]] = field(default_factory=dict)

    @cached_property
    def scoring_model(self) -> ScoringModel:
        return load(MODELS[self.model])

    @cached_property
    def by_lead(self) -> dict[str, list[Touchpoint]]:
        found = dict[str, list[Touchpoint]]()
        for each in Input(warm_up=0, records=self.touchpoints, leads=self.touchpoints // PER_LEAD).touchpoints:
            found.setdefault(lead_of(each), []).append(each)
        return found

    def decide(self) -> dict[str, Lead]:
        """Decide every touchpoint; the facts are kept."""
        model, held = self.scoring_model, dict[str, Lead]()
        for lead_id, touchpoints in self.by_lead.items():
            lead, told = Lead(), list[AnyFact]()
            for touchpoint in touchpoints:
                told += handle(lead, touchpoint, model, lead_id=lead_id)
            held[lead_id], self.facts[lead_id] = lead, tuple(told)
        return held

    def fold(self) -> dict[str, Lead]:
        """Fold the facts of every lead."""
        return {lead_id: leads.replay(facts) for lead_id, facts in self.facts.items()}

    def wrong(self) -> str | None:
        """What is wrong with deciding and folding: they come to the same leads, in which every touchpoint counts once."""
        decided = self.decide()
        if decided != self.fold():
            return "folding the facts does not come to the leads that were decided"
        once = len({each.event_id for touchpoints in self.by_lead.values() for each in touchpoints})
        found = sum(lead.touches for lead in decided.values())
        return None if found == once else f"{found} touches, expected {once}"


def pure(asked: argparse.Namespace) -> list[Finding]:
    """The pure core, in turns: deciding and folding, under the shipped model and under the small one."""
    histories = {model: History(touchpoints=asked.touchpoints, model=model) for model in ("b2b", "bench")}
    wrong = {model: history.wrong() for model, history in histories.items()}
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(asked.rounds):
        for model, history in histories.items():
            for what, work in (("decide", history.decide), ("fold", history.fold)):
                rates.setdefault((what, model), []).append(asked.touchpoints / _cpu_s(work))
    middle = {key: statistics.median(each) for key, each in rates.items()}
    facts = {model: sum(map(len, history.facts.values())) for model, history in histories.items()}
    kinds = {"fold": "folding the facts of each lead (`processors.lead.replay`)", "decide": "deciding each touchpoint anew"}
    return [
        Finding(
            bench="replay",
            what=f"pure core, one core: {kinds[what]}, model {model}",
            target=f"≥ {TARGET:,}/s",
            measured=f"{rate:,.0f} touchpoints per CPU-second ({facts[model] / asked.touchpoints:.2f} facts each)",
            values={"touchpoints_per_cpu_s": round(rate)},
            wrong=wrong[model],
        )
        for (what, model), rate in middle.items()
    ]


def _cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time()
    held = work()
    spent = time.process_time() - before
    del held
    return spent


def topic(asked: argparse.Namespace) -> list[Finding]:
    """A whole inbox through `leadstream replay`, each round under a name of its own."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: it warns of leaders not yet known
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            kafka = start(stack, "kafka").kafka_address
            return [asyncio.run(_topic(asked, kafka, Path(folder)))]
        finally:
            down(stack)


async def _topic(asked: argparse.Namespace, kafka: str, folder: Path) -> Finding:
    traffic = Input(warm_up=0, records=asked.records, leads=asked.records // PER_LEAD)
    names = topics.Names(prefix="replay.")
    await install(kafka, names, model="b2b")
    await write(kafka, names.topic(topics.INBOX), traffic.mail)
    costs, wrong, expected = [], None, fold(traffic.touchpoints, "b2b").answer
    for n in range(asked.topic_rounds):
        name = f"{NAME}-{n}"
        costs.append(await asyncio.to_thread(_replayed, Settings.local(kafka=kafka, prefix=names.prefix), name, folder))
        told = topics.Names(prefix=names.prefix, replay=name).topic(topics.EVENTS)
        found = answer_of([decode_fact(record.value).fact async for record in read(kafka, told)])
        wrong = wrong or expected.difference(found)
    wall, cpu = (statistics.median(each) for each in zip(*costs, strict=True))
    return Finding(
        bench="replay",
        what=f"`leadstream replay` of {asked.records:,} touchpoints, model b2b: facts, states, profiles and transitions into topics of their own, its start included",
        target="",
        measured=f"{asked.records / wall:,.0f} touchpoints/s, {asked.records / cpu:,.0f} per CPU-second ({expected.facts[TouchpointCounted.__name__]:,} counted)",
        values={"touchpoints_per_s": round(asked.records / wall), "touchpoints_per_cpu_s": round(asked.records / cpu), "cpu_s": cpu},
        wrong=wrong,
    )


def _replayed(settings: Settings, name: str, folder: Path) -> tuple[float, float]:
    """Run the command to its end; seconds, and CPU seconds."""
    command = [sys.executable, "-m", "streams.cli.main", "replay", name, "--json"]
    environ = environ_of(settings) | {"PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
    began = time.monotonic()
    with (folder / "replay.log").open("wb") as log:
        running = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=folder)
        _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"leadstream replay ended with {running.returncode}: {(folder / 'replay.log').read_text('utf-8', 'replace')[-2000:]}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime


def measure(asked: argparse.Namespace) -> list[Finding]:
    """Both parts."""
    return [*pure(asked), *topic(asked)]


def arguments(said: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=50_000, help="touchpoints through the pure core, each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the pure core (%(default)s)")
    parser.add_argument("--records", type=int, default=300_000, help="touchpoints in the topic (%(default)s)")
    parser.add_argument("--topic-rounds", type=int, default=2, help="replays of the topic (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    return parser.parse_args(said)


def main() -> int:
    asked = arguments()
    findings = measure(asked)
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 0 if all(finding.wrong is None for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
