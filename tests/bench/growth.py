"""What grows with the number of leads, one lead's history, the model's rules and the workers: cost per touchpoint, memory.

    python -m tests.bench.growth [--records 10000] [--rounds 7] [--only leads] [--plot docs/growth.svg] [--json]

All but the workers is the pure core in process, in CPU time: decode mail, decide, encode facts, states and profiles, with a
commit every 4,000 records. The sizes that are compared take turns, and each has a process of its own.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.bench import growth_workers
from tests.bench.core import DAY_MS
from tests.bench.curves import Panel, Points, curves
from tests.bench.finding import Finding, table
from tests.bench.sizes import LongHistory, ManyLeads, ManyRules, Memory
from tests.bench.subject import Measured, Size, in_turns, ratio

FLAT = 1.2
TITLE = "Cost of a touchpoint in the pure core, µs of CPU time"
YEARS, HOURS_72 = 5 * 365 * DAY_MS, 3 * DAY_MS - 3_600_000


def measure(asked: argparse.Namespace) -> list[Finding]:
    """Measure what *asked.only* names (default: all) and, where *asked.plot* says so, draw it."""
    findings, panels = list[Finding](), list[Panel]()
    for name in asked.only or AXES:
        found, drawn = AXES[name](asked)
        findings += found
        panels += drawn
    if asked.plot and panels:
        asked.plot.write_text(curves(TITLE, panels), "utf-8")
    return findings


Axis = tuple[list[Finding], list[Panel]]


def leads(asked: argparse.Namespace) -> Axis:
    sizes = [10_000, 100_000, 1_000_000]
    found = _turns({n: partial(ManyLeads, leads=n, records=asked.records) for n in sizes}, asked.rounds)
    told = _finding(found, "cost per touchpoint as leads grow", target=f"flat (≤ {FLAT}×)", unit="leads")
    return [told], [Panel(title="leads, ten touchpoints each", axis="leads", curves={"model b2b": _points(found)})]


def history(asked: argparse.Namespace) -> Axis:
    lengths = [1, 10, 100, 512, 2_000, 10_000]
    over = {n: partial(LongHistory, history=n, within_ms=YEARS) for n in lengths}
    soon = {n: partial(LongHistory, history=n, within_ms=HOURS_72) for n in lengths[2:]}
    both = _turns({("years", n): make for n, make in over.items()} | {("hours", n): make for n, make in soon.items()}, asked.rounds)
    years, hours = ({n: measured for (kind, n), measured in both.items() if kind == wanted} for wanted in ("years", "hours"))
    hours = {1: years[1]} | hours
    return [
        _finding(years, "cost per touchpoint as one lead's history grows, over five years", target=f"flat (≤ {FLAT}×)", unit="touchpoints"),
        _finding(hours, "the same within 72 hours, all of which a lead remembers (at most 4,096)", target="", unit="touchpoints"),
    ], [
        Panel(title="one lead's history", axis="touchpoints before", curves={"over five years": _points(years), "within 72 hours": _points(hours)})
    ]


def rules(asked: argparse.Namespace) -> Axis:
    numbers = [10, 50, 200]
    both = _turns({(kind, n): partial(ManyRules, rules=n, one_kind=kind == "one", records=asked.records) for kind in ("spread", "one") for n in numbers}, asked.rounds)
    spread, one = ({n: measured for (kind, n), measured in both.items() if kind == wanted} for wanted in ("spread", "one"))
    return [
        _finding(spread, "cost per touchpoint as the model's rules grow, five to a kind", target="", unit="rules"),
        _finding(one, "the same, all rules on one kind, each with a condition", target="", unit="rules"),
    ], [Panel(title="rules of the scoring model", axis="rules", curves={"five to a kind": _points(spread), "all on one kind": _points(one)})]


def memory(asked: argparse.Namespace) -> Axis:
    (found,) = in_turns({"memory": Memory}, rounds=1).values()
    values = {"stored_bytes": found.cost, **found.values}
    measured = f"{found.cost:,.0f} bytes, of which its state is {values['state_bytes']:,.0f}; {values['decoded_bytes']:,.0f} more while it is decoded"
    what = "memory of a lead with ten touchpoints and four rules, in a process"
    return [Finding(bench="growth", what=what, target="≤ 1 KiB", measured=measured, values=values, wrong=found.wrong)], []


def workers(asked: argparse.Namespace) -> Axis:
    return growth_workers.measure(asked.worker_records), []


AXES: Mapping[str, Callable[[argparse.Namespace], Axis]] = {
    "leads": leads, "history": history, "rules": rules, "memory": memory, "workers": workers,
}  # fmt: skip


def _turns(sizes: Mapping[object, Callable[[], Size]], rounds: int) -> dict:
    """As `in_turns`, under the same names, less what no figure needs."""
    found = in_turns({str(name): make for name, make in sizes.items()}, rounds=rounds)
    return {name: found[str(name)] for name in sizes}


def _finding(found: Mapping[int, Measured], what: str, *, target: str, unit: str) -> Finding:
    first = next(iter(found.values()))
    ratios = {n: ratio(first, measured) for n, measured in found.items()}
    told = ", ".join(f"{n:,}: {measured.cost * 1e6:.1f} µs ({ratios[n]:.2f}×)" for n, measured in found.items())
    values = {f"us_{n}": round(measured.cost * 1e6, 2) for n, measured in found.items()} | {f"ratio_{n}": round(each, 3) for n, each in ratios.items()}
    wrong = next((f"{n} {unit}: {measured.wrong}" for n, measured in found.items() if measured.wrong), None)
    return Finding(bench="growth", what=f"{what}, {unit}", target=target, measured=told, values=values, wrong=wrong)


def _points(found: Mapping[int, Measured]) -> Points:
    return [(n, measured.cost * 1e6) for n, measured in found.items()]


def arguments(said: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000, help="touchpoints a round, where one core takes them (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each size (%(default)s)")
    parser.add_argument("--worker-records", type=int, default=150_000, help="touchpoints through one worker and two (%(default)s)")
    parser.add_argument("--only", choices=list(AXES), action="append", help="this alone; repeatable")
    parser.add_argument("--plot", type=Path, help="where to draw the curves, as docs/growth.svg")
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
