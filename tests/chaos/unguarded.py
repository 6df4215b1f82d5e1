"""A worker or a sink with one safeguard switched off: to show that the check notices.

    python -m tests.chaos.unguarded origins work --hops identify,score
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from processors import partition
from streams import kafka
from streams.cli.main import main


def without_origins() -> None:
    """Let every record of the inbox be new to its lead, however often its emitter has sent it."""
    deliver = partition.Partition._deliver

    def forgetful(self: Any, lead_id: str, record: Any) -> None:
        self._leads.get(lead_id).origins.clear()
        self._leads.get(lead_id).lead.recent.clear()  # or the event's id would still tell
        deliver(self, lead_id, record)

    partition.Partition._deliver = forgetful


def without_transaction() -> None:
    """Write the states first, and the offset a moment later, without a transaction around the two."""

    async def commit(self: Any, records: Any, *, source: Any, offset: int) -> None:
        producer = await _plain(self)
        acks = [await producer.send(topic, value, key=key, partition=number) for topic, number, key, value in records]
        await asyncio.gather(*acks)
        await asyncio.sleep(0.3)
        self._producer = self._producer or producer
        await self._group_commit(source, offset)

    async def start(self: Any) -> None:
        self._producer = None

    async def group_commit(self: Any, source: Any, offset: int) -> None:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=None)
        await consumer.start()
        try:
            coordinator = await consumer._client.coordinator_lookup(0, self._group)
            from aiokafka.protocol.commit import OffsetCommitRequest

            request = OffsetCommitRequest(self._group, -1, "", [(source.topic, [(source.partition, offset, "")])], -1)
            await consumer._client.send(coordinator, request)
        finally:
            await consumer.stop()

    kafka.FencedProducer.commit = commit
    kafka.FencedProducer.start = start
    kafka.FencedProducer._group_commit = group_commit


async def _plain(fenced: Any) -> Any:
    if fenced._producer is None:
        fenced._producer = kafka.new_producer(fenced._bootstrap)
        await fenced._producer.start()
    return fenced._producer


def without_acks() -> None:
    """Commit before what follows from the records has left: it goes out a second later."""

    def late(flush: Callable[..., Any]) -> Callable[..., Any]:
        async def flush_later(self: Any) -> None:
            if not getattr(self, "_later", None):
                self._later = asyncio.get_running_loop().call_later(1.0, lambda: asyncio.ensure_future(_flush(self)))

        async def _flush(self: Any) -> None:
            self._later = None
            await flush(self)

        return flush_later

    kafka.Outputs.flush = late(kafka.Outputs.flush)

    async def acked(self: Any) -> None:
        await self.flush()

    kafka.Outputs.acked = acked


def without_dedup() -> None:
    """The views are changed at the check; processes are as they are."""


SAFEGUARDS: Final[dict[str, Callable[[], None]]] = {
    "origins": without_origins, "transaction": without_transaction, "acks": without_acks, "dedup": without_dedup,
}  # fmt: skip


def run(argv: Sequence[str]) -> int:
    SAFEGUARDS[argv[0]]()
    return main(list(argv[1:]))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
