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
    """Commit the offset alone, and write the states a moment later."""
    commit = kafka.FencedProducer.commit
    plain: dict[Any, Any] = {}

    async def apart(self: Any, records: Any, *, source: Any, offset: int) -> None:
        await commit(self, (), source=source, offset=offset)
        await asyncio.sleep(0.4)
        if self not in plain:
            plain[self] = kafka.new_producer(self._bootstrap)
            await plain[self].start()
        acks = [await plain[self].send(topic, value, key=key, partition=number) for topic, number, key, value in records]
        await asyncio.gather(*acks)

    kafka.FencedProducer.commit = apart


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
