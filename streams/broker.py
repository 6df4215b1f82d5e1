"""What the broker is asked outside any group: whether it answers, which topics it has, what a group has committed."""

import asyncio
import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.errors import Misconfigured, Unavailable
from streams.kafka import started
from streams.topics import other_counts

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 4.0
COORDINATOR_WITHIN_S: Final = 15.0
AWAY_AFTER_MS: Final = 2_000


async def committed(bootstrap: str, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return what *group* has committed of *partitions*, without joining it; those without a commit are left out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await started(admin.start())
        known = await _group_offsets(admin, group, list(partitions))
    except (KafkaError, OSError) as error:
        raise Unavailable(f"the offsets of group {group} could not be read from {bootstrap}: {type(error).__name__}") from error
    finally:
        await admin.close()
    return {tp: offset for tp, offset in known.items() if offset.offset >= 0}


async def _group_offsets(admin: AIOKafkaAdminClient, group: str, tps: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Ask until the group has a coordinator: a new cluster's first group waits for a moment for one."""
    until = time.monotonic() + COORDINATOR_WITHIN_S
    while True:
        try:
            known: dict[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group, partitions=tps)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > until:
                raise
            await asyncio.sleep(FIRST_PAUSE_S)
        else:
            return known


async def require_topics(
    bootstrap: str, topics: Collection[str], *, patience: timedelta, partitions: Mapping[str, int] | None = None
) -> Mapping[str, int]:
    """Wait for the broker for *patience*, and return how many partitions each of *topics* has.

    Raise `Misconfigured` naming the topics that do not exist, or whose number of partitions differs from *partitions*.
    Faust alone would wait for missing topics forever, and loudly.
    """
    until = time.monotonic() + patience.total_seconds()
    pause = FIRST_PAUSE_S
    while (found := await _counts(bootstrap, topics)) is None:
        if time.monotonic() + pause > until:
            raise Unavailable(f"Kafka at {bootstrap} did not answer for {patience.total_seconds():.0f} s: is it running, and is that its address?")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
    if missing := set(topics) - set(found):
        raise Misconfigured(f"Kafka at {bootstrap} has no topic {', '.join(sorted(missing))}: create the topics before starting the hops that read them")
    if wrong := other_counts(found, partitions or {}):
        raise Misconfigured(wrong)
    return found


async def _counts(bootstrap: str, topics: Collection[str]) -> dict[str, int] | None:
    """How many partitions each of *topics* has, those left out that do not exist; None if the broker does not answer."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await started(client.bootstrap())
        known = await client.fetch_all_metadata()
        return {topic: len(known.partitions_for_topic(topic)) for topic in known.topics() & set(topics)}
    except (KafkaError, OSError):
        return None
    finally:
        await client.close()


async def away(bootstrap: str) -> str | None:
    """Say that Kafka does not answer now; None if it does."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=AWAY_AFTER_MS)
    try:
        await started(client.bootstrap())
    except (KafkaError, OSError) as error:
        return f"Kafka at {bootstrap} does not answer ({type(error).__name__})"
    else:
        return None
    finally:
        await client.close()
