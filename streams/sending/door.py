"""One door of the collector: posts a body until it is answered, with patience for a collector that is busy or away."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

import aiohttp
import msgspec

from processors.sources.events import ID, SIGNATURE, TIMESTAMP
from processors.sources.signatures import standard_key, standard_signature
from streams.errors import Misconfigured, Unavailable

PATIENCE: Final = timedelta(minutes=5)
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
_REQUEST_S: Final = 60
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same body may be sent again: all others stay what they are."""

Headers: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the collector said; the body as JSON, empty where it was none."""

    status: int
    body: Mapping[str, Any]


@dataclass(slots=True)
class Door:
    """Posts to the collector at `base`. `on_wait` is told why, and for how long, each time it waits."""

    session: aiohttp.ClientSession
    base: str
    patience: timedelta = PATIENCE
    on_wait: Callable[[str, float], None] = lambda _why, _seconds: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    retries: int = field(default=0, init=False)

    async def post(self, path: str, body: bytes, headers: Callable[[], Headers]) -> Answer:
        """Post *body* until it is answered; *headers* are made anew for each try. Raises Unavailable, patience over."""
        waited = timedelta()
        pause = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            answer, why, wanted = await self._try(path, body, headers())
            waited += timedelta(seconds=time.monotonic() - began)
            if answer is not None:
                return answer
            if waited >= self.patience:
                raise Unavailable(f"the collector at {self.base} {why}, for {self.patience.total_seconds():.0f} s now: is it running, and is that its address?")
            seconds = min(max(wanted, pause), LONGEST_PAUSE_S, max((self.patience - waited).total_seconds(), 0.1))
            self.on_wait(why, seconds)
            self.retries += 1
            await self.sleep(seconds)
            waited += timedelta(seconds=seconds)
            pause *= 2

    async def _try(self, path: str, body: bytes, headers: Headers) -> tuple[Answer | None, str, float]:
        """One try: the answer, or why there is none and how long to wait at least."""
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        try:
            async with self.session.post(self.base + path, data=body, headers=headers, timeout=timeout) as response:
                said = await response.read()
                if response.status in _AGAIN:
                    return None, f"answers {response.status}", _seconds(response.headers.get("Retry-After"))
                return Answer(response.status, _json(said)), "", 0.0
        except aiohttp.InvalidURL as error:
            raise Misconfigured(f"{self.base}: is no address of a collector; write it as http://127.0.0.1:8080") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return None, f"does not answer ({type(error).__name__})", 0.0


def signed(body: bytes, *, secret: str, now_ms: int) -> dict[str, str]:
    """The headers by which the door for signed events knows *body*. The id is the body's own: a re-send has the same."""
    key = standard_key(secret)
    if key is None:
        raise Misconfigured("LEADSTREAM_EVENTS_SECRET: must be whsec_ and base64, as the collector has it")
    message_id = "msg_" + hashlib.blake2b(body, digest_size=16).hexdigest()
    timestamp = str(now_ms // 1000)
    signature = standard_signature(body, message_id, timestamp, key=key)
    return {"content-type": "application/json", ID: message_id, TIMESTAMP: timestamp, SIGNATURE: signature}


def _seconds(retry_after: str | None) -> float:
    """What Retry-After asks for; dates are seldom and mean nothing here."""
    try:
        return max(0.0, float(retry_after or 0))
    except ValueError:
        return 0.0


def _json(said: bytes) -> dict[str, Any]:
    try:
        read = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return read if isinstance(read, dict) else {}
