"""leadstream's processes as a user runs them, each started anew whenever it ends, as an init system would."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

AGAIN_AFTER_S = 0.5
STOP_WITHIN_S = 20
FORESEEN = frozenset({0, 65, 69, 75})
"""Ends that a crash of something else may bring: told to stop, refused, a server away, fenced. 1 is a bug, 78 an operator's."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Ending:
    """How a process ended of its own accord."""

    role: str
    code: int
    told: str


@dataclass
class Role:
    """One process; `wanted` False while it has been told to leave."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    log: Path
    wanted: bool = True
    process: subprocess.Popen[bytes] | None = None
    killed: bool = False  # by us
    frozen: bool = False
    due_at: float = 0.0
    starts: int = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Roles:
    """Keeps all of them running until `stop`."""

    def __init__(self) -> None:
        self.all: dict[str, Role] = {}
        self.endings: list[Ending] = []
        self.slow_stops: list[str] = []
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="roles", daemon=True)
        self._keeper.start()

    def add(self, role: Role) -> None:
        with self._lock:
            self.all[role.name] = role
            self._start(role)

    def alive(self, kind: str) -> list[Role]:
        """Those of a kind that run and are not frozen."""
        with self._lock:
            return [role for role in self.all.values() if role.name.startswith(kind) and role.wanted and role.alive and not role.frozen]

    def kill(self, role: Role, *, again_after_s: float) -> None:
        with self._lock:
            if role.alive:
                role.killed, role.due_at = True, time.monotonic() + again_after_s
                role.process.kill()

    def freeze(self, role: Role) -> None:
        with self._lock:
            if role.alive:
                role.frozen = True
                role.process.send_signal(signal.SIGSTOP)

    def thaw(self, role: Role) -> None:
        with self._lock:
            if role.alive and role.frozen:
                role.process.send_signal(signal.SIGCONT)
            role.frozen = False

    def leave(self, role: Role, *, sign: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Tell it to stop; return its exit code and how long that took."""
        with self._lock:
            role.wanted = False
            process = role.process
        began = time.monotonic()
        if process is None or process.poll() is not None:
            return 0, 0.0
        process.send_signal(sign)
        try:
            code = process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.slow_stops.append(f"{role.name} had not ended {STOP_WITHIN_S} s after SIGTERM")
            process.kill()
            code = process.wait()
        return code, time.monotonic() - began

    def join(self, role: Role) -> None:
        with self._lock:
            role.wanted, role.killed = True, False
            self._start(role)

    def stop(self) -> None:
        """End all at once, whatever they are doing."""
        self._stopping.set()
        self._keeper.join()
        for role in self.all.values():
            if role.alive:
                role.process.kill()
                role.process.wait()

    def _start(self, role: Role) -> None:
        role.starts += 1
        with role.log.open("ab") as log:
            role.process = subprocess.Popen(
                [*role.argv, "--supervised-by", str(os.getpid())], env=dict(role.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _keep(self) -> None:
        while not self._stopping.wait(0.05):
            with self._lock:
                for role in self.all.values():
                    if role.wanted and not role.alive:
                        self._again(role)

    def _again(self, role: Role) -> None:
        now = time.monotonic()
        if role.process is not None:
            if not role.killed:
                self.endings.append(Ending(role.name, role.process.returncode, _last(role.log)))
                role.due_at = now + AGAIN_AFTER_S
            role.process, role.killed, role.frozen = None, False, False
        if now >= role.due_at:
            self._start(role)


def _last(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines()[-40:] if line.strip()]
    return lines[-1] if lines else ""


def command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "streams.cli.main", *words]
