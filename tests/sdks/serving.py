"""Published libraries, as their registries hand them out, before a collector that keeps what it takes."""

import asyncio
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.streams.collecting import KeptBox, served
from tests.streams.installed import until

KEY = "a-write-key"
VERSIONS = {
    "@segment/analytics-node": "3.1.0", "@snowplow/node-tracker": "4.8.0", "@segment/analytics-next": "1.84.3", "@snowplow/browser-tracker": "4.10.1",
}  # fmt: skip
CACHE = Path("~/.cache/leadstream").expanduser()
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
PATIENCE_S = 60
DONE = "/done"
CAMPAIGN = "utm_source=google&utm_medium=cpc&utm_campaign=Autumn"


class Collector:
    """A running collector's host, port and what it has acknowledged."""

    def __init__(self, address: str, box: KeptBox) -> None:
        self.address = address
        self.host, _, port = address.removeprefix("http://").rpartition(":")
        self.port = int(port)
        self.box = box

    def each_once(self) -> list[str]:
        """The kinds of what was taken, sorted; fails where anything came twice, or not as a touchpoint."""
        found = self.box.touchpoints()
        assert self.box.dead_letters() == []
        assert len({each.event_id for each in found}) == len(found), "sent again after it was acknowledged"
        return sorted(each.kind for each in found)


@contextmanager
def collecting(**settings: object) -> Iterator[Collector]:
    """A collector with *settings* in a thread of its own, by the real clock."""
    from streams import clock

    told, done, found, box = threading.Event(), threading.Event(), [], KeptBox()

    async def run() -> None:
        async with served(box=box, now=clock.now_ms, write_keys=frozenset({KEY}), **settings) as serving:
            found.append(serving.address)
            told.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    try:
        assert told.wait(PATIENCE_S)
        yield Collector(found[0], box)
    finally:
        done.set()
        thread.join(PATIENCE_S)


def node_modules() -> Path:
    """Where npm has put the packages; installed once. Skips, saying why, where that cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not there")
    wanted = [f"{name}@{version}" for name, version in sorted(VERSIONS.items())]
    folder = CACHE / f"npm-{blake2b(' '.join(wanted).encode(), digest_size=6).hexdigest()}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", *wanted]
        try:
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("the npm registry does not answer")
        if ended.returncode:
            pytest.skip(f"npm cannot install them: {ended.stderr.strip().splitlines()[-1:]}")
        (folder / "complete").touch()
    return folder / "node_modules"


def run_node(script: str) -> dict:
    """Run *script*, which prints one line of JSON as its last."""
    environ = {**os.environ, "NODE_PATH": str(node_modules())}
    ended = subprocess.run(["node", "-e", script], env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@contextmanager
def chromium(url: str, profile: Path, *flags: str) -> Iterator[None]:
    """Chromium with *url* open, as long as the context lives. Skips where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not there")
    usual = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}", f"--user-agent={CHROME}"]
    process = subprocess.Popen([found, *usual, *flags, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@dataclass
class Site:
    """A small site of ours: *pages* by path, whatever the query, with *headers*; what is posted to it is *told*, by path."""

    pages: dict[str, str | Path]
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator["Site"]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = site.pages.get(self.path.partition("?")[0])
                body = b"" if found is None else found.encode() if isinstance(found, str) else found.read_bytes()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "text/html" if isinstance(found, str) else "text/javascript")
                self.send_header("Content-Length", str(len(body)))
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                site.told.append((self.path, said))

            def log_message(self, *_args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            self.port = server.server_address[1]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown()

    def done(self) -> dict:
        """What a page handed to `done(...)`; waited for."""
        until(lambda: any(path == DONE for path, _ in self.told), "the page to come to its end")
        return json.loads(next(said for path, said in self.told if path == DONE))


def page(script: str) -> str:
    """A page that runs *script*, which calls `done(...)` at its end."""
    said = f"function done(told) {{ fetch('{DONE}', {{method: 'POST', body: JSON.stringify(told)}}) }}\nwindow.onerror = (e) => done({{error: String(e)}});"
    return f"<!doctype html><title>Pricing</title><script>{said}</script><body>page<script type=module>{script}</script>"


def browse(script: str, files: dict[str, Path], folder: Path) -> dict:
    """Open a page with *script* in Chromium, *files* beside it; return what it hands to `done(...)`."""
    site = Site({"/pricing": page(script), **{f"/{name}": file for name, file in files.items()}})
    with site.open(), chromium(f"http://127.0.0.1:{site.port}/pricing?{CAMPAIGN}", folder):
        return site.done()
