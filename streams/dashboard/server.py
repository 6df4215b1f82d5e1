"""The page's server: static files, and one JSON door for each question. For a desk or an intranet, never for strangers.

No question changes anything, and each is bounded. Names in the data are anybody's: they are sent as JSON alone, shown as text alone,
and the policy lets no script run but the page's own file.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from sinks.clickhouse import ClickHouse
from sinks.errors import SinkError
from streams import health
from streams.clickhouse import clickhouse_of
from streams.dashboard import questions as q
from streams.settings import Settings

log = logging.getLogger(__name__)

TEXT_CHARS_MAX: Final = 200
_FILES: Final = {"/": ("page.html", "text/html"), "/page.js": ("page.js", "text/javascript"), "/page.css": ("page.css", "text/css")}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Asking:
    """Asks ClickHouse in a thread of its own, one question at a time: a connection is not for two."""

    def __init__(self, settings: Settings) -> None:
        self._client: ClickHouse = clickhouse_of(settings)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dashboard")

    async def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a question. Raises the errors of `sinks.errors`."""
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._client.query, q.bounded(sql), params)
        return [q.plain(row) for row in found]

    def close(self) -> None:
        """Ask nothing more; a question under way ends by its own bound."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def application(settings: Settings) -> web.Application:
    """The page and its doors."""
    app, asking = web.Application(middlewares=[_by_name(settings)]), Asking(settings)
    for path, (name, kind) in _FILES.items():
        app.router.add_get(path, _file(name, kind))
    for name, answer in _doors(asking).items():
        app.router.add_get(f"/api/{name}", _json(answer))

    async def close(_app: web.Application) -> None:
        asking.close()

    app.on_cleanup.append(close)
    return app


def _by_name(settings: Settings) -> Middleware:
    """Answer only who asks for us by a name of ours: else any web site could have its own name lead here, and read the page."""
    names = {"localhost", "127.0.0.1", "::1", settings.dashboard_host, *settings.dashboard_names}

    @web.middleware
    async def checked(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        said = request.headers.get("Host", "")
        name = said[1:].partition("]")[0] if said.startswith("[") else said.partition(":")[0]
        if name.lower() not in names:
            return web.Response(status=421, text="not by this name: set LEADSTREAM_DASHBOARD_NAMES", headers=_HEADERS)
        return await handler(request)

    return checked


def _doors(asking: Asking) -> dict[str, Callable[[web.Request], Awaitable[Any]]]:
    async def funnel(_request: web.Request) -> Any:
        return {"stages": await asking.rows(q.FUNNEL), "velocity": await asking.rows(q.VELOCITY)}

    async def channels(request: web.Request) -> Any:
        said = request.query.get("attribution", "linear")
        attribution = said if said in q.ATTRIBUTIONS else "linear"
        stated = bool((await asking.rows(q.STATED))[0]["rows"])
        earned = await asking.rows(q.ATTRIBUTION_STATED if stated else q.ATTRIBUTION, {"attribution": attribution})
        return {"roads": await asking.rows(q.CHANNELS), "attribution": attribution, "attributions": q.ATTRIBUTIONS, "stated": stated, "earned": earned}

    async def leads(request: web.Request) -> Any:
        asked = {name: request.query.get(name, "")[:TEXT_CHARS_MAX] for name in ("stage", "search")}
        return {"leads": await asking.rows(q.LEADS, {**asked, "most": q.ROWS_MAX})}

    async def lead(request: web.Request) -> Any:
        asked = {"lead": request.query.get("id", "")[:TEXT_CHARS_MAX], "most": q.ROWS_MAX}
        found = await asking.rows(q.LEAD, asked)
        return {"lead": found[0] if found else None, "sums": await asking.rows(q.SUMS, asked), "story": await asking.rows(q.STORY, asked)}

    async def ledger(_request: web.Request) -> Any:
        return {"ledger": await asking.rows(q.LEDGER), "drift": await asking.rows(q.DRIFT), "dead_letters": await asking.rows(q.DEAD_LETTERS)}

    return {"funnel": funnel, "channels": channels, "leads": leads, "lead": lead, "health": ledger}


def _json(answer: Callable[[web.Request], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def asked(request: web.Request) -> web.Response:
        try:
            status, said = 200, await answer(request)
        except SinkError as error:
            status, said = 503, {"message": str(error)}
        return web.Response(status=status, body=msgspec.json.encode(said), content_type="application/json", headers=_HEADERS)

    return asked


def _file(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = files("streams.dashboard").joinpath(name).read_bytes()

    async def given(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    return given


async def serve(settings: Settings, told: asyncio.Event) -> None:
    """Serve until *told*. Raises Misconfigured for a port in use."""
    runner = web.AppRunner(application(settings), access_log=None)
    await runner.setup()
    try:
        address = await health.listen(runner, settings.dashboard_host, settings.dashboard_port, setting="LEADSTREAM_DASHBOARD_PORT")
        log.info("dashboard at %s", address)
        await told.wait()
    finally:
        await runner.cleanup()
