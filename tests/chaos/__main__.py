"""`make chaos`: break everything at random, and prove that nothing was lost and nothing counted twice.

    python -m tests.chaos --faults 500 --events 1000000 --seed 7 --json

A long run is made of sittings, each on servers of its own and checked at its end; what a sitting came to is written to
the journal, and a run that was interrupted goes on with the sittings that are missing.
"""

import argparse
import json
import math
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.pauses import percentile
from tests.chaos.sitting import Plan, Sitting, described
from tests.chaos.unguarded import SAFEGUARDS

FAULTS_A_SITTING = 25
EVENTS_A_SITTING = 50_000
FOLDER = Path(".leadstream/chaos")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=FAULTS_A_SITTING)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=Plan.rate, help="events a second (%(default)s)")
    parser.add_argument("--every", type=float, default=Plan.every_s, metavar="S", help="seconds between faults, on average (%(default)s)")
    parser.add_argument("--away", type=float, default=Plan.away_s, metavar="S", help="how long ClickHouse stays away (%(default)s)")
    parser.add_argument("--only", action="append", default=[], choices=sorted(FAULTS), metavar="KIND", help=f"only these: {', '.join(FAULTS)}")
    parser.add_argument("--alone", action="store_true", help="one fault at a time")
    parser.add_argument("--without", choices=sorted(SAFEGUARDS), default="", help="switch a safeguard off: the check must fail")
    parser.add_argument("--peer", action="store_true", help="run plain Faust beside ours, on the same broker, under the same faults")
    parser.add_argument("--fresh", action="store_true", help="forget the journal of this seed")
    parser.add_argument("--json", action="store_true", help="nothing on stdout but the last line")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers and disks are put away

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr if asked.json else sys.stdout, flush=True)

    sittings = max(1, math.ceil(max(asked.faults / FAULTS_A_SITTING, asked.events / EVENTS_A_SITTING)))
    whole = Plan(
        seed=str(asked.seed), faults=math.ceil(asked.faults / sittings), events=math.ceil(asked.events / sittings), rate=asked.rate,
        every_s=asked.every, away_s=asked.away, only=tuple(asked.only), alone=asked.alone, without=asked.without, peer=asked.peer,
    )  # fmt: skip
    folder = FOLDER / f"{asked.seed}{'-without-' + asked.without if asked.without else ''}"
    journal = folder / "journal.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    if asked.fresh:
        journal.unlink(missing_ok=True)
    done = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    for number in range(len(done), sittings):
        plan = replace(whole, seed=f"{asked.seed}.{number}")
        say(f"sitting {number + 1} of {sittings}: {plan.faults} faults, {plan.events} events, seed {plan.seed}")
        outcome = Sitting(plan, folder / f"sitting-{number}", say=say).run()
        row = {"seed": plan.seed, "ok": outcome.ok, **described(outcome)}
        done.append(row)
        with journal.open("a") as file:
            file.write(json.dumps(row) + "\n")
        say(f"  {'ok' if outcome.ok else 'NOT OK'}: {json.dumps({k: v for k, v in row.items() if k not in ('told', 'pauses', 'kinds')})}")
        for line in outcome.found.told:
            say(f"  {line}")
    result = total(done)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def total(done: list[dict]) -> dict[str, object]:
    """The sittings of a run, together."""
    kinds: Counter[str] = Counter()
    pauses: dict[str, list[float]] = {}
    for row in done:
        kinds.update(row["kinds"])
        for kind, found in row["pauses"].items():
            pauses.setdefault(kind, []).extend(found)
    return {
        **{name: sum(row[name] for row in done) for name in ("events", "faults", "lost", "double")},
        "score_diff_max": max(row["score_diff_max"] for row in done),
        "illegal_transitions": sum(row["illegal_transitions"] for row in done),
        "ledger_ok": all(row["ledger_ok"] for row in done),
        "pause_s": _spread(pauses.get("kill worker", [])),
        "pauses_s": {kind: _spread(found) for kind, found in pauses.items()},
        "ok": all(row["ok"] for row in done),
        **{name: sum(row[name] for row in done) for name in ("counted", "duplicates", "dead_letters", "facts", "facts_again", "transitions", "leads", "unanswered")},
        **({"peer": {name: sum(row["peer"][name] for row in done) for name in done[0]["peer"]}} if "peer" in done[0] else {}),
        "kinds": kinds, "sittings": len(done), "seconds": round(sum(row["seconds"] for row in done), 1),
    }  # fmt: skip


def _spread(values: list[float]) -> dict[str, float]:
    return {"p50": round(percentile(values, 0.5), 2), "max": round(max(values, default=0.0), 2)}


if __name__ == "__main__":
    sys.exit(main())
