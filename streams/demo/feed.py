"""The live feed: new visitors now, who look at prices and book a demo, and how long it takes until sales can know."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from processors.email import email_hash
from schemas.touchpoint import EMAIL
from schemas.transition import Transition
from streams import clock
from streams.demo import company
from streams.demo.chance import Chance
from streams.demo.messages import iso
from streams.demo.people import Person, person
from streams.demo.play import Answered, send
from streams.demo.seal import Seal
from streams.demo.watch import Seen
from streams.demo.wire import Request
from streams.sending.door import Door

PAUSE_S: Final = 0.3
PATIENCE_S: Final = 15.0
FIRST_NUMBER: Final = 1_000_000
"""Visitors of the feed are numbered from here on: nobody of the quarter is among them."""


@dataclass(slots=True, kw_only=True)
class Feed:
    """Sends visitors one by one. `on_arrival` is told each transition to a stage, with its latency in seconds."""

    seed: int
    door: Door
    seal: Seal
    identity_key: bytes
    answered: Answered
    on_arrival: Callable[[Person, Transition, float], None] = lambda _person, _transition, _seconds: None
    latencies_s: list[float] = field(default_factory=list)
    _waiting: dict[str, tuple[Person, float]] = field(default_factory=dict)
    _all_seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, visitors: int, seen: Seen) -> None:
        """Let *visitors* come, and return when each is known to sales, or patience is over."""
        seen.listeners.append(self._arrived)
        began = clock.now_ms()  # names the visits of this run, apart from those of a former one
        try:
            for number in range(visitors):
                await self._visit(person(self.seed, FIRST_NUMBER + began % FIRST_NUMBER * 1000 + number))
                await asyncio.sleep(PAUSE_S)
            async with asyncio.timeout(PATIENCE_S):
                while self._waiting:
                    self._all_seen.clear()
                    await self._all_seen.wait()
        except TimeoutError:
            pass  # those that are missing are missing in the latencies, too
        finally:
            seen.listeners.remove(self._arrived)

    async def _visit(self, visitor: Person) -> None:
        chance = visitor.chance.of("live")
        await self._send(visitor, chance, [_page(path) for path in ("/", "/pricing")])
        self._waiting[EMAIL + email_hash(visitor.email, self.identity_key)] = (visitor, time.monotonic())
        request = chance.pick(("Demo Booked", "Contact Form Submitted", "Assessment Ordered"))
        await self._send(visitor, chance.of("form"), [
            {"type": "identify", "traits": visitor.traits()}, {"type": "track", "event": request, "properties": {"form": "live"}},
        ])  # fmt: skip

    async def _send(self, visitor: Person, chance: Chance, calls: list[dict[str, object]]) -> None:
        now = iso(clock.now_ms())
        bodies = [
            {"messageId": f"live-{chance.of(n).name()}", "anonymousId": visitor.devices[0], "timestamp": now, **call}
            for n, call in enumerate(calls)
        ]
        body = msgspec.json.encode({"batch": bodies, "sentAt": now})
        request = Request(at=clock.now_ms(), door="segment", path="/v1/batch", body=body, good=len(bodies))
        self.answered.add(request, await send(request, self.door, self.seal))

    def _arrived(self, transition: Transition) -> None:
        waiting = self._waiting.pop(transition.lead_id, None)
        if waiting is None:
            return
        visitor, asked_at = waiting
        seconds = time.monotonic() - asked_at
        self.latencies_s.append(seconds)
        self.on_arrival(visitor, transition, seconds)
        self._all_seen.set()


def _page(path: str) -> dict[str, object]:
    url = company.SITE + path
    return {"type": "page", "name": path, "properties": {"url": url, "path": path, "title": path, "referrer": "https://www.google.com/"}}
