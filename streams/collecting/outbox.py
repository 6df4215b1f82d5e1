"""What the collector has accepted, on its way into Kafka: batched across requests, bounded, acknowledged by all replicas.

One idempotent producer for the process. While a partition's batch is under way the next one fills, so batches grow with
the load and an idle collector adds no wait but the linger. aiokafka's own `send` would cost a future and a task switch
per record, and it repeats for ever what it once took: what may be repeated is bounded here, by bytes.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams import metrics
from streams.errors import Misconfigured, Unavailable
from streams.kafka import Output, new_producer, refuse_giant, started
from streams.topics import other_counts

log = logging.getLogger(__name__)

RECORD_OVERHEAD: Final = 128
"""Bytes that a waiting record costs beside its value, about."""
LINGER_S: Final = 0.002
PROBE_EVERY_S: Final = 1.0
PROBE_WITHIN_S: Final = 2.0
RECONNECT_AFTER_S: Final = 0.5
REQUEST_TIMEOUT_MS: Final = 5_000
"""Until a broker that is frozen, not gone, counts as gone: the connection is closed and everything tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much may wait for acknowledgement, and for how long a request waits for its own."""

    bytes_max: int
    ack_timeout_s: float
    linger_s: float = LINGER_S
    flush_within_s: float = 5.0


class _Delivery:
    """The records of one request: done when every batch that holds some of them is acknowledged."""

    __slots__ = ("batches", "done")

    def __init__(self, done: asyncio.Future[None]) -> None:
        self.done = done
        self.batches = 0

    def expire(self, after_s: float) -> None:
        if not self.done.done():
            self.done.set_exception(Unavailable(f"Kafka has not acknowledged within {after_s:g} s"))

    def settle(self, error: Unavailable | None) -> None:
        self.batches -= 1
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(error)
        elif not self.batches:
            self.done.set_result(None)


class _Batch:
    """Records of one partition, from any number of requests."""

    __slots__ = ("builder", "bytes", "deliveries")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.bytes = 0
        self.deliveries: list[_Delivery] = []


class _Log:
    """One partition: batches that are full, the one that fills, and whether one is under way."""

    __slots__ = ("filling", "full", "partition", "sending", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.full: deque[_Batch] = deque()
        self.filling: _Batch | None = None
        self.sending = False

    def append(self, producer: AIOKafkaProducer, key: bytes | None, value: bytes) -> _Batch:
        batch = self.filling
        if batch is not None and batch.builder.append(timestamp=None, key=key, value=value) is not None:
            return batch
        if batch is not None:
            self.full.append(batch)
        batch = self.filling = _Batch(producer.create_batch())
        batch.builder.append(timestamp=None, key=key, value=value)
        return batch

    def take(self) -> _Batch | None:
        if self.full:
            return self.full.popleft()
        batch, self.filling = self.filling, None
        return batch


class Outbox:
    """Takes records while Kafka does. `problem` is the sentence that says why it does not, or None."""

    def __init__(self, bootstrap: str, topics: Mapping[str, int], limits: Limits) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._limits = limits
        self._producer: AIOKafkaProducer | None = None
        self._logs: dict[tuple[str, int], _Log] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._acked_at = 0.0
        self._bytes = 0
        self._took = False
        self.problem: str | None = f"Kafka at {bootstrap}: connecting"
        self.refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # raises why it can never work
        self.given_up = False  # by a bug: only a restart helps

    async def deliver(self, records: Sequence[Output]) -> None:
        """Return once all replicas in sync have every one of *records*; raise Unavailable where that is not known.

        Then some may be in Kafka nevertheless, and will be twice when they are sent again: their ids are equal.
        """
        producer = self._producer
        if producer is None or self.problem is not None:
            raise Unavailable(self.problem or "Kafka is being connected")
        size = sum(len(value or b"") + RECORD_OVERHEAD for _, _, _, value in records)
        if self._bytes + size > self._limits.bytes_max:
            raise Unavailable("more records wait for Kafka than memory is set aside for")
        delivery = _Delivery(asyncio.get_running_loop().create_future())
        started = time.monotonic()
        for topic, partition, key, value in records:
            assert value is not None
            refuse_giant(topic, partition, value)
            self._add(producer, (topic, partition), key, value=value, delivery=delivery)
        deadline = asyncio.get_running_loop().call_later(self._limits.ack_timeout_s, delivery.expire, self._limits.ack_timeout_s)
        try:
            await delivery.done
        finally:
            deadline.cancel()
        metrics.ACK_SECONDS.observe(time.monotonic() - started)

    def _add(self, producer: AIOKafkaProducer, tp: tuple[str, int], key: bytes | None, *, value: bytes, delivery: _Delivery) -> None:
        way = self._logs.get(tp)
        if way is None:
            way = self._logs[tp] = _Log(*tp)
        batch = way.append(producer, key, value)
        batch.bytes += len(value) + RECORD_OVERHEAD
        self._bytes += len(value) + RECORD_OVERHEAD
        if not batch.deliveries or batch.deliveries[-1] is not delivery:
            batch.deliveries.append(delivery)
            delivery.batches += 1
        if not way.sending:
            way.sending = True
            task = asyncio.get_running_loop().create_task(self._send(producer, way))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, producer: AIOKafkaProducer, way: _Log) -> None:
        """Send a partition's batches, one after the other, until none is left."""
        batch: _Batch | None = None
        try:
            await asyncio.sleep(self._limits.linger_s)
            while (batch := way.take()) is not None:
                batch.builder.close()
                await (await producer.send_batch(batch.builder, way.topic, partition=way.partition))
                self._acked_at = time.monotonic()
                metrics.WRITTEN.labels(way.topic).inc(batch.builder.record_count())
                self._settle(batch, None)
            way.sending = False
        except (KafkaError, AssertionError, asyncio.CancelledError) as error:  # it asserts that a partition exists
            if batch is not None:
                way.full.appendleft(batch)
            self._lose(way, f"Kafka did not take the records: {type(error).__name__}")
            self._broken.set()

    def _settle(self, batch: _Batch, error: Unavailable | None) -> None:
        self._bytes -= batch.bytes
        for delivery in batch.deliveries:
            delivery.settle(error)

    def _lose(self, way: _Log, why: str) -> None:
        """Tell every request with records here that they are not known to be in Kafka."""
        while (batch := way.take()) is not None:
            self._settle(batch, Unavailable(why))

    async def keep_connected(self) -> None:
        """Connect, and connect again whenever the connection or the producer is of no more use; until cancelled."""
        while True:
            producer = new_producer(self._bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
            try:
                await started(producer.start())
                await self._serve(producer)
            except (KafkaError, OSError) as error:
                self._say(f"Kafka at {self._bootstrap} does not answer ({type(error).__name__})")
            finally:
                await self._let_go(producer)
            await asyncio.sleep(RECONNECT_AFTER_S)

    async def _serve(self, producer: AIOKafkaProducer) -> None:
        """Take records for *producer* until it breaks; look once a second whether Kafka is there, if nothing else shows it."""
        self._broken.clear()
        while not self._broken.is_set():
            if self._producer is None or time.monotonic() - self._acked_at > PROBE_EVERY_S:
                self._say(await self._probe(producer))
                if self.problem is None:
                    self._producer, self._took = producer, True
            else:
                self._say(None)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._broken.wait(), PROBE_EVERY_S)

    async def _probe(self, producer: AIOKafkaProducer) -> str | None:
        """Ask for the topics. Says what is wrong, already while an answer is overdue."""
        asked = asyncio.ensure_future(producer.client.fetch_all_metadata())
        try:
            await asyncio.wait({asked}, timeout=PROBE_WITHIN_S)
            if not asked.done():
                self._say(f"Kafka at {self._bootstrap} has not answered for {PROBE_WITHIN_S:g} s")
            found = await asked
        except KafkaError as error:
            return f"Kafka at {self._bootstrap} does not answer ({type(error).__name__})"
        finally:
            asked.cancel()
        counts = {topic: len(found.partitions_for_topic(topic) or ()) for topic in self._topics}
        if wrong := other_counts({topic: count for topic, count in counts.items() if count}, self._topics):
            # Only an operator can mend it. At the start he is told by our end; later our answers of 503 do, for what he
            # did to a running installation he may undo, and then it goes on.
            if not self._took:
                raise Misconfigured(wrong)
            return wrong
        if missing := [topic for topic, count in counts.items() if not count]:
            return f"Kafka at {self._bootstrap} lacks topics: {', '.join(missing)}; create them with: leadstream topics"
        return None

    async def _let_go(self, producer: AIOKafkaProducer) -> None:
        """Stop *producer*, waiting for what is under way if it still can arrive."""
        self._producer = None
        if self._tasks and self.problem is None and not self._broken.is_set():
            await asyncio.wait(self._tasks, timeout=self._limits.flush_within_s)
        self.problem = self.problem or "Kafka is being connected again"
        for task in list(self._tasks):
            task.cancel()
        for way in self._logs.values():
            self._lose(way, "the connection to Kafka was given up before it acknowledged")
        self._logs = {}
        await _stop(producer)

    def _say(self, problem: str | None) -> None:
        """Note what is wrong; log it when it changes."""
        if problem != self.problem:
            log.log(logging.WARNING if problem else logging.INFO, "%s", problem or f"Kafka at {self._bootstrap} takes records")
        self.problem = problem
        metrics.BROKER_UP.set(problem is None)


@asynccontextmanager
async def outbox(bootstrap: str, topics: Mapping[str, int], limits: Limits) -> AsyncIterator[Outbox]:
    """An outbox, connected and kept so as long as the context lives; at its end what is under way is waited for."""
    box = Outbox(bootstrap, topics, limits)
    keeper = asyncio.create_task(box.keep_connected())

    def gave_up(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(wrong := task.exception(), Misconfigured):
            box.problem = str(wrong)
            box.refused.set_exception(wrong)
        elif not task.cancelled():
            box.given_up = True
            log.critical("the connection to Kafka was given up by a bug: %s; restart this process", type(task.exception()).__name__)

    keeper.add_done_callback(gave_up)
    try:
        yield box
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})
        if not box.refused.cancel():
            box.refused.exception()  # whether or not somebody has asked


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop *producer* in bounded time: with the broker away, its own stop would flush for ever."""
    sender = producer._sender.sender_task  # noqa: SLF001 - nothing public ends it
    if sender is not None and not sender.done():
        sender.cancel()
        await asyncio.wait({sender}, timeout=1)
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(2):
            await producer.stop()
