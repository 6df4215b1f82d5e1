"""Everything on one machine: child processes that are started, watched, restarted and stopped together.

A child that ends is started again, after a pause that grows while it keeps ending; so is one that says it is stuck or
has stopped answering. One that ends as misconfigured stops all: no restart would help it. Children end with us, also
when we are killed: each looks who its parent is (`streams.cli.service`).
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final, Self

from streams.child import END_WITHIN_S, Child, Role, Tell
from streams.errors import StreamsError, Unavailable
from streams.settings import Settings, environ_of

LOOK_EVERY_S: Final = 5.0
POLL_S: Final = 0.1


def roles(settings: Settings, *, workers: int = 1) -> list[Role]:
    """The collector, *workers* workers and the sink, each with ports of its own from the settings' on (0: free ones)."""
    working = [(f"worker-{number + 1}", ("work", "--hops", "identify,score")) for number in range(workers)]
    found = []
    for number, (name, command) in enumerate([("collector", ("collect",)), *working, ("sink", ("sink",))]):
        own, door = replace(settings, ops_port=settings.ops_port + number if settings.ops_port else _free_port()), ""
        if name == "collector":
            own = replace(own, collector_port=settings.collector_port or _free_port())
            door = _address(own.collector_host, own.collector_port)
        found.append(Role(name=name, command=command, environ=environ_of(own), address=_address(own.ops_host, own.ops_port), door=door))
    return found


def _address(host: str, port: int) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Keeps children running from `start` to `stop`; a context manager does both."""

    def __init__(self, wanted: Iterable[Role], *, tell: Tell) -> None:
        self._children = [Child(role, tell=tell, on_misconfigured=self._fail) for role in wanted]
        self._ended = threading.Event()
        self._failure: StreamsError | None = None
        self._watch = threading.Thread(target=self._look, name="look", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        for child in self._children:
            child.start()
        self._watch.start()

    def stop(self) -> None:
        """End all children and return when they have ended: within 10 s they finish what they hold, then they are killed."""
        self._ended.set()
        for child in self._children:
            child.end()
        until = time.monotonic() + END_WITHIN_S
        for child in self._children:
            child.join(until)

    def wait(self, within: timedelta | None = None) -> bool:
        """Return True once `stop` was called or `interrupt`, False after *within*; raise why a child cannot run."""
        ended = self._ended.wait(None if within is None else within.total_seconds())
        if self._failure is not None:
            raise self._failure
        return ended

    def interrupt(self) -> None:
        """Let `wait` return; for signal handlers."""
        self._ended.set()

    def wait_until_ready(self, within: timedelta) -> bool:
        """Return True when every child says it is ready, False if told to end before.

        Raises Unavailable with what they say when that takes longer, or why one of them cannot run.
        """
        until = time.monotonic() + within.total_seconds()
        while problems := self.unready():
            if self.wait(timedelta(seconds=POLL_S)):
                return False
            if time.monotonic() > until:
                raise Unavailable(f"not ready after {within.total_seconds():.0f} s: {'; '.join(problems)}")
        return True

    def unready(self) -> list[str]:
        """What speaks against readiness, a sentence each, beginning with the child's name."""
        return [f"{child.role.name}: {problem}" for child in self._children for problem in child.asks("ready").problems]

    def pids(self) -> dict[str, int]:
        """The processes that run now, by the names of their roles."""
        return {child.role.name: pid for child in self._children if (pid := child.pid) is not None}

    def restarts(self) -> dict[str, int]:
        """How often each child was started again."""
        return {child.role.name: child.restarts for child in self._children}

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> int:
        """Send *sig* to a child, to see what happens, and return its pid."""
        pid = self.pids()[name]
        os.kill(pid, sig)
        return pid

    def _fail(self, error: StreamsError) -> None:
        self._failure = self._failure or error
        self._ended.set()

    def _look(self) -> None:
        """Restart whoever is stuck: a process that hangs does not end by itself."""
        while not self._ended.wait(LOOK_EVERY_S):
            for child in self._children:
                child.look()
