"""`POST /v1/imports/{id}/reached`: an import's sender says how far it has come, and every log of touchpoints is told."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from processors.sources import import_marks, instants
from processors.sources.json_bodies import decode_one
from processors.sources.signal import Unusable
from schemas.avro import encode_touchpoint
from streams import topics
from streams.collecting import answers
from streams.collecting.intake import Intake, count, import_key_wanted
from streams.collecting.outbox import Outbox
from streams.errors import Unavailable
from streams.kafka import Output
from streams.topics import Names

DOOR: Final = "imports"
PATH: Final = "/v1/imports/{import_id}/reached"


class _Reached(msgspec.Struct):
    until: Any = None
    ended: bool = False


_decoder = msgspec.json.Decoder(_Reached)


class Imports:
    """Writes the marks; what was sent before is acknowledged, so each mark lies behind it in its log."""

    def __init__(self, intake: Intake, box: Outbox, names: Names, *, now: Callable[[], int]) -> None:
        self._intake = intake
        self._box = box
        self._names = names
        self._now = now

    async def reached(self, request: web.Request) -> web.Response:
        """Answer 200 once the mark is acknowledged in every partition of every topic of touchpoints."""
        answer = self._intake.too_fast(request) or await self._reached(request)
        count(DOOR, answer)
        return answer

    async def _reached(self, request: web.Request) -> web.Response:
        if not self._intake.may_import(request):
            return import_key_wanted()
        try:
            import_id = import_marks.import_id(request.match_info["import_id"])
            said = decode_one(_decoder, await request.read())
            until = self._until(said.until)
        except web.HTTPRequestEntityTooLarge:
            return answers.problem(413, "too_large", "body: holds until and ended, no more", field="body")
        except Unusable as problem:
            return answers.problem(400, problem.reason, problem.detail, field=problem.field)
        records = self._marks(import_id, until, ended=said.ended)
        try:
            await self._box.deliver(records)
        except Unavailable as error:
            return answers.problem(503, "unavailable", f"{error}; send it again")
        return answers.done(import_id=import_id, until=until, ended=said.ended, logs=len(records))

    def _until(self, said: object) -> int:
        until = instants.read(said)
        if until is None:
            raise Unusable("until", "no_instant", "until: must be an instant such as 2024-05-01T12:00:00Z: all before it has been sent")
        if not instants.EARLIEST <= until <= self._now() + instants.AHEAD_MAX_MS:
            raise Unusable("until", "impossible_instant", "until: must lie between the year 2000 and now")
        return until

    def _marks(self, import_id: str, until: int, *, ended: bool) -> list[Output]:
        marks: list[Output] = []
        for name in topics.TOUCHPOINTS:
            for partition in range(topics.BY_NAME[name].partitions):
                mark = import_marks.mark(import_id, until, ended=ended, log=f"{name}[{partition}]")
                marks.append((self._names.topic(name), partition, None, encode_touchpoint(mark)))
        return marks
