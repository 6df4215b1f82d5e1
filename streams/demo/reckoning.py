"""What came of a demo: counted in the topics and in ClickHouse once the sink has caught up."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sinks.clickhouse import ClickHouse
from sinks.errors import SinkError
from streams.clickhouse import clickhouse_of
from streams.demo.play import Answered
from streams.demo.tally import Held, Stored, contradictions, held, row_counts, stored
from streams.errors import Unavailable
from streams.settings import Settings

STORED_WITHIN: Final = timedelta(seconds=60)
PHASES: Final = ("local_up", "first_transition", "total")
"""What `seconds` tells, each since the command was started."""
_LOOK_EVERY_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The figures of one run; of counts that an earlier run may have begun, what this one added."""

    answered: Answered
    before: Held
    after: Held
    stored: Stored
    contradictions: list[str]

    def record(self, seconds: Mapping[str, float]) -> dict[str, Any]:
        """What `--json` prints. `leads`, `stages` and `clickhouse` are of all that is there."""
        after, before, rows = self.after, self.before, self.stored.rows
        return {
            "sent": self.answered.sent, "accepted": self.answered.accepted, "rejected": self.answered.rejected,
            "counted": after.counted - before.counted, "duplicates": after.duplicates - before.duplicates,
            "dead_lettered": after.dead_lettered - before.dead_lettered, "leads": after.leads, "stages": dict(sorted(after.stages.items())),
            "transitions": dict(sorted((after.transitions - before.transitions).items())),
            "clickhouse": {name: rows[name] for name in ("touchpoints", "facts", "transitions", "profiles")},
            "drift_max": self.stored.drift_max, "seconds": {name: round(seconds[name], 3) if name in seconds else None for name in PHASES},
            "ledger_ok": not self.contradictions,
        }  # fmt: skip


async def reckon(settings: Settings, answered: Answered, before: Held) -> Outcome:
    """Count everything, waiting for ClickHouse to hold what the topics hold. Raises Unavailable."""
    with clickhouse_of(settings) as clickhouse:
        try:
            after = await _caught_up(settings, clickhouse)
            in_store = await asyncio.to_thread(stored, clickhouse)
        except SinkError as error:
            raise Unavailable(str(error)) from error
    return Outcome(
        answered=answered, before=before, after=after, stored=in_store, contradictions=contradictions(answered, before, after, in_store)
    )


async def _caught_up(settings: Settings, clickhouse: ClickHouse) -> Held:
    """What the topics hold, once ClickHouse holds the same or patience is over: then the ledger says what differs."""
    after = await held(settings.kafka, settings.names)
    until = time.monotonic() + STORED_WITHIN.total_seconds()
    while (found := await asyncio.to_thread(row_counts, clickhouse)) != after.rows() and time.monotonic() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
        if any(found[table] > count for table, count in after.rows().items()):
            after = await held(settings.kafka, settings.names)  # time went on, and time alone may change a lead
    return after
