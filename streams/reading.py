"""Reading topics outside any group: from where to where, or on and on, in batches ordered by time."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from streams import topics
from streams.broker import require_topics
from streams.errors import Unavailable
from streams.kafka import started

PATIENCE: Final = timedelta(seconds=2)
FETCH_BYTES: Final = 4 * 1024 * 1024
POLL_MS: Final = 300
"""How long a fetch waits for news: a person at a terminal does not notice, the broker hardly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where to begin in each partition: at `since` (ms), `last` records before the end, or else at the beginning."""

    since: int | None = None
    last: int | None = None


BEGINNING: Final = Start()


async def require(bootstrap: str, wanted: Collection[str] = ()) -> None:
    """Raise Misconfigured for a topic that does not exist, Unavailable where no broker answers within `PATIENCE`."""
    await require_topics(bootstrap, wanted, patience=PATIENCE)


@asynccontextmanager
async def reader(bootstrap: str, wanted: Collection[str]) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer of no group. Raises Misconfigured for a topic that does not exist, Unavailable."""
    await require(bootstrap, wanted)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=FETCH_BYTES, fetch_max_wait_ms=POLL_MS,
    )  # fmt: skip
    try:
        await _start(consumer, bootstrap)
        yield consumer
    except KafkaError as error:  # nothing else: what a caller prints may meet a closed pipe
        raise Unavailable(f"Kafka at {bootstrap} stopped answering: {type(error).__name__}") from error
    finally:
        await consumer.stop()


async def _start(consumer: AIOKafkaConsumer, bootstrap: str) -> None:
    try:
        await started(consumer.start())
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {type(error).__name__}") from error


def partitions_of(names: topics.Names, wanted: Collection[str]) -> list[TopicPartition]:
    """Every partition of the topology's topics in *wanted*, under their names here."""
    return [
        TopicPartition(names.topic(topic), partition)
        for topic in wanted
        for partition in range(topics.BY_NAME[topic].partitions)
    ]


async def read(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], *, start: Start = BEGINNING, follow: bool = False
) -> AsyncIterator[list[ConsumerRecord]]:
    """Yield what *partitions* hold, batch after batch, each in the order of time: to the end as of now, or for ever."""
    consumer.assign(list(partitions))
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(list(partitions))
    await _position(consumer, partitions, start=start, ends=ends)
    left = set(partitions) if follow else await _unread(consumer, partitions, ends)
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=POLL_MS)
        batch = [record for tp, records in fetched.items() for record in records if follow or record.offset < ends[tp]]
        if batch:
            yield sorted(batch, key=lambda record: (record.timestamp, record.topic, record.partition, record.offset))
        if not follow:
            left = await _unread(consumer, left, ends)


async def _position(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], *, start: Start, ends: Mapping[TopicPartition, int]
) -> None:
    first: Mapping[TopicPartition, int] = await consumer.beginning_offsets(list(partitions))
    at = dict(first)
    if start.since is not None:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, start.since))
        at = {tp: ends[tp] if found.get(tp) is None else found[tp].offset for tp in partitions}
    elif start.last is not None:
        at = {tp: max(first[tp], ends[tp] - start.last) for tp in partitions}
    for tp, offset in at.items():
        consumer.seek(tp, offset)


async def _unread(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition], ends: Mapping[TopicPartition, int]
) -> set[TopicPartition]:
    return {tp for tp in partitions if await consumer.position(tp) < ends[tp]}
