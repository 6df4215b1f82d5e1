"""Playing traffic through the doors: some requests at once, as many senders do, each until it is answered."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from streams import clock
from streams.demo.seal import Seal
from streams.demo.wire import Request
from streams.errors import Refused
from streams.sending.door import Answer, Door
from streams.sending.report import refuse_other_than_ok

AT_ONCE: Final = 32


@dataclass(slots=True)
class Answered:
    """What the collector said: sent = accepted + rejected."""

    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    requests: int = 0

    def add(self, request: Request, answer: Answer) -> None:
        """Count what became of *request*. Raises Refused where that is not what must become of it."""
        accepted, rejected = _judged(answer)
        if (accepted, rejected) != (request.good, request.bad):
            raise Refused(
                f"{request.path}: the collector accepted {accepted} and rejected {rejected} events of a request with {request.good} usable and "
                f"{request.bad} unusable ones: {answer.body.get('message') or answer.body.get('rejected') or answer.status}"
            )
        self.requests += 1
        self.sent += accepted + rejected
        self.accepted += accepted
        self.rejected += rejected


def _judged(answer: Answer) -> tuple[int, int]:
    """Accepted and rejected events; a body that could not be read at all is one."""
    body: Any = answer.body
    if answer.status in {400, 413} and "accepted" in body:
        return int(body["accepted"]), int(body.get("rejected_count", 1))
    refuse_other_than_ok(answer)
    return int(body.get("accepted", 0)), int(body.get("rejected_count", 0))


async def play(requests: Iterable[Request], door: Door, seal: Seal, *, answered: Answered) -> None:
    """Send *requests* in their order, AT_ONCE under way, and count the answers. Raises Unavailable, Misconfigured, Refused."""
    waiting = iter(requests)

    async def sender() -> None:
        for request in waiting:
            answered.add(request, await send(request, door, seal))

    async with asyncio.TaskGroup() as senders:
        for _ in range(AT_ONCE):
            senders.create_task(sender())


async def send(request: Request, door: Door, seal: Seal) -> Answer:
    """Send one request until it is answered."""
    return await door.post(request.path, request.body, lambda: seal.headers(request, now_ms=clock.now_ms()))
