"""Amazon for tests: a TLS server with its certificates, behind a proxy to which the collector is sent for everything."""

import asyncio
import ssl
from contextlib import asynccontextmanager

from aiohttp import web
from cryptography.hazmat.primitives import serialization

from tests.processors import sns

HOST = "sns.us-east-1.amazonaws.com"


class Amazon:
    """What was asked for, and what is answered; whatever else there is none of."""

    def __init__(self):
        self.asked = []
        self.status = 200
        self.lies = {"/" + sns.CERTIFICATE_URL.rpartition("/")[2]: sns.pem(sns.leaf()), "/r2m01.cer": sns.der(sns.between()), "/": b"<ConfirmSubscriptionResponse/>"}
        self.proxy = self.roots = ""

    async def answer(self, request):
        self.asked.append(f"{request.url.path}?{request.query.get('Action', '')}".rstrip("?"))
        return web.Response(status=self.status if request.path in self.lies else 404, body=self.lies.get(request.path, b""), headers={"Location": "http://127.0.0.1:1/"})


@asynccontextmanager
async def amazon(folder, *, host=HOST):
    """Amazon, whose server proves itself as *host*; its root lies in *folder*."""
    found = Amazon()
    names = ("chain.pem", "key.pem", "root.pem")
    chain, key, root = (folder / name for name in names)
    chain.write_bytes(sns.pem(sns.issue("server", "between", names=(host,)), sns.between()))
    key.write_bytes(sns.key("server").private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    root.write_bytes(sns.pem(sns.root()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    secure, plain = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context), web.TCPSite(runner, "127.0.0.1", 0)
    await secure.start()
    await plain.start()
    ports = [site._server.sockets[0].getsockname()[1] for site in (secure, plain)]
    proxy = await asyncio.start_server(lambda reader, writer: _relay(reader, writer, *ports), "127.0.0.1", 0)
    found.proxy, found.roots = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", str(root)
    try:
        yield found
    finally:
        proxy.close()
        await runner.cleanup()


async def _relay(reader, writer, secure, plain):
    """A proxy: a tunnel for CONNECT, and any other request handed on."""
    head = await reader.readuntil(b"\r\n\r\n")
    tunnel = head.startswith(b"CONNECT ")
    there, onward = await asyncio.open_connection("127.0.0.1", secure if tunnel else plain)
    if tunnel:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        onward.write(head)
    await asyncio.gather(_pipe(reader, onward), _pipe(there, writer), return_exceptions=True)


async def _pipe(reader, writer):
    try:
        while sent := await reader.read(65_536):
            writer.write(sent)
            await writer.drain()
    finally:
        writer.close()
