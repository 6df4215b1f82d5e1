"""What became of a file's rows, as the collector answers it and the sender adds it up."""

from dataclasses import dataclass, field
from typing import Any, Final

from streams.errors import Misconfigured, Refused
from streams.sending.door import Answer
from streams.sending.mapping import Event
from streams.sending.resume import Progress

PROBLEMS_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One row that was not accepted, and why. The detail names the field and never holds the value."""

    line: int
    field: str
    reason: str
    detail: str


@dataclass(slots=True)
class Report:
    """What became of the file's rows: rows = skipped + accepted + rejected, once it is complete."""

    progress: Progress
    problems: list[Problem] = field(default_factory=list)
    resumed_at: int = 0  # rows that an earlier sending had done
    behind: int = 0  # rows sent after a checkpoint that they lie before

    def add(self, problem: Problem) -> None:
        self.progress.rejected += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem)


def refuse_other_than_ok(answer: Answer) -> None:
    """Raise Misconfigured where the sender is not let in, Refused for any other answer but 200."""
    if answer.status == 200:
        return
    said = str(answer.body.get("message", "")) or f"it answers {answer.status}"
    if answer.status in {401, 403, 404}:
        raise Misconfigured(f"the collector at this address does not let us in: {said}")
    raise Refused(f"the collector refuses this: {said}")


def judge(report: Report, answer: Answer, events: list[Event]) -> None:
    """Add to *report* what the collector said of each of *events*. It names a hundred of what it rejects, and counts all."""
    said: Any = answer.body.get("rejected")
    if answer.status != 400 or not isinstance(said, list):  # 400: all of them were rejected, each for itself
        refuse_other_than_ok(answer)
    named = [_problem(each, events) for each in said] if isinstance(said, list) else []
    for problem in named:
        report.add(problem)
    rejected = max(int(answer.body.get("rejected_count", 0)), len(named))
    report.progress.rejected += rejected - len(named)
    report.progress.accepted += len(events) - rejected


def _problem(said: dict[str, Any], events: list[Event]) -> Problem:
    index = said.get("index")
    line = events[index].line if isinstance(index, int) and 0 <= index < len(events) else 0
    return Problem(
        line=line, field=str(said.get("field", "")), reason=str(said.get("reason", "")), detail=str(said.get("detail", ""))
    )
