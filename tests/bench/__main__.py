"""`make bench`: each engine on the same broker, with the same input, in the same run; its output is checked, then its speed told.

    make bench                                  the score hop beside plain Faust
    make bench ARGS="--records 200000 --only score --json"

Reports records per second and, steadier on shared machines, records per CPU-second of the worker process.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, up
from tests.bench.input import fill
from tests.bench.race import Outcome, race

ENGINES = {
    "score": ["leadstream", "score"],
    "identify": ["leadstream", "identify"],
    "faust": ["faust", "score"],
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000, help="touchpoints a round")
    parser.add_argument("--leads", type=int, default=10_000, help="leads they are spread over")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=sorted(ENGINES), action="append", help="bench this alone; repeatable")
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(data=Path(folder), ports=Ports.any_free())
        status = up(stack)
        try:
            outcomes = asyncio.run(rounds(status.kafka_address, asked))
        finally:
            down(stack)
    show(outcomes)
    if asked.json:
        print(json.dumps([outcome.row() for outcome in outcomes]))
    return 0 if all(outcome.output_ok for outcome in outcomes) else 1


async def rounds(bootstrap: str, asked: argparse.Namespace) -> list[Outcome]:
    """Run the engines in turn, round by round, so that a noisy minute hits all of them."""
    found: dict[str, Outcome] = {}
    for n in range(asked.rounds):
        for name in asked.only or ENGINES:
            engine, hop = ENGINES[name]
            # Plain Faust is two orders slower: it gets a tenth of the records, so that a round ends.
            records = asked.records if engine == "leadstream" else max(5_000, asked.records // 10)
            filled = await fill(bootstrap, prefix=f"r{n}.{name}.", hop=hop, records=records, leads=asked.leads)
            run = await race(bootstrap, filled, engine=engine, hop=hop)
            print(f"round {n + 1}: {name}: {run.records_per_s:,.0f} records/s, {run.records_per_cpu_s:,.0f} per CPU-second", file=sys.stderr)
            found.setdefault(name, Outcome(engine=engine, hop=hop)).runs.append(run)
    return list(found.values())


def show(outcomes: list[Outcome]) -> None:
    print("| engine | hop | records/s (min / median / max) | records per CPU-second | memory, MiB | output |")
    print("|---|---|---|---|---|---|")
    for outcome in outcomes:
        print(outcome.line())


if __name__ == "__main__":
    sys.exit(main())
