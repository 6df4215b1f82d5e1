"""A look, once before a process starts, at the newest records of what it reads: are they of a newer release?

One record that cannot be read is poison and goes to the dead letters. But where the writers of a topic have been upgraded
before its readers, all that comes is of that kind, and draining it there would be no service to anyone.
"""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from streams.errors import Misconfigured
from streams.kafka import started
from streams.lane.hop import Hop

log = logging.getLogger(__name__)

BACK: Final = 8
"""Offsets to step back from a log's end: the last ones may be a transaction's markers."""
FETCH_BYTES: Final = 64 * 1024  # a larger batch comes whole
WITHIN_S: Final = 3.0
SEEN_MIN: Final = 2  # records, or one that went astray would stop a topic that is hardly used


async def refuse_newer(bootstrap: str, hops: Collection[Hop], *, partitions: Mapping[str, int]) -> None:
    """Raise Misconfigured where every partition's newest record of a topic is of one and the same newer schema.

    *partitions*: how many each topic has. A broker that does not answer in time is no reason not to start.
    """
    tps = [TopicPartition(topic, p) for hop in hops for topic in hop.topics for p in range(partitions[topic])]
    try:
        tails = await _tails(bootstrap, list(dict.fromkeys(tps)))
    except (KafkaError, OSError) as error:
        log.info("the newest records could not be looked at: %s", type(error).__name__)
        return
    for hop in hops:
        for topic in hop.topics:
            _refuse(hop, topic, [values for tp, values in tails.items() if tp.topic == topic])


def _refuse(hop: Hop, topic: str, tails: Collection[list[bytes | None]]) -> None:
    named = {hop.newer(values[-1]) for values in tails}
    if len(named) != 1 or (found := named.pop()) is None:
        return
    if sum(hop.newer(value) == found for values in tails for value in values) >= SEEN_MIN:
        raise Misconfigured(
            f"{topic} is being written under {found}, which this release does not know: a newer release writes it. Upgrade "
            f"what reads it, such as the hop {hop.name} here, before what writes it; or let this release write it again"
        )


async def _tails(bootstrap: str, tps: Collection[TopicPartition]) -> dict[TopicPartition, list[bytes | None]]:
    """Return the values of the last few records of each partition, those left out that have none, or none in time."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", max_partition_fetch_bytes=FETCH_BYTES,
        request_timeout_ms=int(WITHIN_S * 1000),
    )  # fmt: skip
    try:
        await started(consumer.start())
        consumer.assign(tps)
        firsts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        wanted = {tp for tp in tps if firsts[tp] < ends[tp]}
        if not wanted:
            return {}
        consumer.assign(wanted)
        for tp in wanted:
            consumer.seek(tp, max(firsts[tp], ends[tp] - BACK))
        return await _read(consumer, wanted, ends)
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, wanted: set[TopicPartition], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[bytes | None]]:
    read: dict[TopicPartition, list[bytes | None]] = {}
    until = time.monotonic() + WITHIN_S
    while wanted and time.monotonic() < until:
        for tp, records in (await consumer.getmany(*wanted, timeout_ms=100)).items():
            read.setdefault(tp, []).extend(record.value for record in records)
        # A position at the end without a record: there were markers only, or the rest of a transaction that was aborted.
        wanted = {tp for tp in wanted if tp not in read and await consumer.position(tp) < ends[tp]}
    return read
