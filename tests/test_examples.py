"""What we show to others works: run as they would, against real Kafka."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from schemas.avro import encode_transition
from schemas.transition import Transition
from streams import topics
from streams.provision import ensure_topics
from tests.streams.installed import until

EXAMPLE = Path(__file__).parents[1] / "examples" / "sales_subscriber.py"


def transition(number: int, **others) -> Transition:
    fields = {
        "transition_id": f"{number:032x}", "lead_id": f"v:{number}", "from_stage": "visitor", "to_stage": "mql", "reason": "conversion",
        "rule": "ebook", "effective_at": 1, "occurred_at": 1, "recorded_at": 1, "score": 31.7, "grade": "C", "imported": False,
        "event_id": "e", "model": "b2b@1", "partition": number % 8, "offset": number, "index": 0,
    }  # fmt: skip
    return Transition(**(fields | others))


class Sales:
    """The example as a process, and the topic it reads."""

    def __init__(self, bootstrap: str, prefix: str, seen: Path) -> None:
        self.seen = seen
        self.command = [sys.executable, str(EXAMPLE), bootstrap, str(seen), prefix]
        self.topic = topics.Names(prefix=prefix).topic(topics.TRANSITIONS)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap)
        self.process: subprocess.Popen[str] | None = None

    def tell(self, *told: Transition) -> None:
        for each in told:
            key = each.lead_id.encode()
            self.producer.send(self.topic, encode_transition(each), key=key, partition=topics.partition_of(key, 8))
        self.producer.flush()

    def remembered(self) -> int:
        with closing(sqlite3.connect(self.seen)) as seen:
            return seen.execute("SELECT count(*) FROM seen").fetchone()[0]

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)

    def lines(self, count: int) -> list[str]:
        assert self.process is not None
        return [self.process.stdout.readline().strip() for _ in range(count)]

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def sales(local_stack, tmp_path):
    ensure_topics(local_stack.kafka_address, topics.Names(prefix="example."))
    made = Sales(local_stack.kafka_address, "example.", tmp_path / "seen.db")
    yield made
    made.kill()
    made.producer.close()


def test_the_sales_subscriber_acts_once_on_each_transition_however_often_it_is_told_and_restarted(sales):
    sales.start()
    sales.tell(transition(1), transition(2, imported=True, import_id="crm"), transition(1))
    first = set(sales.lines(2))
    assert first == {"v:1 visitor > mql: conversion ebook score 32", "v:2 visitor > mql: conversion ebook score 32 (imported)"}
    until(lambda: sales.remembered() == 2, "the subscriber to remember both")  # killed before, it would act again
    sales.kill()
    sales.tell(transition(1), transition(2), transition(3, rule=None, reason="score", to_stage="sql"))
    sales.start()
    assert sales.lines(1) == ["v:3 visitor > sql: score  score 32"]


def test_the_example_is_as_short_as_it_says_and_needs_no_client_of_ours():
    text = EXAMPLE.read_text()
    code = [line for line in text.partition('"""\n')[2].partition('"""\n')[2].splitlines() if line.strip()]
    assert len(code) <= 40
    assert "fastavro" not in text
    assert "aiokafka" not in text
