"""Every metric of the product, in one place: names, labels, buckets; and the observers that hops report to.

Labels are few and bounded: never an id, a path or anything else that a sender chooses.
"""

from typing import Final

from aiokafka.structs import TopicPartition
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from streams.lane.hop import LaneObserver

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody asks for
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS: Final = (1, 10, 100, 500, 1_000, 2_000, 4_000, 10_000, 50_000, 100_000)


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"leadstream_{name}", about, labels, registry=REGISTRY)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"leadstream_{name}", about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"leadstream_{name}", about, labels, registry=REGISTRY, buckets=buckets)


# The collector. in = accepted + rejected + ignored, per source; what was accepted or rejected has been acknowledged by Kafka.
REQUESTS: Final = _counter("collector_requests", "requests answered", "door", "status")
REFUSED: Final = _counter("collector_refused", "requests refused, by reason; door none: there is no such door", "door", "reason")
KEY_EVENTS: Final = _counter("collector_key_events", "events let in by each write key, by its name: one that has counted nothing for long may go", "key")
REQUEST_SECONDS: Final = _histogram("collector_request_seconds", "from a request's first byte to its answer", "door", buckets=_FAST)
EVENTS: Final = _counter("collector_events", "events in acknowledged requests: in = accepted + rejected + ignored", "source", "outcome")
IGNORED: Final = _counter("collector_ignored", "events of no use here, by name", "source", "reason")
REJECTED: Final = _counter("collector_rejected", "unusable events, by reason", "source", "reason")
ACK_SECONDS: Final = _histogram("collector_ack_seconds", "from handing records over to Kafka's acknowledgement of all", buckets=_FAST)
WRITTEN: Final = _counter("collector_written_records", "records acknowledged by Kafka", "topic")
REQUESTS_UNDER_WAY: Final = _gauge("collector_requests_under_way", "requests being handled")
BYTES_UNDER_WAY: Final = _gauge("collector_bytes_under_way", "bytes of bodies and records being handled")
BROKER_UP: Final = _gauge("collector_broker_up", "1 while Kafka takes records")

# Hops through the batch lane; the outcomes are those of streams.outcomes.
HOP_RECORDS: Final = _counter("hop_records", "records by what became of them", "hop", "outcome")
HOP_PARTITIONS: Final = _gauge("hop_partitions", "partitions owned", "hop")
HOP_LAG: Final = _gauge("hop_lag_records", "records in the log and not handled yet", "hop", "topic", "partition")
HOP_BATCH_RECORDS: Final = _histogram("hop_batch_records", "records handed to a shard at once", "hop", buckets=_ROWS)
HOP_BATCH_SECONDS: Final = _histogram("hop_batch_seconds", "handling of one batch", "hop", buckets=_FAST)
HOP_COMMIT_SECONDS: Final = _histogram("hop_commit_seconds", "one commit: acks, state and offset", "hop", buckets=_FAST)
HOP_OPEN_SECONDS: Final = _histogram("hop_open_seconds", "from assignment to handling: fencing and restoring", "hop", buckets=_SLOW)
HOP_UNAVAILABLE: Final = _counter("hop_unavailable", "steps to be repeated because a server was away", "hop")

# Into ClickHouse.
SINK_ROWS: Final = _counter("sink_rows", "rows written", "table")
SINK_INSERT_ROWS: Final = _histogram("sink_insert_rows", "rows of one insert", "table", buckets=_ROWS)
SINK_INSERT_SECONDS: Final = _histogram("sink_insert_seconds", "one insert", "table", buckets=_SLOW)


def exposition() -> bytes:
    """All of them in Prometheus' text format."""
    return generate_latest(REGISTRY)


def count(hop: str, outcome: str, records: int) -> None:
    """Count records of a hop by what became of them: a `streams.outcomes.Count`."""
    if records:
        HOP_RECORDS.labels(hop, outcome).inc(records)


def inserted(table: str, rows: int, seconds: float) -> None:
    """Count one insert into ClickHouse."""
    SINK_ROWS.labels(table).inc(rows)
    SINK_INSERT_ROWS.labels(table).observe(rows)
    SINK_INSERT_SECONDS.labels(table).observe(seconds)


class LaneMetrics(LaneObserver):
    """Counts what happens in the lane."""

    # ruff: noqa: ARG002 - the signatures are the observer's

    def assigned(self, hop: str, tp: TopicPartition) -> None:
        HOP_PARTITIONS.labels(hop).inc()

    def opened(self, hop: str, tp: TopicPartition, seconds: float) -> None:
        HOP_OPEN_SECONDS.labels(hop).observe(seconds)

    def batch(self, hop: str, tp: TopicPartition, records: int, seconds: float) -> None:
        HOP_BATCH_RECORDS.labels(hop).observe(records)
        HOP_BATCH_SECONDS.labels(hop).observe(seconds)

    def commit(self, hop: str, tp: TopicPartition, seconds: float) -> None:
        HOP_COMMIT_SECONDS.labels(hop).observe(seconds)

    def lag(self, hop: str, tp: TopicPartition, records: int) -> None:
        HOP_LAG.labels(hop, tp.topic, tp.partition).set(records)

    def unavailable(self, hop: str, tp: TopicPartition) -> None:
        HOP_UNAVAILABLE.labels(hop).inc()

    def revoked(self, hop: str, tp: TopicPartition) -> None:
        HOP_PARTITIONS.labels(hop).dec()
        HOP_LAG.remove(hop, tp.topic, str(tp.partition))
