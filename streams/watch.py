"""The thread that watches a worker: /live, /ready and /metrics answer, and a stuck hop is named, whatever the hops do.

A decision that never ends, or a call that blocks, stops the event loop that all hops share; the consumers' threads go on
telling their groups that all is well, so nobody takes the partitions over. Doors on that loop would be as silent as it is.
"""

import asyncio
import contextlib
import faulthandler
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from aiohttp import web

from streams.health import Probes, listen, routes

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0

Excuse = Callable[[], Awaitable[str | None]]
"""Asked while something stands still: the sentence of a server that is away and may be the reason, or None."""


@asynccontextmanager
async def ops_server(host: str, port: int, probes: Probes, *, excuse: Excuse, excused_for: timedelta) -> AsyncIterator[str]:
    """Watch and serve the three doors as long as the context lives; gives their address. Raises Misconfigured.

    What stands still while *excuse* names a server, and *excused_for* after that, is not ready instead of not live.
    """
    watch = Watch(probes, excuse=excuse, excused_for=excused_for)
    thread = threading.Thread(target=watch.run, args=(host, port), name="watch", daemon=True)
    thread.start()
    try:
        yield await asyncio.shield(asyncio.wrap_future(watch.address))
    finally:
        watch.stop()
        await asyncio.wrap_future(watch.ended)
        thread.join()


class Watch:
    """The doors and the look-out, on an event loop of their own."""

    def __init__(self, probes: Probes, *, excuse: Excuse, excused_for: timedelta) -> None:
        self.address: Future[str] = Future()
        self.ended: Future[None] = Future()
        self._probes = probes
        self._excuse = excuse
        self._excused_for = excused_for.total_seconds()
        self._excused: str | None = None
        self._excused_at = -self._excused_for
        self._stuck: Sequence[str] = ()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def run(self, host: str, port: int) -> None:
        """Watch and serve until `stop`; for a thread."""
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(host, port))
        except Exception as error:  # noqa: BLE001 - raised where the doors are opened, else told
            if self.address.done():
                log.critical("the watch over the hops has ended by a bug: %s; restart this process", type(error).__name__)
            else:
                self.address.set_exception(error)
        finally:
            self.ended.set_result(None)

    def stop(self) -> None:
        """Let `run` return; from any thread."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, host: str, port: int) -> None:
        app = web.Application()
        app.add_routes(routes(Probes(live=lambda: self._stuck, ready=self._unready)))
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        looking = asyncio.create_task(self._look_on())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            self.address.set_result(await listen(runner, host, port, setting="LEADSTREAM_OPS_PORT"))
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (looking, stopping):
                task.cancel()
            await asyncio.wait({looking, stopping})
            await runner.cleanup()
        if not looking.cancelled():
            looking.result()

    def _unready(self) -> Sequence[str]:
        return [*self._probes.ready(), *([self._excused] if self._excused is not None else ())]

    async def _look_on(self) -> None:
        """Look about once a second; name what is stuck once, as it becomes so."""
        while True:
            before, self._stuck = self._stuck, await self._look()
            if self._stuck and not before:
                # In a thread: who reads our log may be what hangs.
                await asyncio.to_thread(_name, self._stuck)
            elif before and not self._stuck:
                log.warning("no longer stuck")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> Sequence[str]:
        stuck = self._probes.live()
        self._excused = await self._excuse() if stuck else None
        if self._excused is not None:
            self._excused_at = time.monotonic()
        return () if time.monotonic() - self._excused_at < self._excused_for else stuck


def _name(stuck: Sequence[str]) -> None:
    """Say what is stuck, and what every thread does: files, lines and functions, no values."""
    log.critical("stuck: %s. What every thread does:", "; ".join(stuck))
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
