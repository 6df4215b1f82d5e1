"""What the collector answers: JSON always, an error with `code` and `message`, as libraries that drop on 4xx expect."""

import math
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
from aiohttp import web

from processors.sources.signal import WHOLE_BODY, Adapted, Rejected

JSON: Final = "application/json"
GIF: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")
"""One transparent pixel."""
CODE: Final = web.ResponseKey("code", str)
TELL_MAX: Final = 100
"""Rejections that one answer lists; all of them are counted, and among the dead letters."""
RETRY_AFTER_S: Final = 2


def problem(status: int, code: str, message: str, *, retry_after_s: float = RETRY_AFTER_S, **more: Any) -> web.Response:
    """An error: *code* for machines and metrics, *message* one plain sentence; 429 and 503 say when to send it again."""
    body = msgspec.json.encode({"success": False, "code": code, "message": message, **more})
    headers = {"Content-Type": JSON}
    if status in {429, 503}:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    response = web.Response(status=status, body=body, headers=headers)
    response[CODE] = code
    return response


def code_of(response: web.StreamResponse) -> str | None:
    """The code of the error that *response* is; None: it is none."""
    return response.get(CODE)


def too_fast(who: str, wait_s: float) -> web.Response:
    """429: *who*, as the rest of the sentence says, sends more than is let in."""
    return problem(429, "too_fast", f"more comes from this {who} than is let in; send it again later", retry_after_s=wait_s)


def done(**more: Any) -> web.Response:
    """Exactly 200: some libraries take a 202 or 204 for a failure, and post the same again."""
    return web.Response(body=msgspec.json.encode({"success": True, **more}), headers={"Content-Type": JSON})


def pixel(answer: web.Response) -> web.Response:
    """The picture that a page asked for, where *answer* says that all is well; never from a cache, or it would tell nothing."""
    if answer.status != 200:
        return answer
    return web.Response(body=GIF, headers={"Content-Type": "image/gif", "Cache-Control": "no-store"})


def adapted(outcome: Adapted, *, resends: bool, stops: int | None = None) -> web.Response:
    """What became of a body. 400 where nothing of it could be used, unless its sender *resends* what was refused.

    *stops* is said instead of any refusal, to a sender for whom it means that sending again is of no use.
    """
    accepted, rejected = len(outcome.touchpoints), outcome.rejected
    if not rejected and not outcome.ignored:
        return web.Response(body=_accepted(accepted), headers={"Content-Type": JSON})
    more: dict[str, Any] = {"accepted": accepted}
    if outcome.ignored:
        more["ignored"] = Counter(each.reason for each in outcome.ignored)
    if not rejected:
        return done(**more)
    first = rejected[0]
    if first.index == WHOLE_BODY:
        status = 413 if first.reason == "too_many_events" else 400
        return problem(stops or status, first.reason, first.detail, field=first.field, **more)
    more |= {"rejected": [_told(each) for each in rejected[:TELL_MAX]], "rejected_count": len(rejected)}
    if accepted or outcome.ignored or resends:
        return done(**more)
    return problem(stops or 400, first.reason, first.detail, field=first.field, **more)


def _told(each: Rejected) -> Mapping[str, Any]:
    return {"index": each.index, "field": each.field, "reason": each.reason, "detail": each.detail}


@lru_cache(maxsize=1024)
def _accepted(events: int) -> bytes:
    return msgspec.json.encode({"success": True, "accepted": events})
