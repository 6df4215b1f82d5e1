"""A client without mercy: keeps sending, sends again what was not answered, and writes down what was answered 200."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import aiohttp

from streams.demo.seal import seal_of
from streams.demo.wire import Request
from streams.settings import Settings

TRIES = 12
PAUSE_S = 0.25
ANSWER_WITHIN_S = 12
UNDER_WAY_MAX = 64
KEPT = 400
"""Answered requests that `send_again` repeats."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and the ids of the events in it; `bad` marks events that no door takes, by what their bodies hold."""

    request: Request
    ids: tuple[str, ...]
    bad: tuple[str, ...] = ()


@dataclass
class People:
    """Who the events are about: browsers, and those of them that say an address sooner or later."""

    chance: random.Random
    count: int
    name: str

    def visitor(self, n: int) -> str:
        return f"{self.name}-v{n}"

    def email(self, n: int) -> str:
        return f"{self.name}-p{n // 2}@firm{n % 97}.example"  # two browsers a person

    def crm_id(self, n: int) -> str:
        return f"{self.name}-c{n // 2}"


class Events:
    """What they do, drawn from a seed. Every event has an id of its own, under which the collector must file it."""

    def __init__(self, seed: int, name: str, people: int) -> None:
        self._chance = random.Random(f"{seed}/{name}")
        self._people = People(self._chance, people, name)
        self._name = name
        self.made = 0

    def next(self) -> Sent:
        drawn = self._chance.random()
        if drawn < 0.82:
            return self._web()
        return self._mail() if drawn < 0.9 else self._sales()

    def _id(self) -> str:
        self.made += 1
        return f"{self._name}-{self.made}"

    def _web(self) -> Sent:
        bodies, ids, bad = [], [], []
        for _ in range(self._chance.randint(1, 24)):
            message = self._id()
            if self._chance.random() < 0.002:
                bodies.append({"type": "page", "messageId": message, "properties": {"marker": message}})  # about nobody
                bad.append(message)
                continue
            call, body = self._call(message)
            bodies.append(body)
            ids.append(derived(f"segment.{call}", message))
        return _sent("segment", "/v1/batch", {"batch": bodies}, ids, bad)

    def _call(self, message: str) -> tuple[str, dict[str, Any]]:
        who = self._chance.randrange(self._people.count)
        own = {"anonymousId": self._people.visitor(who), "messageId": message}
        drawn = self._chance.random()
        if drawn < 0.04:
            traits = {"email": self._people.email(who), "title": self._chance.choice(["VP Sales", "CEO", "Intern"]), "employees": self._chance.choice([12, 120, 5000])}
            user = {"userId": self._people.crm_id(who)} if self._chance.random() < 0.3 else {}
            return "identify", {"type": "identify", "traits": traits, **own, **user}
        if drawn < 0.12:
            name = self._chance.choice(["Ebook Downloaded", "Newsletter Subscribed", "Demo Requested", "Ebook Downloaded"])
            return "track", {"type": "track", "event": name, **own}
        path = self._chance.choice(["/", "/pricing", "/blog/a", "/docs"])
        return "page", {"type": "page", "properties": {"path": path}, **own}

    def _mail(self) -> Sent:
        bodies, ids = [], []
        for _ in range(self._chance.randint(1, 4)):
            who, own = self._chance.randrange(self._people.count), self._id()
            kind = self._chance.choice(["open", "click", "open", "delivered", "unsubscribe"])
            bodies.append({"email": self._people.email(who), "timestamp": int(time.time()), "event": kind, "sg_event_id": own})
            ids.append(derived("sendgrid", own))
        return _sent("sendgrid", "/webhooks/sendgrid", bodies, ids, [])

    def _sales(self) -> Sent:
        who, own = self._chance.randrange(self._people.count), self._id()
        kind = self._chance.choice(["deal_won", "deal_lost", "sales_verdict", "sales_verdict", "meeting_booked"])
        event: dict[str, Any] = {"id": own, "kind": kind, "email": self._people.email(who), "at": int(time.time() * 1000)}
        if self._chance.random() < 0.3:
            event["crm_id"] = self._people.crm_id(who)
        if kind == "sales_verdict":
            event["properties"] = {"verdict": self._chance.choice(["accepted", "rejected", "recycled", "accepted", "rejected", "recycled", "disqualified"])}
        return _sent("events", "/v1/events", {"events": [event]}, [derived("events", "", own)], [])


def derived(*parts: str) -> str:
    """How event ids are promised to be derived; said here again, so that a change there is noticed."""
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _sent(door: Any, path: str, body: Any, ids: list[str], bad: list[str]) -> Sent:
    request = Request(at=0, door=door, path=path, body=json.dumps(body).encode(), good=len(ids), bad=len(bad))
    return Sent(request, tuple(ids), tuple(bad))


@dataclass
class Log:
    """The client's own record: a line an attempt, with what it was answered (0: nothing)."""

    path: Path
    answered: int = 0  # requests answered 200, the first time
    unanswered: int = 0
    latencies: list[tuple[float, float]] = field(default_factory=list)

    def write(self, file: Any, sent: Sent, status: int, began: float) -> None:
        file.write(json.dumps({"at": began, "status": status, "ids": sent.ids, "bad": sent.bad}) + "\n")


class Client:
    """Sends *rate* events a second, from its own thread, until `stop`."""

    def __init__(self, settings: Settings, base: str, log: Path, *, events: Events, rate: float) -> None:
        self._base = base
        self._events = events
        self.rate = rate
        self.log = Log(log)
        self._seal = seal_of(settings, SEED, import_id=None)
        self._kept: deque[Sent] = deque(maxlen=KEPT)
        self._again: deque[Sent] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="client", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End once everything has been answered, or given up."""
        self._stopping.set()
        self._thread.join()

    @property
    def made(self) -> int:
        return self._events.made

    def send_again(self) -> int:
        """Send everything again that was answered lately; return how many requests."""
        kept = list(self._kept)
        self._again.extend(kept)
        return len(kept)

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        room = asyncio.Semaphore(UNDER_WAY_MAX)
        under_way: set[asyncio.Task[None]] = set()
        with self.log.path.open("a") as file:
            async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=UNDER_WAY_MAX)) as session:
                due = time.monotonic()
                while not self._stopping.is_set():
                    for sent in self._due():
                        await room.acquire()
                        task = asyncio.create_task(self._send(session, file, sent, room))
                        under_way.add(task)
                        task.add_done_callback(under_way.discard)
                        due += (len(sent.ids) + len(sent.bad)) / self.rate
                    due = max(due, time.monotonic() - 2.0)
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                if under_way:
                    await asyncio.wait(under_way)

    def _due(self) -> Iterator[Sent]:
        while self._again:
            yield self._again.popleft()
        yield self._events.next()

    async def _send(self, session: aiohttp.ClientSession, file: Any, sent: Sent, room: asyncio.Semaphore) -> None:
        try:
            for attempt in range(TRIES):
                status, began = 0, time.time()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    headers = self._seal.headers(sent.request, now_ms=int(time.time() * 1000))
                    async with session.post(self._base + sent.request.path, data=sent.request.body, headers=headers) as answer:
                        status = answer.status
                        await answer.read()
                self.log.write(file, sent, status, began)
                if status == 200 or (status == 400 and not sent.ids):
                    self.log.answered += 1
                    self.log.latencies.append((began, time.time() - began))
                    self._kept.append(sent)
                    return
                if status not in {0, 408, 429, 500, 502, 503, 504}:
                    raise AssertionError(f"{sent.request.path} was answered {status}")
                await asyncio.sleep(PAUSE_S * (attempt + 1))
            self.log.unanswered += 1
        finally:
            room.release()

