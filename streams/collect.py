"""The collector: HTTP in, touchpoints out. 200 means that every replica in sync has what was sent.

What is wrong with a request is its sender's to mend (4xx, naming the field); what is wrong here is ours (503 with
Retry-After, and the sender keeps what it has). Nothing that a sender says is logged.
"""

import argparse
import asyncio
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

import uvloop
from aiohttp import web

from streams import clock, health, topics
from streams.collecting import answers, imports
from streams.collecting.doors import Door, doors
from streams.collecting.imports import Imports
from streams.collecting.intake import Intake, count
from streams.collecting.outbox import Limits, Outbox, outbox
from streams.errors import StreamsError
from streams.garbage import collect_rarely
from streams.settings import Settings
from streams.web import snippet

log = logging.getLogger(__name__)

BUG: Final = 1
FINISH_WITHIN_S: Final = 10.0
SILENT_MAX_S: Final = 75.0
"""A connection that has asked nothing for so long is closed, also one that sends its headers drop by drop. Above the 60 s for
which load balancers keep connections open: theirs must be the first to close."""
_METHODS: Final = "POST, OPTIONS"
_PREFLIGHT_S: Final = 86_400
_NO_DOOR: Final = "none"

# What is no HTTP is answered 400 by the server, whose own line about it would hold what was sent: keys, too.
_UNHEARD: Final = logging.getLogger("streams.collect.unheard")
_UNHEARD.disabled = True

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Collector:
    """A running collector: where it listens, for all and for operators; why it can never work; whether it is being stopped."""

    address: str
    ops: str
    refused: asyncio.Future[None]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


def run(settings: Settings, *, reuse_port: bool = False, on_ready: Callable[[str], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT, finish what is under way, and return the exit code (see `streams.errors`).

    *on_ready* is told the address once the doors are open, which they are whether or not Kafka answers.
    With *reuse_port* several processes share one port.
    """
    _as_many_connections_as_may_be()
    collect_rarely()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the outbox says it once, and in words
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(settings, reuse_port=reuse_port, on_ready=on_ready))
    except StreamsError as error:
        log.error("%s", error)  # noqa: TRY400 - a sentence says it all
        return error.exit_code
    return 0


def _as_many_connections_as_may_be() -> None:
    """Raise the limit of open files, often 1,024, to what is allowed: silent connections must not keep others out."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def serve(settings: Settings, *, now: Callable[[], int] = clock.now_ms, reuse_port: bool = False) -> AsyncIterator[Collector]:
    """A collector on this event loop, as long as the context lives. Raises Misconfigured for a port in use.

    At the end: no new connection, /ready says no, requests under way are answered, what is under way to Kafka arrives.
    """
    written = {settings.names.topic(name): topics.BY_NAME[name].partitions for name in (*topics.TOUCHPOINTS, topics.DEAD_LETTERS)}
    limits = Limits(bytes_max=settings.in_flight_bytes_max, ack_timeout_s=settings.ack_timeout_s)
    async with outbox(settings.kafka, written, limits) as box:
        collector = Collector(address="", ops="", refused=box.refused)
        runner = runner_of(application(settings, box, collector.stopping, now=now))
        ops = runner_of(operators(box, collector.stopping))
        await runner.setup()
        await ops.setup()
        try:
            collector.ops = await health.listen(ops, settings.ops_host, settings.ops_port, setting="LEADSTREAM_OPS_PORT")
            collector.address = await health.listen(
                runner, settings.collector_host, settings.collector_port, setting="LEADSTREAM_COLLECTOR_PORT", reuse_port=reuse_port
            )
            yield collector
        finally:
            collector.stopping.set()
            await runner.cleanup()
            await ops.cleanup()


def runner_of(app: web.Application) -> web.AppRunner:
    """The server for *app*: bodies come as they were sent, and nothing of a request is logged."""
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        auto_decompress=False,
        shutdown_timeout=FINISH_WITHIN_S,
        keepalive_timeout=SILENT_MAX_S,
        logger=_UNHEARD,
    )


def application(settings: Settings, box: Outbox, stopping: asyncio.Event, *, now: Callable[[], int]) -> web.Application:
    """Every door, both with and without a trailing slash; anything else is answered in JSON, too."""
    app = web.Application(client_max_size=settings.body_bytes_max)
    intake = Intake(settings, box, now=now)
    app.on_cleanup.append(intake.close)
    app.router.add_get(snippet.PATH, snippet.Snippet().get)
    for path in settings.snippet_paths:
        app.router.add_get(path, snippet.Snippet(endpoint=path).get)
    for door in doors(settings):
        for path in door.paths:
            _open(app, path, partial(intake.receive, door=door, path=path), door=door)
    _open(app, imports.PATH, Imports(intake, box, settings.names, now=now).reached)
    app.add_routes(health.public_routes(_probes(box, stopping)))
    app.router.add_route("*", "/{path:.*}", _nowhere)
    return app


def operators(box: Outbox, stopping: asyncio.Event) -> web.Application:
    """/live, /ready and /metrics in full, for a port of their own: strangers have no business there."""
    app = web.Application()
    app.add_routes(health.routes(_probes(box, stopping)))
    return app


def _open(app: web.Application, path: str, handler: Handler, *, door: Door | None = None) -> None:
    browsers = door is not None and door.browsers
    for spelling in (path, path + "/"):
        app.router.add_post(spelling, _for_browsers(handler) if browsers else handler)
        for method in door.asks if door is not None else ():
            app.router.add_route(method, spelling, _for_browsers(handler) if browsers else handler)
        if browsers:
            app.router.add_options(spelling, _preflight)
        app.router.add_route("*", spelling, _for_browsers(_wrong_method) if browsers else _wrong_method)


def _probes(box: Outbox, stopping: asyncio.Event) -> health.Probes:
    def live() -> Sequence[str]:
        return ["the connection to Kafka was given up by a bug: restart this process"] if box.given_up else []

    def ready() -> Sequence[str]:
        if stopping.is_set():
            return ["stopping"]
        return [box.problem] if box.problem is not None else []

    return health.Probes(live=live, ready=ready)


def _for_browsers(handler: Handler) -> Handler:
    """Let pages of any site read the answer; what they need to send lies open in them anyway."""

    async def answered(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        _allow_origin(request, response)
        return response

    return answered


def _allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    origin = _echo(request, "Origin")
    if origin is None:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers["Vary"] = "Origin"


async def _preflight(request: web.Request) -> web.StreamResponse:
    """Allow whatever headers are asked for: libraries add their own when they retry, and a fixed list would end that."""
    response = web.Response(status=204)
    _allow_origin(request, response)
    response.headers["Access-Control-Allow-Methods"] = _METHODS
    if (asked := _echo(request, "Access-Control-Request-Headers")) is not None:
        response.headers["Access-Control-Allow-Headers"] = asked
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
    return response


def _echo(request: web.Request, header: str) -> str | None:
    """A header to be said back, if it is text that may be."""
    said = request.headers.get(header)
    return said if said is not None and said.isascii() and said.isprintable() else None


async def _wrong_method(_request: web.Request) -> web.StreamResponse:
    response = answers.problem(405, "wrong_method", "this door takes POST")
    response.headers["Allow"] = _METHODS
    count(_NO_DOOR, response)
    return response


async def _nowhere(_request: web.Request) -> web.StreamResponse:
    response = answers.problem(404, "no_such_door", "there is no such door; the README lists them")
    count(_NO_DOOR, response)
    return response


async def _until_told(settings: Settings, *, reuse_port: bool, on_ready: Callable[[str], None] | None) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)
    async with serve(settings, reuse_port=reuse_port) as collector:
        log.info("collector at %s; /live, /ready and /metrics at %s", collector.address, collector.ops)
        if on_ready is not None:
            on_ready(collector.address)
        collector.refused.add_done_callback(lambda _: told.set())
        await told.wait()
        log.info("collector: stopping")
        if collector.refused.done():
            collector.refused.result()


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m streams.collect`: one collector with the settings of the environment, its address on stdout."""
    parser = argparse.ArgumentParser(prog="python -m streams.collect", description=main.__doc__)
    parser.add_argument("--reuse-port", action="store_true", help="share the port with other collectors")
    asked = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.load()
    except StreamsError as error:
        log.error("%s", error)  # noqa: TRY400 - a sentence says it all
        return error.exit_code
    return run(settings, reuse_port=asked.reuse_port, on_ready=lambda address: print(address, flush=True))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
