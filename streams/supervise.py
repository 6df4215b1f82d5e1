"""Everything on one machine: child processes that are started, watched, restarted and stopped together.

A child that ends is started again, after a pause that grows while it keeps ending; so is one that says it is stuck or
has stopped answering. One that ends as misconfigured stops all: no restart would help it. Children end with us, also
when we are killed: each looks who its parent is (`streams.cli.service`).
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Self, TypeAlias

from streams.errors import Misconfigured, StreamsError, Unavailable
from streams.probe import Answer, ask
from streams.settings import Settings, environ_of

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
STEADY_AFTER_S: Final = 30.0
"""A child that ran for so long before it ended is started again without a longer pause."""
STOP_WITHIN_S: Final = 12.0
"""After SIGTERM a child commits and ends within 10 s; then it is killed."""
LOOK_EVERY_S: Final = 5.0
SILENT_MAX_S: Final = 60.0
POLL_S: Final = 0.1

Tell: TypeAlias = Callable[[str, str], None]
"""Told each line that a child writes: (child, line). Called from several threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What one child does: a command of `leadstream`, its environment, and where it answers /live and /ready."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)  # holds secrets
    address: str


def roles(settings: Settings, *, workers: int = 1) -> list[Role]:
    """The collector, *workers* workers and the sink, each with ports of its own from the settings' on (0: free ones)."""
    listens = replace(settings, collector_port=settings.collector_port or _free_port())
    found = [_role("collector", ("collect",), listens, port=listens.collector_port)]
    for number in range(workers + 1):
        port = settings.ops_port + number if settings.ops_port else _free_port()
        name, command = (f"worker-{number + 1}", ("work", "--hops", "identify,score")) if number < workers else ("sink", ("sink",))
        found.append(_role(name, command, replace(settings, ops_port=port), port=port))
    return found


def _role(name: str, command: tuple[str, ...], settings: Settings, *, port: int) -> Role:
    host = settings.collector_host if name == "collector" else settings.ops_host
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    address = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
    return Role(name=name, command=command, environ=environ_of(settings), address=address)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Keeps children running from `start` to `stop`; a context manager does both."""

    def __init__(self, wanted: Iterable[Role], *, tell: Tell) -> None:
        self._children = [_Child(role, tell=tell, on_misconfigured=self._fail) for role in wanted]
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
        until = time.monotonic() + STOP_WITHIN_S
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


class _Child:
    """One role's process, started anew whenever it ends, until told to end."""

    def __init__(self, role: Role, *, tell: Tell, on_misconfigured: Callable[[StreamsError], None]) -> None:
        self.role = role
        self.restarts = 0
        self._tell = tell
        self._on_misconfigured = on_misconfigured
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()  # between ending and starting anew
        self._ending = threading.Event()
        self._answered_at: float | None = None
        self._thread = threading.Thread(target=self._keep, name=role.name, daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        with self._lock:
            self._ending.set()
            self._send(signal.SIGTERM)

    def join(self, until: float) -> None:
        """Wait until it has ended; kill it after the instant *until*."""
        if self._thread.ident is None:  # it was never started
            return
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            log.warning("%s did not end in time and is killed", self.role.name)
            self._send(signal.SIGKILL)
            self._thread.join()

    def asks(self, question: str) -> Answer:
        return ask(f"{self.role.address}/{question}")

    def look(self) -> None:
        """End it if it says it is stuck, or has answered once and then not for long; it is then started again."""
        if self.pid is None:
            return
        answer = self.asks("live")
        if answer.answered:
            self._answered_at = time.monotonic()
        silent = self._answered_at is not None and time.monotonic() - self._answered_at > SILENT_MAX_S
        if silent or (answer.answered and answer.problems):
            why = f"silent for {SILENT_MAX_S:.0f} s" if silent else "; ".join(answer.problems)
            log.error("%s is stuck and is started again: %s", self.role.name, why)
            self._send(signal.SIGKILL if silent else signal.SIGTERM)
            self._answered_at = None

    def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            code, last = self._live()
            if self._ending.is_set():
                return
            if code == Misconfigured.exit_code:
                self._on_misconfigured(Misconfigured(f"{self.role.name} cannot run: {last}"))
                return
            if time.monotonic() - began > STEADY_AFTER_S:
                pause = FIRST_PAUSE_S
            log.warning("%s ended with %s and is started again in %.1f s", self.role.name, _ended_with(code), pause)
            if self._ending.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self.restarts += 1

    def _live(self) -> tuple[int, str]:
        """Run it once; return its exit code and the last sentence it wrote."""
        with self._lock:
            if self._ending.is_set():
                return 0, ""
            process = self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                _command(self.role), env=dict(self.role.environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="backslashreplace", process_group=0,  # Ctrl-C is ours to pass on
            )  # fmt: skip
        last = ""
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                last = line.strip() or last
                self._tell(self.role.name, line.rstrip("\n"))
        return process.wait(), _sentence(last)

    def _send(self, sig: signal.Signals) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(sig)


def _command(role: Role) -> Sequence[str]:
    # -P: a folder named like one of our packages in the current directory must not be taken for it.
    return [sys.executable, "-P", "-m", "streams.cli.main", *role.command, "--supervised-by", str(os.getpid())]


def _sentence(line: str) -> str:
    """What a log line says, without the time and level before it."""
    return line.rpartition(" ERROR ")[2].strip().removeprefix("leadstream: ") or "it said nothing"


def _ended_with(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
