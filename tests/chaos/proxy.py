"""TCP proxies between any two parts: they pass bytes on, late, or not at all, or cut what is open."""

import asyncio
import contextlib
import threading
from collections.abc import Mapping

HOST = "127.0.0.1"
CHUNK = 1 << 16


class Proxy:
    """One listening port before another. `delay_s` holds every chunk back; `away` accepts nobody."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.delay_s = 0.0
        self.away = False
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self, port: int) -> None:
        server = await asyncio.start_server(self._serve, HOST, port, limit=CHUNK)
        self.port = server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset every open connection."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.transport.abort()
            return
        try:
            onward, back = await asyncio.open_connection(HOST, self.target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._open |= both
        pumps = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(onward, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for each in both:
                each.transport.abort()
            self._open -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()


class Network:
    """All proxies, by name, on an event loop and a thread of their own."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def open(self, name: str, target: int, *, port: int = 0) -> int:
        """Put a proxy before the port *target* and return its own."""
        proxy = self._proxies[name] = Proxy(target)
        asyncio.run_coroutine_threadsafe(proxy.listen(port), self._loop).result()
        return proxy.port

    @property
    def names(self) -> list[str]:
        return sorted(self._proxies)

    def delay(self, name: str, seconds: float) -> None:
        self._proxies[name].delay_s = seconds

    def part(self, name: str, *, away: bool) -> None:
        """Let nobody through, or let them through again."""
        self._proxies[name].away = away
        if away:
            self.cut(name)

    def cut(self, name: str) -> None:
        self._loop.call_soon_threadsafe(self._proxies[name].cut)

    def heal(self) -> None:
        for proxy in self._proxies.values():
            proxy.delay_s, proxy.away = 0.0, False

    def ports(self) -> Mapping[str, int]:
        return {name: proxy.port for name, proxy in self._proxies.items()}
