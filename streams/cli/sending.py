"""One sending as a person sees it: its progress while it lasts, and what became of the rows."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.cli.output import note, printable
from streams.sending.door import Door
from streams.sending.report import Problem, Report
from streams.sending.rows import STDIN
from streams.sending.send import Plan, Sender

SHOWN: Final = 20
"""Problems that are told to a person; scripts get the first thousand."""


class Sending:
    """One sending with its progress shown on stderr."""

    def __init__(self, plan: Plan, url: str, *, patience: timedelta, bar: Progress | None) -> None:
        self._plan = plan
        self._url = url
        self._patience = patience
        self._bar = bar
        self.rows_done = 0
        size = None if plan.file == STDIN else Path(plan.file).stat().st_size
        self._task = TaskID(0) if bar is None else bar.add_task("sending", total=size, said="")

    async def run(self) -> Report:
        async with ClientSession() as session:
            door = Door(session, self._url, patience=self._patience, on_wait=self._waits)
            return await Sender(self._plan, door, on_step=self._step).run()

    def _step(self, report: Report, read: int) -> None:
        progress = report.progress
        self.rows_done = progress.rows
        if self._bar is not None:
            said = f"{progress.accepted} accepted" + (f", {progress.rejected} rejected" if progress.rejected else "")
            self._bar.update(self._task, completed=read, said=said)

    def _waits(self, why: str, seconds: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, said=f"the collector {why}: again in {seconds:.0f} s")


def bar() -> Progress:
    """A progress bar on stderr, unless that is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.fields[said]}"),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def told(report: Report, plan: Plan) -> str:
    """What became of the file, for people."""
    progress = report.progress
    said = f"{progress.sent} events sent, {progress.accepted} accepted, {progress.rejected} rows rejected, {progress.skipped} left out by the map"
    if report.resumed_at:
        said += f"; went on behind row {report.resumed_at}"
    if report.behind:
        said += f"; {report.behind} rows lay before a checkpoint reached earlier and were decided as late ones: the file is not in the order of time"
    if plan.import_id is None:
        return said
    state = "kept open: send the rest of it, the last file without --keep-open" if plan.keep_open else "ended"
    return f"{said}\nimport {plan.import_id}: {state}"


def as_record(report: Report, plan: Plan) -> dict[str, Any]:
    """The same for scripts."""
    progress = report.progress
    return {
        "file": plan.file, "import": plan.import_id, "ended": plan.import_id is not None and not plan.keep_open, "rows": progress.rows,
        "sent": progress.sent, "accepted": progress.accepted, "rejected": progress.rejected, "skipped": progress.skipped,
        "resumed_at": report.resumed_at, "behind": report.behind,
        "problems": [{"line": p.line, "field": p.field, "reason": p.reason, "detail": p.detail} for p in report.problems],
    }  # fmt: skip


def tell_problems(problems: list[Problem], rejected: int) -> None:
    """Name the first rows that were rejected, and say how many there are."""
    for problem in problems[:SHOWN]:
        note(f"line {problem.line}: {printable(problem.detail)}")
    if rejected > SHOWN:
        note(f"... and {rejected - SHOWN} more" + ("" if len(problems) <= SHOWN else "; --json tells the first thousand"))
