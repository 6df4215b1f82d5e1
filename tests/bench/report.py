"""The table of a bench, in Markdown."""

from collections.abc import Sequence

from tests.bench import finding, machine
from tests.bench.finding import Finding
from tests.bench.outcome import Outcome
from tests.bench.rows import COMMIT_EVERY_S

HEAD = """\
| engine | hop | records/s (min / **median** / max) | records per CPU-second of the worker | memory, MiB | records a round | output |
|---|---|---|---|---|---|---|"""


def report(outcomes: Sequence[Outcome], findings: Sequence[Finding], skipped: dict[str, str], *, rounds: int, leads: int, warm_up: int) -> str:
    """Everything a reader needs to judge the figures, or to measure them again."""
    told = ", ".join(f"{name} {version}" for name, version in machine.versions(outcome.row for outcome in outcomes).items())
    lines = [f"{machine.machine()}. {told}."]
    if outcomes:
        lines += ["", _how(rounds=rounds, leads=leads, warm_up=warm_up), "", table(outcomes)]
    if findings:
        lines += ["", finding.table(findings)]
    if skipped:
        lines += ["", *(f"Not run: {name}: {why}." for name, why in skipped.items())]
    return "\n".join(lines) + "\n"


def _how(*, rounds: int, leads: int, warm_up: int) -> str:
    return (
        f"{rounds} rounds, the engines in turn on one broker, the same bytes for each: {leads:,} leads, one touchpoint in a hundred "
        f"sent twice; measured after a warm-up of {warm_up:,} records (a share of both for slow rows, which eases them). "
        f"Every engine commits every {COMMIT_EVERY_S:g} s and runs as one process, unpinned; CPU time is told from the first measured record to the "
        "last commit, all threads."
    )


def table(outcomes: Sequence[Outcome]) -> str:
    return "\n".join([HEAD, *(_line(outcome) for outcome in outcomes)])


def _line(outcome: Outcome) -> str:
    right = "decoded" if outcome.row.hop == "decode" else "as the pure fold" if outcome.row.model else "every touchpoint, once"
    return (
        f"| {outcome.row.engine} | {outcome.row.hop} ({outcome.row.about}) | {outcome.records_per_s} | {outcome.records_per_cpu_s} "
        f"| {outcome.rss_mib} | {outcome.records:,} | {right if outcome.output_ok else _in_a_cell(f'WRONG: {outcome.wrong}')} |"
    )


def _in_a_cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:300]
