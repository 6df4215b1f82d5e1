"""/live, /ready and /metrics, the same on every process. They tell the truth, and in words.

Live: worth keeping; not live: a restart may help. Ready: doing its work now. A server that is away makes a process
unready and leaves it alive: a restart would not bring the server back.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
from aiohttp import web

from streams import metrics
from streams.errors import Misconfigured
from streams.lane.health import HopHealth

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Probes:
    """Each gives the sentences that speak against it; none means yes. Those of a worker are asked from another thread."""

    live: Callable[[], Sequence[str]]
    ready: Callable[[], Sequence[str]]


def of_hops(view: Callable[[], Sequence[HopHealth]], *, stuck_after: timedelta) -> Probes:
    """Probes of a worker, from the health of its hops."""
    return Probes(live=lambda: _stuck(view(), stuck_after), ready=lambda: _unready(view()))


def routes(probes: Probes) -> list[web.RouteDef]:
    """The three doors, for the ops port of any process."""

    async def live(_request: web.Request) -> web.Response:
        return _answer("live", probes.live())

    async def ready(_request: web.Request) -> web.Response:
        return _answer("ready", probes.ready())

    async def measured(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": _TEXT})

    return [web.get("/live", live), web.get("/ready", ready), web.get("/metrics", measured)]


def public_routes(probes: Probes) -> list[web.RouteDef]:
    """/live and /ready for a port that strangers reach: yes or no to load balancers, and nothing of what lies within."""

    async def live(_request: web.Request) -> web.Response:
        return web.Response(status=503 if probes.live() else 200)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(status=503 if probes.ready() else 200)

    return [web.get("/live", live), web.get("/ready", ready)]


async def listen(runner: web.AppRunner, host: str, port: int, *, setting: str, reuse_port: bool = False) -> str:
    """Listen, and give the address as a URL. Raises Misconfigured, naming *setting*."""
    site = web.TCPSite(runner, host, port, reuse_port=reuse_port or None, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(f"port {port} of {host} is in use: end what listens there, or set {setting} to another") from error
        raise Misconfigured(f"{host}:{port} cannot be listened on ({error.strerror}): set {setting} or its host") from error
    bound = runner.addresses[-1][1]
    return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"


def _answer(question: str, against: Sequence[str]) -> web.Response:
    body = msgspec.json.encode({question: not against, "problems": list(against)})
    return web.Response(status=503 if against else 200, body=body, content_type="application/json")


def _stuck(hops: Sequence[HopHealth], after: timedelta) -> list[str]:
    """Name what stands still: where one partition holds the event loop, that one alone, for all others wait for it."""
    holding = [problem for each in hops if (problem := each.holds_the_loop(after)) is not None]
    return holding or [problem for each in hops if (problem := each.stuck(after)) is not None]


def _unready(hops: Sequence[HopHealth]) -> list[str]:
    if not hops:
        return ["starting"]
    problems = []
    for each in hops:
        if each.failure is not None:
            problems.append(f"{each.hop}: {each.failure}")
        elif not each.joined:
            problems.append(f"{each.hop}: has not joined its group yet")
        for tp, partition in each.partitions.items():
            if partition.trouble is not None or not partition.opened:
                problems.append(f"{each.hop}: {tp.topic}[{tp.partition}] {partition.trouble or partition.doing}")
    return problems
