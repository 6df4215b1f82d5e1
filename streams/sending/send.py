"""Sending one file: rows are read, mapped and posted in batches, in the order of the file, one batch at a time.

A batch is noted as sent once the collector has acknowledged it. An import is told how far it has come: at checkpoints,
where asked for, and at its end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from streams import clock
from streams.errors import Misconfigured, Refused
from streams.sending.dates import words
from streams.sending.door import Answer, Door, Headers, signed
from streams.sending.map_file import refuse_unknown_columns
from streams.sending.mapping import Event, Map, Skipped, Unfit
from streams.sending.resume import Notebook, Progress
from streams.sending.rows import BrokenRow, Row, Rows, open_rows

EVENTS_PATH: Final = "/v1/events"
BATCH: Final = 500
BATCH_BYTES: Final = 400_000
PROBLEMS_KEPT: Final = 1_000
NOTE_EVERY_S: Final = 1.0
STEP_ROWS: Final = 5_000
"""A batch is closed after so many rows of the file at the latest, also where the map leaves nearly all of them out."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send and as what. `import_id` None: live. `notes` None: from the beginning, and no notes are taken."""

    file: str
    map: Map
    map_name: str
    secret: str
    import_id: str | None = None
    import_key: str = ""
    keep_open: bool = False
    batch: int = BATCH
    checkpoint_every: timedelta | None = None
    notes: Notebook | None = None


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


class Sender:
    """One sending. `on_step` is told after each batch: the report, and how far the file has been read (bytes)."""

    def __init__(self, plan: Plan, door: Door, *, on_step: Callable[[Report, int], None] = lambda _report, _read: None) -> None:
        self._plan = plan
        self._door = door
        self._on_step = on_step
        self._events: list[Event] = []
        self._bodies: list[bytes] = []
        self._bytes = 0
        self._rows = 0  # read so far, those in the open batch included
        self._noted_at = time.monotonic()
        self.report = Report(progress=Progress())
        # The counts as of the last row that was dealt with: what is noted must not run ahead of its rows.
        self._noted = Progress()

    async def run(self) -> Report:
        """Send the file. Raises Unavailable with what was acknowledged noted, so that the same command goes on there."""
        plan = self._plan
        noted = plan.notes.read() if plan.notes is not None else None
        self.report = Report(progress=noted or Progress(), resumed_at=noted.rows if noted else 0)
        self._noted = msgspec.structs.replace(self.report.progress)
        with open_rows(plan.file, plan.map.shape) as rows:
            if rows.columns is not None:
                refuse_unknown_columns(plan.map, rows.columns, name_of_file=plan.map_name)
            try:
                await self._send_all(rows)
            finally:
                self._note()
        await self._end()
        if plan.notes is not None:
            plan.notes.forget()
        return self.report

    async def _send_all(self, rows: Rows) -> None:
        done = self.report.resumed_at
        for row in rows:
            self._rows += 1
            if self._rows > done:
                await self._take(row)
                if len(self._events) >= self._plan.batch or self._bytes >= BATCH_BYTES or self._rows % STEP_ROWS == 0:
                    await self._flush(rows)
        await self._flush(rows)

    async def _take(self, row: Row | BrokenRow) -> None:
        """Add what *row* becomes to the open batch."""
        if isinstance(row, BrokenRow):
            self.report.add(Problem(line=row.line, field="", reason="unreadable", detail=row.detail))
            return
        mapped = self._plan.map.event_of(row)
        match mapped:
            case Skipped():
                self.report.progress.skipped += 1
            case Unfit():
                self.report.add(Problem(line=mapped.line, field=mapped.field, reason="unfit", detail=mapped.detail))
            case Event():
                await self._checkpoint(mapped)
                body = _encoder.encode(mapped.body)
                self._events.append(mapped)
                self._bodies.append(body)
                self._bytes += len(body)

    async def _flush(self, rows: Rows | None = None) -> None:
        """Post the open batch and note what became of it."""
        if self._events:
            await self._post(self._events, self._bodies)
            for event in self._events:
                self._span(event.at)
            self._events, self._bodies, self._bytes = [], [], 0
        if rows is not None:
            self.report.progress.rows = self._rows
            self._noted = msgspec.structs.replace(self.report.progress)
            self._on_step(self.report, rows.bytes_read())
            if time.monotonic() - self._noted_at > NOTE_EVERY_S:
                self._note()

    async def _post(self, events: list[Event], bodies: list[bytes]) -> None:
        """Post *events*; a batch that is too large goes in halves."""
        body = b'{"events":[' + b",".join(bodies) + b"]}"
        answer = await self._door.post(EVENTS_PATH, body, lambda: self._headers(body))
        if answer.status == 413 and len(events) > 1:
            half = len(events) // 2
            await self._post(events[:half], bodies[:half])
            await self._post(events[half:], bodies[half:])
            return
        self.report.progress.sent += len(events)
        _judge(self.report, answer, events)

    def _headers(self, body: bytes) -> Headers:
        plan = self._plan
        headers = signed(body, secret=plan.secret, now_ms=clock.now_ms())
        return headers if plan.import_id is None else headers | import_headers(plan.import_id, plan.import_key)

    def _span(self, at: int | None) -> None:
        progress = self.report.progress
        if at is None:
            return
        progress.first_at = at if progress.first_at is None else min(progress.first_at, at)
        progress.last_at = at if progress.last_at is None else max(progress.last_at, at)
        if progress.reached is not None and at <= progress.reached:
            self.report.behind += 1

    async def _checkpoint(self, event: Event) -> None:
        """Tell the import that it has reached the last of the regular instants before *event*, if that is news."""
        every, progress = self._plan.checkpoint_every, self.report.progress
        if every is None or event.at is None or self._plan.import_id is None:
            return
        length = int(every.total_seconds() * 1000)
        until = event.at // length * length - 1  # what happened at the instant itself belongs behind it
        before = self._events[-1].at if self._events else progress.last_at
        if before is None or until < before or (progress.reached is not None and until <= progress.reached):
            return
        await self._flush()
        await reached(self._door, self._plan.import_id, key=self._plan.import_key, until=until, ended=False)
        progress.reached = until

    async def _end(self) -> None:
        plan = self._plan
        if plan.import_id is None or plan.keep_open:
            return
        until = clock.now_ms()  # so that what time alone has done since then belongs to the import too: nobody is called
        await reached(self._door, plan.import_id, key=plan.import_key, until=until, ended=True)
        self.report.progress.reached = until

    def _note(self) -> None:
        if self._plan.notes is not None:
            self._plan.notes.write(self._noted)
            self._noted_at = time.monotonic()


async def reached(door: Door, import_id: str, *, key: str, until: int, ended: bool) -> None:
    """Tell the collector that everything of the import before *until* has been sent."""
    body = _encoder.encode({"until": words(until), "ended": ended})
    headers = {"content-type": "application/json", **import_headers(import_id, key)}
    answer = await door.post(f"/v1/imports/{import_id}/reached", body, lambda: headers)
    refuse_other_than_ok(answer)


def import_headers(import_id: str, key: str) -> dict[str, str]:
    return {"X-Leadstream-Import": import_id, "X-Leadstream-Import-Key": key}


def refuse_other_than_ok(answer: Answer) -> None:
    """Raise Misconfigured where the sender is not let in, Refused for any other answer but 200."""
    if answer.status == 200:
        return
    said = str(answer.body.get("message", "")) or f"it answers {answer.status}"
    if answer.status in {401, 403, 404}:
        raise Misconfigured(f"the collector at this address does not let us in: {said}")
    raise Refused(f"the collector refuses this: {said}")


def _judge(report: Report, answer: Answer, events: list[Event]) -> None:
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


def default_import_id(file: str, content: str) -> str:
    """The id of an import: the file's name, for people, and its content, so that sending it again is recognised."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path(file).name.lower())
    while "--" in name:
        name = name.replace("--", "-")
    return f"{name.strip('-')[:40] or 'file'}-{content[:12]}"
