"""A client that costs little: prebuilt requests over keep-alive connections, closed loop or at a rate.

    python -m tests.bench.load --port 8080 --key k --events 100000 --batch 1 --connections 64

Prints one JSON object. At a rate, a request's latency counts from when it was due, also where it had to wait for a connection.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import uvloop

LENGTH = b"Content-Length: "
DEMO_EVERY = 10
"""One event in so many is a demo booked by a visitor of his own: a transition follows."""


class Connection(asyncio.Protocol):
    """Sends one request at a time; tells when its answer is there."""

    def __init__(self, answered: Callable[["Connection", int], None]) -> None:
        self._answered = answered
        self._received = b""
        self.transport: Any = None  # uvloop's own, which is no asyncio.Transport by name
        self.due = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        place = head.find(LENGTH)
        length = int(head[place + len(LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(body) >= length:
            self._received = b""
            self._answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def requests(key: str, events: int, batch: int, name: str) -> Iterator[bytes]:
    """Whole requests of *batch* events each, every event another one."""
    head = "POST /v1/{call}?writeKey=" + key + " HTTP/1.1\r\nHost: collector\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    for first in range(0, events, batch):
        body = ",".join(event(name, n) for n in range(first, min(events, first + batch)))
        body, call = (f'{{"batch":[{body}]}}', "batch") if batch > 1 else (body, "page" if first % DEMO_EVERY else "track")
        yield (head.format(call=call, length=len(body)) + body).encode()


def event(name: str, n: int) -> str:
    """What a library sends of an event: a page seen, or a demo booked."""
    demo = n % DEMO_EVERY == 0
    visitor = f"{name}-d{n}" if demo else f"{name}-{n % 5_000}"
    what = '"type":"track","event":"Demo Booked"' if demo else '"type":"page","name":"Pricing"'
    return (
        f'{{{what},"messageId":"{name}-{n}","anonymousId":"{visitor}","properties":{{"url":"https://www.example.com/pricing?utm_source=news&utm_medium=email&utm_campaign=spring",'
        f'"path":"/pricing","title":"Pricing"}},"context":{{"library":{{"name":"analytics.js","version":"2.1"}},"page":{{"path":"/pricing","referrer":"https://www.google.com/"}}}}}}'
    )


async def load(host: str, port: int, prepared: Iterator[bytes], *, connections: int, rate: float | None) -> dict[str, object]:
    """Send all; return the statuses, the latencies and how long it took."""
    loop = asyncio.get_running_loop()
    idle, waiting = deque[Connection](), deque[tuple[bytes, float]]()
    latencies, statuses = list[float](), dict[int, int]()
    under_way, ended, done = 0, False, asyncio.Event()

    def answered(connection: Connection, status: int) -> None:
        nonlocal under_way
        under_way -= 1
        latencies.append(time.perf_counter() - connection.due)
        statuses[status] = statuses.get(status, 0) + 1
        following(connection)

    def following(connection: Connection) -> None:
        nonlocal ended, under_way
        now = time.perf_counter()
        if waiting:
            request, due = waiting.popleft()
        elif rate is None and (some := next(prepared, None)) is not None:
            request, due = some, now
        else:
            ended = ended or rate is None
            idle.append(connection)
            if ended and under_way == 0:
                done.set()
            return
        under_way += 1
        connection.send(request, due)

    made = [(await loop.create_connection(lambda: Connection(answered), host, port))[1] for _ in range(connections)]
    began = time.perf_counter()
    if rate is None:
        for connection in made:
            following(connection)
    else:
        idle.extend(made)
        for n, request in enumerate(prepared):
            due = began + n / rate
            if (ahead := due - time.perf_counter()) > 0.001:
                await asyncio.sleep(ahead)
            waiting.append((request, due))
            if idle:
                following(idle.popleft())
        ended = True
        if not under_way and not waiting:
            done.set()
    while not done.is_set():
        if any(connection.lost for connection in made):
            raise SystemExit("a connection was lost")
        try:
            await asyncio.wait_for(done.wait(), 1.0)
        except TimeoutError:
            continue
    took = time.perf_counter() - began
    latencies.sort()
    told = {f"p{share}_ms": 1000 * latencies[min(len(latencies) - 1, len(latencies) * share // 100)] for share in (50, 99)}
    return {"seconds": took, "requests": len(latencies), "statuses": statuses, **told, "max_ms": 1000 * latencies[-1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True, help="the write key")
    parser.add_argument("--name", default="load", help="begins the ids of all events")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1, help="events in one request (%(default)s)")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, help="requests a second (default: as fast as they are answered)")
    asked = parser.parse_args()
    prepared = requests(asked.key, asked.events, asked.batch, asked.name)
    if asked.rate is None:
        prepared = iter(list(prepared))  # made before the clock runs
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(load(asked.host, asked.port, prepared, connections=asked.connections, rate=asked.rate))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
