"""Runs of the demo as its users start it, and what they left in the topics and in ClickHouse."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiokafka.structs import ConsumerRecord, TopicPartition

from deploy.local.status import Status
from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import FACT, TRANSITION, decode_profile, encode_fact, encode_transition
from schemas.facts import StageChanged
from schemas.profile import LeadProfile
from schemas.state import PARTITION_KEY, decode_mailbox
from schemas.transition import Transition
from sinks.clickhouse import connect
from streams import score, topics
from streams.reading import read, reader
from streams.topics import Names

SEED = 12
"""With so few visitors not every quarter holds a deal won, one lost, a lead recycled and a lead form: this one does."""
VISITORS = 150
UNTIL = "2025-06-30"
"""Long ago: what time alone does until now has all been done when the import ends, and is the same for every run."""
PLAYING = "Playing"

Place = tuple[int, int, str]  # offset in the inbox, index there, id


class Demo:
    """`leadstream demo --once --json` under way."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "streams.cli.main", "demo", "--once", "--json", "--seed", str(SEED), "--visitors", str(VISITORS),
                   "--until", UNTIL, "--free-ports", *arguments]  # fmt: skip
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.told: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with self.process.stderr as lines:
            self.told.extend(lines)  # one by one, as they come

    def wait_for(self, word: str) -> None:
        self._until(lambda: any(word in line for line in self.told), f"{word!r} to be said")

    def kill(self, role: str) -> int:
        """SIGKILL the child that runs *role*, a word of its command line, once there is one."""
        found: list[int] = []
        self._until(lambda: bool(found.extend(_children(self.process.pid, role)) or found), f"a {role} to kill")
        os.kill(found[0], signal.SIGKILL)
        return found[0]

    def record(self) -> dict[str, Any]:
        """The JSON object of the last line, once the demo has ended; it must have ended well."""
        with self.process.stdout as printed:
            out = printed.read()
        self.process.wait(60)
        self._listener.join()
        assert self.process.returncode == 0, "".join(self.told) + out
        return json.loads(out.splitlines()[-1])

    def _until(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 120
        while not reached():
            assert self.process.poll() is None, f"the demo ended before {what}: {''.join(self.told)}"
            assert time.monotonic() < deadline, f"waited for {what}"
            time.sleep(0.02)


def _children(parent: int, word: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit() or int((folder / "stat").read_text().rpartition(")")[2].split()[1]) != parent:
                continue
            if word in (folder / "cmdline").read_text().split("\0"):
                yield int(folder.name)
        except OSError:
            continue


@dataclass
class Left:
    """What a run left behind."""

    record: Mapping[str, Any]
    stack: Status
    prefix: str = ""

    @property
    def names(self) -> Names:
        return Names(prefix=self.prefix)

    def records(self, topic: str, partition: int | None = None) -> list[ConsumerRecord]:
        """All records of a topic, or of one of its partitions in the order of its log."""
        return asyncio.run(self._records(topic, partition))

    async def _records(self, topic: str, partition: int | None) -> list[ConsumerRecord]:
        name = self.names.topic(topic)
        wanted = range(topics.BY_NAME[topic].partitions) if partition is None else (partition,)
        found: list[ConsumerRecord] = []
        async with reader(self.stack.kafka_address, [name]) as consumer:
            async for batch in read(consumer, [TopicPartition(name, each) for each in wanted]):
                found.extend(batch)
        return sorted(found, key=lambda record: (record.partition, record.offset))

    @cached_property
    def profiles(self) -> dict[str, LeadProfile]:
        return {record.key.decode(): decode_profile(record.value) for record in self.records(topics.PROFILES)}

    def leads(self) -> dict[str, LeadProfile]:
        """Leads that are no other."""
        return {lead_id: profile for lead_id, profile in self.profiles.items() if profile.forwarded_to is None}

    def states(self) -> dict[str, Any]:
        """The leads of the changelog, the newest state of each."""
        newest = {record.key: record.value for record in self.records(topics.STATE) if record.key != PARTITION_KEY}
        return {key.decode(): decode_mailbox(value).lead for key, value in newest.items()}

    def told(self, topic: str) -> dict[Place, bytes]:
        """Facts or transitions by where they were decided; what was sent twice must be the same twice."""
        codec, id_field = (FACT, "fact_id") if topic == topics.EVENTS else (TRANSITION, "transition_id")
        found: dict[Place, bytes] = {}
        for record in self.records(topic):
            row = codec.read(record.value)
            place = (row["offset"] * 1000 + row["partition"], row["index"], row[id_field])
            assert found.setdefault(place, record.value) == record.value
        return found

    def replayed(self) -> tuple[dict[Place, bytes], dict[Place, bytes]]:
        """Facts and transitions that the pure core makes of this run's inbox."""
        facts: dict[Place, bytes] = {}
        transitions: dict[Place, bytes] = {}
        for number in range(topics.BY_NAME[topics.INBOX].partitions):
            partition = Partition(number, logs=score.logs(), read_model=score.read_model)
            out = Effects()
            for record in self.records(topics.INBOX, number):
                lead_id = None if record.key is None else record.key.decode()
                for _ in partition.apply(lead_id, inbox.decode(record.value), record.offset, out) or ():
                    pass
            for fact, offset, index in out.facts:
                at = {"partition": number, "offset": offset, "index": index}
                facts[offset * 1000 + number, index, fact.fact_id] = encode_fact(fact, **at)
                if isinstance(fact, StageChanged):
                    transitions[offset * 1000 + number, index, fact.transition_id] = encode_transition(Transition.of(fact, **at))
        return facts, transitions

    def query(self, sql: str) -> list[dict[str, Any]]:
        host, port = self.stack.clickhouse_address
        database = self.prefix.replace(".", "_") + "leadstream"
        with connect(host=host, port=port, database=database) as clickhouse:
            return clickhouse.query(sql)
