"""An installation of its own on the local servers: topics under a prefix, settings for processes, the real command line."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from deploy.local.status import Status
from schemas.avro import encode_touchpoint
from schemas.touchpoint import Touchpoint
from streams import topics
from streams.cli.main import main
from streams.settings import Settings, environ_of

PATIENCE_S = 60


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def until(reached: Callable[[], bool], what: str) -> None:
    """Wait until *reached*; fail, naming *what*, only after a time that no healthy machine needs."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.1)


@dataclass
class Installation:
    """Settings of an installation; processes started from here are stopped by `stop`."""

    settings: Settings
    started: list[subprocess.Popen] = field(default_factory=list)

    @classmethod
    def on(cls, stack: Status, prefix: str, **others) -> "Installation":
        host, port = stack.clickhouse_address
        database = "t_" + prefix.strip(".").replace(".", "_").replace("-", "_")
        return cls(Settings.local(
            kafka=stack.kafka_address, prefix=prefix, clickhouse_host=host, clickhouse_port=port, clickhouse_database=database,
            commit_every_s=0.2, ops_port=0, collector_port=0, **others,
        ))

    def start(self, *argv: str, **others) -> subprocess.Popen:
        """Start a command as a process; its stderr and stdout are one pipe of text."""
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", *argv], env=environ_of(replace(self.settings, **others)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )
        self.started.append(process)
        return process

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE_S)
        self.started.clear()

    def send(self, touchpoints: Sequence[Touchpoint], *others: tuple[bytes | None, bytes]) -> None:
        """Write touchpoints, and *others* as (key, value), to touchpoints.web as the collector would."""

        async def send() -> None:
            records = [(each.identifiers()[0].encode(), encode_touchpoint(each)) for each in touchpoints]
            async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka) as producer:
                for key, value in (*records, *others):
                    partition = topics.partition_of(key or b"", topics.BY_NAME[topics.WEB].partitions)
                    await producer.send_and_wait(self.settings.names.topic(topics.WEB), value, key=key, partition=partition)

        asyncio.run(send())


@contextmanager
def installed(stack: Status, prefix: str, **others) -> Iterator[Installation]:
    here = Installation.on(stack, prefix, **others)
    try:
        yield here
    finally:
        here.stop()


def call(capsys, monkeypatch, settings: Settings | None) -> Callable[..., Said]:
    """The command line in this process, with *settings* as its environment and nothing else of ours there."""
    for name in [name for name in os.environ if name.startswith("LEADSTREAM_")]:
        monkeypatch.delenv(name)
    if settings is not None:
        for name, said in environ_of(settings).items():
            if name.startswith("LEADSTREAM_"):
                monkeypatch.setenv(name, said)

    def run(*argv: str) -> Said:
        capsys.readouterr()
        code = main(argv)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def ends_by(process: subprocess.Popen, sig: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Send *sig*, and return the exit code and all that the process had said."""
    process.send_signal(sig)
    out, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out


def address_in(process: subprocess.Popen, before: str) -> str:
    """Read the process's lines up to the one that holds *before*, and return the address that follows."""
    for line in process.stdout:
        if before in line:
            return line.rpartition(before)[2].strip().partition(" ")[0].partition(",")[0].removesuffix("/v1/track")
    raise AssertionError(f"it ended without saying {before!r}")


def counted(settings: Settings, topic: str) -> int:
    """How many records one of the topology's topics holds, transaction markers included."""

    async def count() -> int:
        name = settings.names.topic(topic)
        tps = [TopicPartition(name, partition) for partition in range(topics.BY_NAME[topic].partitions)]
        async with AIOKafkaConsumer(bootstrap_servers=settings.kafka) as consumer:
            return sum((await consumer.end_offsets(tps)).values()) - sum((await consumer.beginning_offsets(tps)).values())

    return asyncio.run(count())


HERE = Path(__file__).parent
