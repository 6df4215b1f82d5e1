"""One process, any set of hops: a Faust app for each, all on one event loop.

Each hop is a group of its own, so each has its own app and consumer thread; their shards share the loop. They start
together, finish and commit together when the process is told to stop, and the first that fails ends the process.
Faust's and mode's workers are not used: they start apps one after the other, each waiting for its first assignment,
and let a rebalance close the client while shards still commit. uvloop is not used: measured, it cost a tenth of the rate.
"""

import asyncio
import contextlib
import faulthandler
import logging
import signal
import threading
import time
import traceback
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from types import FrameType
from typing import Any, TypeAlias

from streams.broker import require_topics
from streams.errors import StreamsError
from streams.garbage import collect_rarely
from streams.lane.health import HopHealth
from streams.lane.hop import Hop, LaneObserver
from streams.lane.lane import Lane
from streams.lane.membership import LaneApp
from streams.newest import refuse_newer

log = logging.getLogger(__name__)

HealthView: TypeAlias = Callable[[], Sequence[HopHealth]]
Beside: TypeAlias = Callable[[HealthView], AbstractAsyncContextManager[Any]]

BUG = 1
STOP_WITHIN = timedelta(seconds=10)
BROKER_PATIENCE = timedelta(seconds=30)
SELDOM_S = 10.0


def run(
    hops: Collection[Hop],
    *,
    bootstrap: str,
    partitions: Mapping[str, int] | None = None,
    observer: LaneObserver | None = None,
    beside: Collection[Beside] = (),
    patience: timedelta = BROKER_PATIENCE,
) -> int:
    """Run *hops* until SIGTERM or SIGINT and return the exit code, see `streams.errors`.

    *partitions* is how many each topic must have, where that is for life. *beside* are contexts that live as long as the process (metrics, /live and /ready), each given the view of its
    health. *patience* is for a broker that is away at the start. Once told to stop it returns within `STOP_WITHIN`: if
    anything hangs, the process ends then and there with 1 and every thread's traceback.
    """
    collect_rarely()
    _quieten("faust", "mode", "aiokafka")
    worker = Worker(hops, bootstrap=bootstrap, partitions=partitions or {}, observer=observer or LaneObserver())
    try:
        asyncio.run(worker.serve(beside, patience=patience))
    except StreamsError as error:
        log.error("%s", error)  # noqa: TRY400 - a sentence says it all
        return error.exit_code
    except Exception:  # noqa: BLE001 - a lane has told where, and may not tell what: it may hold what a record holds
        log.critical("ended by a bug, without a commit")
        return BUG
    finally:
        if threading.active_count() == 1:  # A consumer's thread that did not end would keep the process from ending.
            faulthandler.cancel_dump_traceback_later()
    return 0


class Worker:
    """The hops of this process, from the first look at the broker to the last commit."""

    def __init__(self, hops: Collection[Hop], *, bootstrap: str, partitions: Mapping[str, int], observer: LaneObserver) -> None:
        self._hops = hops
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._observer = observer
        self._lanes: list[Lane] = []
        self._failure: BaseException | None = None
        self._ended: asyncio.Event
        self._ends_in_time = False

    def health(self) -> list[HopHealth]:
        """Tell how each hop does, from any thread; empty until they start."""
        return [lane.health() for lane in self._lanes]

    async def serve(self, beside: Collection[Beside], *, patience: timedelta) -> None:
        """Run until told to stop, or until a hop fails: then raise why."""
        self._ended = asyncio.Event()
        self._listen()
        async with AsyncExitStack() as stack:
            await self._unless_ended(self._prepare(stack, beside, patience))
            if not self._ended.is_set():
                await self._run_apps([LaneApp(lane, bootstrap=self._bootstrap) for lane in self._lanes])
        if self._failure is not None:
            raise self._failure

    def _listen(self) -> None:
        """End at the first signal; a second one of its kind kills, as it would without us.

        Not by the event loop's own handlers: those do nothing while the loop is stuck, and the process would stay.
        """
        loop = asyncio.get_running_loop()

        def end(number: int, _: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)
            self._end_in_time()
            with contextlib.suppress(RuntimeError):  # the loop is closed: the end is near
                loop.call_soon_threadsafe(told, signal.Signals(number))

        def told(sign: signal.Signals) -> None:
            log.info("%s: finishing", sign.name)
            self._ended.set()

        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, end)
        faulthandler.register(signal.SIGUSR1, all_threads=True)  # whoever is on call sees what every thread does

    def _end_in_time(self) -> None:
        """Whatever hangs from here on, the process ends in time, with 1, and says where it hung."""
        if not self._ends_in_time:
            self._ends_in_time = True
            faulthandler.dump_traceback_later(STOP_WITHIN.total_seconds(), exit=True)

    async def _prepare(self, stack: AsyncExitStack, beside: Collection[Beside], patience: timedelta) -> None:
        topics = {topic for hop in self._hops for topic in (*hop.topics, *hop.writes)}
        for each in beside:
            await stack.enter_async_context(each(self.health))
        found = await require_topics(self._bootstrap, topics, patience=patience, partitions=self._partitions)
        await refuse_newer(self._bootstrap, self._hops, partitions=found)
        for hop in self._hops:
            shards = await stack.enter_async_context(hop.shards())
            self._lanes.append(Lane(hop, shards, observer=self._observer, on_failure=self._fail))

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._ended.set()

    async def _unless_ended(self, work: Coroutine[Any, Any, None]) -> None:
        doing = asyncio.create_task(work)
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait((doing, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (doing, ended):
            task.cancel()
        await asyncio.wait((doing, ended))
        if not doing.cancelled():
            doing.result()

    async def _run_apps(self, apps: Sequence[LaneApp]) -> None:
        lives = [asyncio.create_task(self._live(app)) for app in apps]
        await self._ended.wait()
        self._end_in_time()
        # First the lanes, while the apps are members still: an app that stops no longer takes part in a rebalance.
        last = await asyncio.gather(*(lane.finish() if self._failure is None else lane.abandon() for lane in self._lanes), return_exceptions=True)
        last += await asyncio.gather(*(app.stop() for app in apps), return_exceptions=True)
        for error in last:
            if error is not None:
                log.error("while stopping: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
                self._fail(error)
        await asyncio.wait(lives)

    async def _live(self, app: LaneApp) -> None:
        """Start an app, and see it end: stopped by us, or crashed."""
        try:
            await app.start()
            await app.wait_until_stopped()
            if app.crash_reason is not None:
                raise app.crash_reason  # noqa: TRY301 - told like any other failure
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the process
            app.lane.fail(error, f"hop {app.lane.hop.name}: its group membership")


class _Seldom(logging.Filter):
    """Let each line through once in a while: with its broker away, the client library writes hundreds a second."""

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line, now = (record.name, str(record.msg)), time.monotonic()
        if now < self._next.get(line, 0.0):
            return False
        self._next[line] = now + SELDOM_S
        return True


def _quieten(*libraries: str) -> None:
    """Hear warnings only, and each seldom. Filters are not inherited, so every logger there is gets one."""
    seldom = _Seldom()
    for library in libraries:
        logging.getLogger(library).setLevel(logging.WARNING)
        for name in list(logging.root.manager.loggerDict):
            if name == library or name.startswith(f"{library}."):
                logging.getLogger(name).addFilter(seldom)
