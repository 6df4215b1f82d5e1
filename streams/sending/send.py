"""Sending one file: rows are read, mapped and posted in batches, in the order of the file, one batch at a time.

A batch is noted as sent once the collector has acknowledged it. An import is told how far it has come: at checkpoints,
where asked for, and at its end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from streams import clock
from streams.sending.door import Door, Headers, signed
from streams.sending.history import import_headers, reached
from streams.sending.map_file import refuse_unknown_columns
from streams.sending.mapping import Event, Map, Skipped, Unfit
from streams.sending.report import Problem, Report, judge
from streams.sending.resume import Notebook, Progress
from streams.sending.rows import BrokenRow, Row, Rows, open_rows

EVENTS_PATH: Final = "/v1/events"
BATCH: Final = 500
BATCH_BYTES: Final = 400_000
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
        """Post *events*; a batch that is too large goes in halves, down to the row that is."""
        body = b'{"events":[' + b",".join(bodies) + b"]}"
        answer = await self._door.post(EVENTS_PATH, body, lambda: self._headers(body))
        if answer.status == 413 and len(events) > 1:
            half = len(events) // 2
            await self._post(events[:half], bodies[:half])
            await self._post(events[half:], bodies[half:])
            return
        self.report.progress.sent += len(events)
        if answer.status == 413:
            said = str(answer.body.get("message", "too large for the collector"))
            self.report.add(Problem(line=events[0].line, field="", reason="too_large", detail=said))
            return
        judge(self.report, answer, events)

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
