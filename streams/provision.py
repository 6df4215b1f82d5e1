"""Topics as the topology says: created where they are missing, refused where they are other than it says."""

import contextlib
from typing import Any, Final

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from streams import topics
from streams.errors import Misconfigured, Unavailable
from streams.kafka import ENVELOPE_BYTES, RECORD_BYTES_MAX

_TIMEOUT_MS: Final = 15_000


def ensure_topics(bootstrap: str, names: topics.Names, *, replication: int = 1) -> list[str]:
    """Create what is missing and return its names. Raises Misconfigured for a wrong partition count, Unavailable."""
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap} does not answer ({type(error).__name__}): is it running?") from error
    try:
        wanted = {names.topic(topic.name): topic for topic in topics.TOPOLOGY}
        existing = set(admin.list_topics())
        missing = [name for name in wanted if name not in existing]
        _create(admin, missing, wanted, replication=replication)
        described = admin.describe_topics([name for name in wanted if name in existing])
        if wrong := topics.other_counts({each["name"]: len(each["partitions"]) for each in described}, names.partitions()):
            raise Misconfigured(wrong)
    except KafkaError as error:
        raise Unavailable(f"Kafka at {bootstrap}: topics could not be created: {type(error).__name__}") from error
    finally:
        admin.close()
    return missing


def _create(admin: Any, missing: list[str], wanted: dict[str, topics.Topic], *, replication: int) -> None:
    if not missing:
        return
    new = [
        NewTopic(
            name,
            num_partitions=wanted[name].partitions,
            replication_factor=replication,
            topic_configs=_settings(wanted[name], replication),
        )
        for name in missing
    ]
    with contextlib.suppress(TopicAlreadyExistsError):  # another process of ours was faster
        admin.create_topics(new, wait_for_metadata=True)


def _settings(topic: topics.Topic, replication: int) -> dict[str, str]:
    # What a hop reads leaves room for the envelope that a dead letter puts around it.
    room = ENVELOPE_BYTES if topic.name in (*topics.TOUCHPOINTS, topics.INBOX) else 0
    settings = {"max.message.bytes": str(RECORD_BYTES_MAX - room), "min.insync.replicas": str(max(1, replication - 1))}
    if topic.retention is None:
        # Small segments, or the active one, which is never compacted, holds most of a changelog.
        return settings | {"cleanup.policy": "compact", "segment.bytes": str(64 << 20), "min.cleanable.dirty.ratio": "0.3"}
    return settings | {"cleanup.policy": "delete", "retention.ms": str(int(topic.retention.total_seconds() * 1000))}
