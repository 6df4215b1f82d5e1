"""A collector for tests: with a box that keeps what it is handed, or with a real one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from schemas.avro import decode_dead_letter, decode_touchpoint
from streams import health, topics
from streams.collect import application, operators, runner_of
from streams.errors import Unavailable
from streams.settings import Settings

NOW = 1_795_298_200_000
KEY = "a-write-key"


class KeptBox:
    """An outbox that keeps every record it acknowledges. `away` says why it takes none; `failures` come first, in order."""

    def __init__(self):
        self.records = []
        self.attempts = []
        self.problem = None
        self.given_up = False
        self.failures = []
        self.gate = None

    async def deliver(self, records):
        self.attempts.append(list(records))
        if self.gate is not None:
            await self.gate.wait()
        if self.problem is not None:
            raise Unavailable(self.problem)
        if self.failures:
            raise self.failures.pop(0)
        self.records += records

    def touchpoints(self):
        return [decode_touchpoint(value) for topic, _, _, value in self.records if not topic.endswith(topics.DEAD_LETTERS)]

    def dead_letters(self):
        return [decode_dead_letter(value) for topic, _, _, value in self.records if topic.endswith(topics.DEAD_LETTERS)]


@dataclass
class Served:
    """A running collector: its address, its box, and a client without manners."""

    address: str
    ops: str
    box: KeptBox
    client: aiohttp.ClientSession
    stopping: asyncio.Event
    headers: dict[str, str] = field(default_factory=dict)

    async def post(self, path, data=b"", *, headers=None, **more):
        async with self.client.post(self.address + path, data=data, headers=headers, **more) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def ask(self, method, path, headers=None):
        return await self._ask(method, self.address + path, headers)

    async def ask_ops(self, path):
        return await self._ask("GET", self.ops + path, None)

    async def _ask(self, method, url, headers):
        async with self.client.request(method, url, headers=headers) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, await answer.read())


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        import json

        assert self.headers.get("Content-Type", self.headers.get("content-type")) == "application/json"
        return json.loads(self.body)


@asynccontextmanager
async def served(*, box=None, now=lambda: NOW, **settings) -> AsyncIterator[Served]:
    """The collector's whole application, before a box that keeps."""
    box = box or KeptBox()
    chosen = Settings.local(**{"write_keys": frozenset({KEY}), **settings})
    stopping = asyncio.Event()
    runner, operating = runner_of(application(chosen, box, stopping, now=now)), runner_of(operators(box, stopping))
    await runner.setup()
    await operating.setup()
    try:
        ops = await health.listen(operating, "127.0.0.1", 0, setting="LEADSTREAM_OPS_PORT")
        address = await health.listen(runner, "127.0.0.1", 0, setting="LEADSTREAM_COLLECTOR_PORT")
        async with aiohttp.ClientSession(auto_decompress=False, headers={"User-Agent": "a sender"}) as client:
            yield Served(address, ops, box, client, stopping)
    finally:
        await runner.cleanup()
        await operating.cleanup()
