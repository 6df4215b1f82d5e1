"""The demo from its first to its last second: servers up, processes started, a quarter played, the live feed, the ledger."""

import asyncio
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import aiohttp

from processors.model.file import load, shipped
from streams import clock, publish
from streams.demo.feed import Feed
from streams.demo.play import Answered, play
from streams.demo.quarter import Quarter
from streams.demo.reckoning import Outcome, reckon
from streams.demo.screen import Screen
from streams.demo.seal import Seal, mail_key, public_key, seal_of
from streams.demo.servers import Place, servers, settings_of
from streams.demo.tally import Held, held
from streams.demo.watch import Watch, watch
from streams.demo.wire import Traffic, Week, traffic
from streams.provision import ensure_topics
from streams.sending.door import Door
from streams.sending.history import reached
from streams.settings import Settings
from streams.supervise import Supervisor, roles

MODEL: Final = "b2b"
READY_WITHIN: Final = timedelta(seconds=60)
LOOK_EVERY_S: Final = 1.0
NOW: Final = timedelta(0)
STEP: Final = 200
"""Requests after which the table is drawn anew."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is shown, and where. With `once` it ends when all is counted, else it serves on until it is interrupted."""

    quarter: Quarter
    place: Place
    live: int
    once: bool
    began: float  # time.monotonic() when the command was started


@dataclass(slots=True)
class Show:
    """One demo."""

    plan: Plan
    screen: Screen
    seconds: dict[str, float] = field(default_factory=dict)
    answered: Answered = field(default_factory=Answered)
    _before: Held = field(default_factory=Held)

    def run(self) -> Outcome:
        """Run it all. Raises what stands in the way; whatever was started is stopped again."""
        plan, screen = self.plan, self.screen
        with ExitStack() as running:
            beside = running.enter_context(ThreadPoolExecutor(1))
            made = beside.submit(traffic, plan.quarter)  # while the servers start
            screen.say(f"Starting Apache Kafka and ClickHouse in {plan.place.data} (the first time they are fetched, which takes a while)")
            now = running.enter_context(servers(plan.place))
            self._note("local_up")
            settings = settings_of(now, plan.place, sendgrid_public_key=public_key(mail_key(plan.quarter.seed)))
            ensure_topics(settings.kafka, settings.names)
            asyncio.run(publish.publish(settings.kafka, settings.names, load(shipped(MODEL), name_of_file=MODEL)))
            wanted = roles(settings)
            screen.say("Servers are up, the model is published; starting the collector, a worker and the sink")
            supervisor = running.enter_context(Supervisor(wanted, tell=lambda child, line: log.info("%s | %s", child, line)))
            supervisor.wait_until_ready(READY_WITHIN)
            outcome = asyncio.run(self._play(settings, supervisor, collector=wanted[0].door, made=made.result()))
            screen.outcome(outcome.record(self.seconds), outcome.contradictions)
            if not plan.once:
                screen.addresses(settings, wanted, clickhouse_url=now.clickhouse_url, data=plan.place.data)
                asyncio.run(self._serve(settings, supervisor))
        return outcome

    async def _play(self, settings: Settings, supervisor: Supervisor, *, collector: str, made: Traffic) -> Outcome:
        async with aiohttp.ClientSession() as session, watch(settings.kafka, settings.names, alive=partial(supervisor.wait, NOW)) as watching:
            door = Door(session, collector)
            if self.plan.place.keep:
                await self._look_back(settings, watching)
            await self._play_quarter(settings, door, watching, made=made)
            await self._play_live(settings, door, watching)
            await watching.settled()
            if (first := watching.seen.first_transition) is not None:
                self.seconds["first_transition"] = first - self.plan.began
            outcome = await reckon(settings, self.answered, self._before)
        self._note("total")
        return outcome

    async def _look_back(self, settings: Settings, watching: Watch) -> None:
        """Note what is there already, so that only what is new is counted."""
        self._before = await held(settings.kafka, settings.names)
        await watching.settled()
        watching.seen.first_transition = None

    async def _play_quarter(self, settings: Settings, door: Door, watching: Watch, *, made: Traffic) -> None:
        quarter = self.plan.quarter
        # An import that has ended takes no more marks: what is played once more is another one, its events duplicates.
        import_id = f"{quarter.import_id}-{clock.now_ms()}" if self.plan.place.keep else quarter.import_id
        seal = seal_of(settings, quarter.seed, import_id=import_id)
        self.screen.say(f"Playing {made.accepted + made.rejected:,} events of {quarter.visitors:,} visitors through the doors, as an import")
        with self.screen.funnel():
            for number, week in enumerate(made.weeks, 1):
                await self._play_week(week, door, watching, seal=seal, last=number == len(made.weeks))

    async def _play_week(self, week: Week, door: Door, watching: Watch, *, seal: Seal, last: bool) -> None:
        """Send a week, tell the import that it is over, and wait until all of it is decided."""
        for start in range(0, len(week.requests), STEP):
            await play(week.requests[start : start + STEP], door, seal, answered=self.answered)
            self.screen.week(week.until, self.answered, watching.seen, over=False)
        assert seal.import_id is not None
        # The end of an import is now: what time alone has done since its last event is history, too.
        until = clock.now_ms() if last else week.until
        await reached(door, seal.import_id, key=seal.import_key, until=until, ended=last)
        decided = self._before.counted + self._before.duplicates + self.answered.accepted
        await watching.reached(seal.import_id, until, decided=decided)
        self.screen.week(week.until, self.answered, watching.seen, over=True)

    async def _play_live(self, settings: Settings, door: Door, watching: Watch) -> None:
        visitors, seed = self.plan.live, self.plan.quarter.seed
        if not visitors:
            return
        self.screen.say(f"\nNow live: {visitors} new visitors look at prices and ask to be called")
        feed = Feed(
            seed=seed, door=door, seal=seal_of(settings, seed, import_id=None), identity_key=settings.identity_key,
            answered=self.answered, on_arrival=self.screen.arrival,
        )  # fmt: skip
        await feed.run(visitors, watching.seen)
        self.screen.latencies(visitors, feed.latencies_s)

    async def _serve(self, settings: Settings, supervisor: Supervisor) -> None:
        """Show every transition as it happens, until we are told to end. Raises Misconfigured for a process that cannot run."""
        told = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, told.set)
        async with watch(settings.kafka, settings.names, alive=partial(supervisor.wait, NOW)) as watching:
            await watching.settled()
            watching.seen.listeners.append(self.screen.transition)
            self.screen.say("Serving, and showing every change of stage as it happens; Ctrl-C ends it.")
            while not told.is_set():
                supervisor.wait(NOW)
                with suppress(TimeoutError):
                    await asyncio.wait_for(told.wait(), LOOK_EVERY_S)
        self.screen.say("Stopping.")

    def _note(self, what: str) -> None:
        self.seconds[what] = time.monotonic() - self.plan.began
