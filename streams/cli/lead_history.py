"""What happened to a lead: from ClickHouse, which has it at hand, or else from the topic, which has all of it."""

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from schemas.avro import FACT, Undecodable
from sinks.clickhouse import ClickHouse
from sinks.errors import SinkError
from streams import topics
from streams.cli.fields import Fields
from streams.cli.installation import Installation
from streams.clickhouse import clickhouse_of
from streams.reading import partitions_of, read, reader

_TRANSITION: Final = "stage_changed"
_ALIASES: Final = "SELECT lead_id FROM lead_ids WHERE survivor = %(lead)s ORDER BY lead_id"
_NOW: Final = "SELECT toUnixTimestamp64Milli(max(recorded_at)) AS newest FROM facts WHERE lead_id = %(lead)s AND fact != 'touchpoint_duplicated'"
_TEXTS: Final = (
    "fact_id", "lead_id", "fact", "model", "import_id", "kind", "channel", "campaign", "grade", "transition_id", "from_stage",
    "to_stage", "reason", "rule", "verdict", "other_lead", "last_channel",
)  # fmt: skip
_INSTANTS: Final = ("recorded_at", "occurred_at", "effective_at", "verdict_given_at", "verdict_expires_at")
_OTHERS: Final = ("partition", "offset", "`index`", "fit", "score", "handed_over", "touches", "attributes", "criteria", "sums.rule", "sums.points")
_SELECT: Final = "SELECT " + ", ".join(
    (*_TEXTS, *(f"toUnixTimestamp64Milli({name}) AS {name}_ms" for name in _INSTANTS), *(f"{name} AS `{name.strip('`')}`" for name in _OTHERS))
)
_NEWEST: Final = "FROM facts_once WHERE lead_id IN %(leads)s {only} ORDER BY facts_once.recorded_at DESC, offset DESC, `index` DESC LIMIT %(most)s"
_TRANSITIONS_MAX: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A lead's facts in the order of time, those of the leads it absorbed among them; and where they were read."""

    source: str
    also_known_as: tuple[str, ...]
    transitions: tuple[Fields, ...]
    facts: tuple[Fields, ...]  # the last ones


def history_of(here: Installation, lead_id: str, *, now: int, facts_max: int) -> History:
    """Read what happened to a lead whose own now is *now*. Raises Unavailable where neither ClickHouse nor Kafka answers."""
    with contextlib.suppress(SinkError):
        history, newest = _from_clickhouse(here, lead_id, facts_max=facts_max)
        if newest == now:  # otherwise the sink is behind, and the story would lack its end
            return history
    return asyncio.run(_from_topic(here, lead_id, facts_max=facts_max))


def _from_clickhouse(here: Installation, lead_id: str, *, facts_max: int) -> tuple[History, int]:
    """The lead's history, and the newest instant at which a fact of its own was recorded."""
    with clickhouse_of(here.settings) as client:
        aliases = [row["lead_id"] for row in client.query(_ALIASES, {"lead": lead_id})]
        leads = (lead_id, *aliases)
        transitions = _newest(client, leads, most=_TRANSITIONS_MAX, only=f"AND fact = '{_TRANSITION}'")
        facts = _newest(client, leads, most=facts_max) if facts_max else []
        newest = client.query(_NOW, {"lead": lead_id})[0]["newest"]
    return History(source="ClickHouse", also_known_as=tuple(aliases), transitions=tuple(transitions), facts=tuple(facts)), newest


def _newest(client: ClickHouse, leads: Collection[str], *, most: int, only: str = "") -> list[Fields]:
    """The newest facts of *leads*, the oldest of them first; *only* is a constant of this module."""
    rows = client.query(f"{_SELECT} {_NEWEST.format(only=only)}", {"leads": tuple(leads), "most": most})
    return [_as_avro(row) for row in reversed(rows)]


def _as_avro(row: dict[str, Any]) -> Fields:
    """A row of the table in the words of the topic, which `streams.cli.lines` reads."""
    fields: Fields = {name: row[name] or None for name in _TEXTS}
    fields |= {name: row[f"{name}_ms"] for name in _INSTANTS}
    fields |= {name.strip("`"): row[name.strip("`")] for name in _OTHERS if not name.startswith("sums")}
    fields["last_touch"] = {"channel": fields.pop("last_channel")}
    pairs = zip(row["sums.rule"], row["sums.points"], strict=True)
    return fields | {"sums": [{"rule": rule, "points": points} for rule, points in pairs]}


async def _from_topic(here: Installation, lead_id: str, *, facts_max: int) -> History:
    """Read the partitions of the lead and of all it absorbed; a fact that was sent twice is taken once."""
    leads, facts = [lead_id], dict[str, Fields]()
    async with reader(here.bootstrap, (here.names.topic(topics.EVENTS),)) as consumer:
        for lead in leads:  # grows while it is read
            key = lead.encode()
            wanted = topics.partition_of(key, topics.BY_NAME[topics.EVENTS].partitions)
            tps = [tp for tp in partitions_of(here.names, (topics.EVENTS,)) if tp.partition == wanted]
            async for batch in read(consumer, tps):
                for fact in (_decoded(record.value) for record in batch if record.key == key):
                    if fact is not None and fact["fact_id"] not in facts:
                        facts[fact["fact_id"]] = fact
                        absorbed = fact["other_lead"] if fact["fact"] == "identity_merged" else None
                        if absorbed is not None and absorbed not in leads:
                            leads.append(absorbed)
    told = sorted(facts.values(), key=lambda fact: (fact["recorded_at"], fact["offset"], fact["index"]))
    transitions = tuple(fact for fact in told if fact["fact"] == _TRANSITION)
    return History(source=topics.EVENTS, also_known_as=tuple(leads[1:]), transitions=transitions, facts=tuple(told[max(0, len(told) - facts_max) :]))


def _decoded(value: bytes | None) -> Fields | None:
    """A fact; None for one that this release cannot read, which `leadstream tail` would show."""
    try:
        return FACT.read(value)
    except Undecodable:
        return None
