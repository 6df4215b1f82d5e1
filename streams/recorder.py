"""Rows on their way into ClickHouse: what all shards of `deliver` have handed over, written together about once a second.

ClickHouse wants few large inserts, Kafka has sixty partitions: so the shards fill one load, and a load is one insert a
table. While one load is being written the next fills; a shard commits its offset when the load that holds its last row
is written. At most two loads are held, so a ClickHouse that is away stops the reading, not the machine.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from aiokafka.structs import ConsumerRecord

from sinks import errors as sinks
from sinks.clickhouse import ClickHouse
from sinks.load import Load, Refusal
from sinks.migrate import migrate
from sinks.rows import Row, Table
from streams.errors import Misconfigured, StreamsError, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """When a load is written: so long after its first row, or sooner when it is full."""

    write_every: timedelta = timedelta(milliseconds=700)  # rows are to be seen two seconds after the event
    rows_max: int = 50_000
    bytes_max: int = 64 << 20  # of the records; the rows made of them take about four times as much
    retry_first: timedelta = timedelta(milliseconds=200)
    retry_longest: timedelta = timedelta(seconds=5)


class Recorder:
    """Shared by the shards of one process. Its methods raise Unavailable while ClickHouse is away, and Misconfigured."""

    def __init__(self, connect: Callable[[], ClickHouse], bounds: Bounds) -> None:
        self._bounds: Final = bounds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="clickhouse")
        self._client = connect()  # used in that thread only
        self._migrating = asyncio.Lock()
        self._migrated = False
        self._filling: Load[ConsumerRecord] = Load()
        self._number = 1  # of the load that is filling
        self._bytes = 0
        self._written = 0  # loads, up to this one
        self._refusals: WeakKeyDictionary[object, list[Refusal[ConsumerRecord]]] = WeakKeyDictionary()
        self._trouble: str | None = None
        self._failure: BaseException | None = None
        self._begun = asyncio.Event()  # the load has its first row
        self._full = asyncio.Event()
        self._news = asyncio.Event()  # replaced at each change; see `_until`

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write loads for as long as the context lasts; what is not written at its end will be handled again."""
        writing = asyncio.create_task(self._write_on(), name="recorder")
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            self._thread.submit(self._client.close)
            self._thread.shutdown(wait=False)

    async def ready(self) -> None:
        """Return once the tables are as this release needs them."""
        async with self._migrating:
            if self._migrated:
                return
            try:
                applied = await self._in_thread(lambda: migrate(self._client))
            except sinks.SinkError as error:
                raise _named(error) from error
            self._migrated = True
            if applied:
                log.info("ClickHouse database %s: applied migrations %s", self._client.database, applied)

    async def room(self) -> None:
        """Return once the load that is filling takes more rows."""
        await self._until(lambda: not self._full.is_set())

    def put(self, table: Table, rows: Sequence[Row], records: Sequence[ConsumerRecord], *, owner: object) -> int:
        """Take *rows*, made of *records*, for *owner*. Return the number of their load. Ask for `room` before."""
        self._filling.add(table, rows, records, owner=owner)
        self._bytes += sum(len(record.value) for record in records)
        return self._filled()

    def forget(self, lead_id: str, offset: int) -> int:
        """Delete the lead's profile as of a tombstone at this offset of leads.profiles. Return the number of its load."""
        self._filling.forget(lead_id, offset)
        return self._filled()

    async def written(self, load: int) -> None:
        """Return once ClickHouse has acknowledged the load of this number."""
        await self._until(lambda: self._written >= load)

    def refusals(self, owner: object) -> list[Refusal[ConsumerRecord]]:
        """Hand over, once, the owner's records whose rows were refused in the loads written so far."""
        return self._refusals.pop(owner, [])

    def _filled(self) -> int:
        self._begun.set()
        if self._filling.size >= self._bounds.rows_max or self._bytes >= self._bounds.bytes_max:
            self._full.set()
        return self._number

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            if self._failure is not None:
                raise self._failure
            if self._trouble is not None:
                raise Unavailable(self._trouble)
            await self._news.wait()

    def _tell(self) -> None:
        """Wake all who wait: something has changed."""
        self._news.set()
        self._news = asyncio.Event()

    async def _write_on(self) -> None:
        try:
            while True:
                await self._begun.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._bounds.write_every.total_seconds()):
                        await self._full.wait()
                load = self._next_load()
                await self._write(load)
        except Exception as error:  # noqa: BLE001 - raised where the shards wait, and ends the process there
            self._failure = error
            self._tell()

    def _next_load(self) -> Load[ConsumerRecord]:
        """Take the load that was filling, and let the next one fill."""
        load, self._filling = self._filling, Load()
        self._number += 1
        self._bytes = 0
        self._begun.clear()
        self._full.clear()
        self._tell()
        return load

    async def _write(self, load: Load[ConsumerRecord]) -> None:
        """Write *load*, however long ClickHouse is away."""
        pause = self._bounds.retry_first
        while True:
            try:
                await self.ready()
                await self._in_thread(lambda: load.write(self._client))
            except (Unavailable, sinks.Unavailable) as away:
                self._trouble = str(away)
                self._tell()
                await asyncio.sleep(pause.total_seconds())
                pause = min(2 * pause, self._bounds.retry_longest)
            except sinks.SinkError as error:
                raise _named(error) from error
            else:
                break
        for refusal in load.refusals:
            self._refusals.setdefault(refusal.owner, []).append(refusal)
        self._trouble = None
        self._written += 1
        self._tell()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _named(error: sinks.SinkError) -> StreamsError:
    """The same outcome in this package's words."""
    return Unavailable(str(error)) if isinstance(error, sinks.Unavailable) else Misconfigured(str(error))
