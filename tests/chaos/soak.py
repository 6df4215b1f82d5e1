"""A long time at a steady rate, without faults: memory, lag, and every event accounted for at the end.

    python -m tests.chaos.soak --minutes 30 --rate 600
    python -m tests.chaos.soak --minutes 12 --rate 1300 --people 30  # until no lead can remember more
    python -m tests.chaos.soak --capacity           # the rate that it can sustain here, in steps
    python -m tests.chaos.soak --catch-up --rate 500  # how fast the sink catches up after a minute without ClickHouse
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.pauses import percentile
from tests.chaos.sitting import Outcome, Plan, Sample, Sitting, described

FOLDER = Path(".leadstream/chaos/soak")
PEOPLE = 20_000
STEP_S = 30.0
AWAY_S = 60.0
STEPS = (600, 1000, 1500, 2000, 2600, 3200, 4000)
LAG_S = 2.0
"""A rate is sustained while what waits is less than so many seconds of it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--people", type=int, default=PEOPLE, help="of a soak (%(default)s)")
    parser.add_argument("--capacity", action="store_true")
    parser.add_argument("--catch-up", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if asked.capacity:
        for rate in STEPS:
            outcome = run(rate, STEP_S)
            waits = max((sum(sample.lag.values()) for sample in outcome.samples[-3:]), default=0.0)
            sent = (outcome.samples[-1].events - outcome.samples[0].events) / (outcome.samples[-1].at - outcome.samples[0].at)
            print(json.dumps({"rate": rate, "sent_per_s": round(sent), "waiting": waits, "ok": outcome.ok}), flush=True)
            if waits > LAG_S * 3 * rate or sent < 0.9 * rate:  # each event is three records or more
                break
        return 0
    if asked.catch_up:
        print(json.dumps(caught_up(asked.rate)))
        return 0
    outcome = run(asked.rate, asked.minutes * 60, by_views=True, people=asked.people)
    for sample in outcome.samples[::12]:
        print(json.dumps({"t": round(sample.at - outcome.samples[0].at), "events": sample.events, "rss_mib": {k: v >> 20 for k, v in sample.rss.items()}, "lag": sample.lag}))
    print(json.dumps(result(outcome)))
    return 0 if outcome.ok else 1


def run(rate: float, seconds: float, **others: Any) -> Outcome:
    plan = Plan(**{"seed": f"soak{rate:.0f}", "faults": 0, "events": 0, "rate": rate, "seconds": seconds, "people": PEOPLE, **others})
    return Sitting(plan, FOLDER, say=lambda line: print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)).run()


def caught_up(rate: float) -> dict[str, object]:
    """Rows of touchpoints a second while all is well, and while the sink catches up with a minute without ClickHouse."""
    outcome = run(rate, 3 + AWAY_S + 40, faults=1, only=("clickhouse away",), away_s=AWAY_S, sample_every_s=0.25)
    (away,) = outcome.happened
    before, behind = outcome.samples[0], next(sample for sample in outcome.samples if sample.at >= away.until)
    live = (outcome.samples[-1].rows - before.rows) / (outcome.samples[-1].at - before.at)
    back = [sample for sample in outcome.samples if sample.at > away.until and sample.rows > behind.rows]
    level = next(sample for sample in back if sample.events - sample.rows < 2 * rate)
    catching_up = (level.rows - behind.rows) / (level.at - back[0].at + 0.25)
    return {
        "ok": outcome.ok, "rows_per_s_live": round(live), "rows_per_s_catching_up": round(catching_up), "times": round(catching_up / live, 1),
        "behind_rows": behind.events - behind.rows, "level_again_after_s": round(level.at - away.until, 2),
    }  # fmt: skip


def result(outcome: Outcome) -> dict[str, object]:
    """Slopes are fitted over the second half: then every lead has been seen."""
    later = outcome.samples[len(outcome.samples) // 2 :]
    roles = sorted(later[0].rss)
    events = [sample.events for sample in later]
    lags = [sum(sample.lag.values()) for sample in later]
    return {
        **{name: value for name, value in described(outcome).items() if name in ("events", "lost", "double", "score_diff_max", "ledger_ok", "seconds")},
        "ok": outcome.ok,
        "rss_mib": {role: round(later[-1].rss[role] / 2**20, 1) for role in roles},
        "rss_mib_per_hour": {role: round(_slope(later, [sample.rss[role] / 2**20 for sample in later]) * 3600, 2) for role in roles},
        "bytes_per_event": {role: round(_slope(later, [sample.rss[role] for sample in later]) / max(1.0, _slope(later, events)), 1) for role in roles},
        "lag_records": {"p50": percentile(lags, 0.5), "max": max(lags), "per_hour": round(_slope(later, lags) * 3600, 1)},
        "answer_ms": {"p50": round(1000 * percentile(outcome.latencies, 0.5), 1), "p99": round(1000 * percentile(outcome.latencies, 0.99), 1)},
    }


def _slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """Least squares, per second."""
    instants = [sample.at for sample in samples]
    t, v = sum(instants) / len(instants), sum(values) / len(values)
    return sum((a - t) * (b - v) for a, b in zip(instants, values, strict=True)) / sum((a - t) ** 2 for a in instants)


if __name__ == "__main__":
    sys.exit(main())
