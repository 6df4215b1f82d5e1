"""What the collector fetches from a sender's side before it can judge or answer a request: small, bounded, remembered.

Addresses come from requests of strangers, so adapters ask only for those of their vendor, redirections are not followed,
and only so many are fetched at a time: the rest are told to come again.
"""

import asyncio
import ssl
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Final

import aiohttp

from processors.sources.signal import Wanted
from streams.errors import Unavailable

BYTES_MAX: Final = 65_536
AT_ONCE_MAX: Final = 8
KEPT_MAX: Final = 64
KEPT_S: Final = 24 * 3600.0
KEPT_NOTHING_S: Final = 60.0
TIMEOUT_S: Final = 5.0
"""How long all tries together may take."""
PAUSE_S: Final = 0.25


class Fetching:
    """Fetches, and what was fetched of late. *proxy* and *roots* as `streams.settings` has them."""

    def __init__(self, *, proxy: str = "", roots: str = "") -> None:
        self._proxy = proxy or None
        self._roots = roots or None
        self._session: aiohttp.ClientSession | None = None
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, wanted: Wanted) -> bytes:
        """What is *wanted*; empty where its server says that there is nothing. Raises Unavailable."""
        url, kept = wanted.url, wanted.kept
        if kept and (known := self._kept.get(url)) is not None and known[0] > time.monotonic():
            return known[1]
        task = self._under_way.get(url)
        if task is None:
            if len(self._under_way) >= AT_ONCE_MAX:
                raise Unavailable("too much is being fetched from senders")
            task = self._under_way[url] = asyncio.create_task(self._patiently(wanted))
            task.add_done_callback(lambda done: self._ended(url, done, kept=kept))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way."""
        for task in [*self._under_way.values()]:
            task.cancel()
            with suppress(asyncio.CancelledError, Unavailable):
                await task
        if self._session is not None:
            await self._session.close()

    def _ended(self, url: str, task: asyncio.Task[bytes], *, kept: bool) -> None:
        del self._under_way[url]
        if task.cancelled() or task.exception() is not None or not kept:
            return
        found = task.result()
        self._kept[url] = (time.monotonic() + (KEPT_S if found else KEPT_NOTHING_S), found)
        self._kept.move_to_end(url)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    async def _patiently(self, wanted: Wanted) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for n in range(wanted.tries - 1):
                    with suppress(Unavailable):
                        return await self._get(wanted)
                    await asyncio.sleep(PAUSE_S * 2**n)
                return await self._get(wanted)
        except TimeoutError:
            raise Unavailable("the sender's own server does not answer in time") from None

    async def _get(self, wanted: Wanted) -> bytes:
        try:
            if self._session is None:
                trusted = ssl.create_default_context(cafile=self._roots)
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=trusted), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()
                )
            async with self._session.get(wanted.url, headers=wanted.headers, allow_redirects=False, proxy=self._proxy) as answer:
                if answer.status >= 500 or answer.status == 429:
                    raise Unavailable("the sender's own server does not answer")
                if answer.status != 200:
                    return b""
                found = await answer.content.read(BYTES_MAX + 1)
                while len(found) <= BYTES_MAX and (more := await answer.content.read(BYTES_MAX)):
                    found += more
                return found if len(found) <= BYTES_MAX else b""
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unavailable(f"the sender's own server cannot be asked ({type(error).__name__})") from None
