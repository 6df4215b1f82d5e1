"""The demo from its first to its last second: servers up, processes started, a quarter played, the live feed, the ledger."""

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import aiohttp

from processors.model_file import load, shipped
from sinks.clickhouse import ClickHouse, connect
from sinks.errors import SinkError
from streams import publish
from streams.demo.feed import Feed
from streams.demo.play import Answered, play
from streams.demo.quarter import Quarter
from streams.demo.screen import Screen
from streams.demo.seal import mail_key, public_key, seal_of
from streams.demo.servers import Place, servers, settings_of
from streams.demo.tally import Held, Stored, contradictions, held, row_counts, stored
from streams.demo.watch import Watch, watch
from streams.demo.wire import Traffic, Week, traffic
from streams.errors import Unavailable
from streams.provision import ensure_topics
from streams.sending.door import Door
from streams.sending.send import reached
from streams.settings import Settings
from streams.supervise import Role, Supervisor, roles

MODEL: Final = "b2b"
READY_WITHIN: Final = timedelta(seconds=60)
STORED_WITHIN: Final = timedelta(seconds=60)
FUNNEL: Final = "SELECT * FROM funnel FORMAT PrettyCompact"
COMMIT_EVERY_S: Final = 0.5
"""Twice as often as usual: profiles, which the table shows, are published with each commit."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is shown, and where."""

    quarter: Quarter
    place: Place
    live: int
    began: float  # time.monotonic() when the command was started


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What `--json` prints, once the demo is over."""

    answered: Answered
    held: Held
    before: Held
    stored: Stored
    contradictions: list[str]
    seconds: Mapping[str, float]

    def record(self) -> dict[str, Any]:
        after, before = self.held, self.before
        rows = self.stored.rows
        return {
            "sent": self.answered.sent, "accepted": self.answered.accepted, "rejected": self.answered.rejected,
            "counted": after.counted - before.counted, "duplicates": after.duplicates - before.duplicates,
            "dead_lettered": after.dead_lettered - before.dead_lettered, "leads": after.leads, "stages": dict(sorted(after.stages.items())),
            "transitions": dict(sorted((after.transitions - before.transitions).items())),
            "clickhouse": {name: rows[name] for name in ("touchpoints", "facts", "transitions", "profiles")},
            "drift_max": self.stored.drift_max, "seconds": dict(self.seconds), "ledger_ok": not self.contradictions,
        }  # fmt: skip


@dataclass(slots=True)
class Show:
    """One demo under way."""

    plan: Plan
    screen: Screen
    seconds: dict[str, float] = field(default_factory=dict)
    answered: Answered = field(default_factory=Answered)
    _before: Held = field(default_factory=Held)

    def run(self, serve: Any = None) -> Outcome:
        """Run it all and return what came out; with *serve*, a function of the supervisor, go on until that returns."""
        plan, screen = self.plan, self.screen
        with ExitStack() as running, ThreadPoolExecutor(1) as beside:
            made = beside.submit(traffic, plan.quarter)  # while the servers start
            screen.say(f"Starting Apache Kafka and ClickHouse in {plan.place.data} (the first time they are fetched, which takes a while)")
            now = running.enter_context(servers(plan.place))
            self.seconds["local_up"] = self._since()
            settings = settings_of(
                now, plan.place, commit_every_s=COMMIT_EVERY_S, sendgrid_public_key=public_key(mail_key(plan.quarter.seed))
            )
            ensure_topics(settings.kafka, settings.names)
            asyncio.run(publish.publish(settings.kafka, settings.names, load(shipped(MODEL), name_of_file=MODEL)))
            wanted = roles(settings)
            supervisor = running.enter_context(Supervisor(wanted, tell=_log_line))
            screen.say("Servers are up, the model is published; starting the collector, a worker and the sink")
            supervisor.wait_until_ready(READY_WITHIN)
            outcome = asyncio.run(self._play(settings, collector=wanted[0].address, made=made.result()))
            screen.doors(_doors(settings, wanted, clickhouse_url=now.clickhouse_url))
            self._tell(outcome)
            if serve is not None:
                serve(supervisor)
        return outcome

    async def _play(self, settings: Settings, *, collector: str, made: Traffic) -> Outcome:
        async with aiohttp.ClientSession() as session, watch(settings.kafka, settings.names) as watching:
            door = Door(session, collector)
            if self.plan.place.keep:
                self._before = await held(settings.kafka, settings.names)
            await self._play_quarter(settings, door, watching, made=made)
            await self._play_live(settings, door, watching)
            await watching.settled()
            return await self._reckon(settings)

    async def _play_quarter(self, settings: Settings, door: Door, watching: Watch, *, made: Traffic) -> None:
        quarter, seen = self.plan.quarter, watching.seen
        seal = seal_of(settings, quarter.seed, import_id=quarter.import_id)
        self.screen.say(f"Playing {made.accepted + made.rejected:,} events of {quarter.visitors:,} visitors through the doors, as an import")
        with self.screen.funnel():
            for number, week in enumerate(made.weeks, 1):
                await self._play_week(week, door, watching, seal=seal, last=number == len(made.weeks))
            await watching.settled()
            self.screen.decided(seen)
        self.seconds["first_transition"] = (seen.first_transition or time.monotonic()) - self.plan.began

    async def _play_week(self, week: Week, door: Door, watching: Watch, *, seal: Any, last: bool) -> None:
        """Send a week, tell the import that it is over, and wait until that is where it is decided."""
        for start in range(0, len(week.requests), 50):
            await play(week.requests[start : start + 50], door, seal, answered=self.answered)
            self.screen.sending(week.until, self.answered, watching.seen)
        assert seal.import_id is not None
        self.screen.sent()
        await reached(door, seal.import_id, key=seal.import_key, until=week.until, ended=last)
        await watching.reached(seal.import_id, week.until)

    async def _play_live(self, settings: Settings, door: Door, watching: Watch) -> None:
        visitors = self.plan.live
        if not visitors:
            return
        self.screen.say(f"\nNow live: {visitors} new visitors look at prices and ask to be called")
        seal = seal_of(settings, self.plan.quarter.seed, import_id=None)
        feed = Feed(
            seed=self.plan.quarter.seed, door=door, seal=seal, identity_key=settings.identity_key, answered=self.answered,
            on_arrival=self.screen.arrival,
        )  # fmt: skip
        await feed.run(visitors, watching.seen)
        self.screen.latencies(visitors, feed.latencies_s)

    async def _reckon(self, settings: Settings) -> Outcome:
        """Count everything in the topics and, once the sink has caught up, in ClickHouse."""
        clickhouse = connect(
            host=settings.clickhouse_host, port=settings.clickhouse_port, user=settings.clickhouse_user,
            password=settings.clickhouse_password, database=settings.clickhouse_database,
        )  # fmt: skip
        with clickhouse:
            after = await held(settings.kafka, settings.names)
            until = time.monotonic() + STORED_WITHIN.total_seconds()
            while (found := await asyncio.to_thread(row_counts, clickhouse)) != after.rows() and time.monotonic() < until:
                await asyncio.sleep(0.3)
                if any(found[table] > count for table, count in after.rows().items()):
                    after = await held(settings.kafka, settings.names)  # time went on, and time alone may change a lead
            in_store = await asyncio.to_thread(_stored, clickhouse)
        self.seconds["total"] = self._since()
        return Outcome(
            answered=self.answered, held=after, before=self._before, stored=in_store, seconds={name: round(s, 3) for name, s in self.seconds.items()},
            contradictions=contradictions(self.answered, self._before, after, in_store),
        )  # fmt: skip

    def _tell(self, outcome: Outcome) -> None:
        record = outcome.record()
        self.screen.say(f"{record['accepted']:,} events accepted = {record['counted']:,} counted + {record['duplicates']:,} duplicates"
                        f" + {record['dead_lettered']:,} dead letters; {record['rejected']:,} rejected at the door, all of them kept")  # fmt: skip
        self.screen.say(f"{record['leads']:,} leads; ClickHouse holds {record['clickhouse']['touchpoints']:,} touchpoints and "
                        f"{record['clickhouse']['facts']:,} facts; no score drifts by more than {record['drift_max']:.1e}; {record['seconds']['total']:.1f} s in all")  # fmt: skip
        for sentence in outcome.contradictions:
            self.screen.say(f"The ledger does not add up: {sentence}", style="red")

    def _since(self) -> float:
        return time.monotonic() - self.plan.began


def _stored(clickhouse: ClickHouse) -> Stored:
    try:
        return stored(clickhouse)
    except SinkError as error:
        raise Unavailable(str(error)) from error


def _log_line(child: str, line: str) -> None:
    log.info("%s | %s", child, line)


def _doors(settings: Settings, wanted: list[Role], *, clickhouse_url: str) -> list[tuple[str, str]]:
    collector = wanted[0].address
    key = min(settings.write_keys)
    query = f"{clickhouse_url}/?database={settings.clickhouse_database}"
    return [
        ("Collector", f"{collector}/v1/track, /v1/batch, ... (Segment libraries: host {collector}, write key {key})"),
        ("Webhooks", f"{collector}/webhooks/sendgrid, {collector}/webhooks/google-ads, {collector}/v1/events (signed)"),
        ("Kafka", settings.kafka),
        ("ClickHouse", f"{settings.clickhouse_host}:{settings.clickhouse_port} native, {clickhouse_url} HTTP, database {settings.clickhouse_database}"),
        ("Metrics", ", ".join(f"{role.address}/metrics ({role.name})" for role in wanted)),
        ("", ""),
        ("Send", f"""curl {collector}/v1/track -u {key}: -d '{{"anonymousId":"me","event":"Demo Booked"}}'"""),
        ("Query", f"curl '{query}' -d '{FUNNEL}'"),
    ]
