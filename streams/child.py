"""One child process: started, listened to, started anew whenever it ends, until told to end."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from streams.errors import Misconfigured, StreamsError
from streams.probe import Answer, ask

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
STEADY_AFTER_S: Final = 30.0
"""A child that ran for so long before it ended is started again without a longer pause."""
SILENT_MAX_S: Final = 60.0
END_WITHIN_S: Final = 12.0
"""After SIGTERM a child commits and ends within 10 s; then it is killed."""

Tell: TypeAlias = Callable[[str, str], None]
"""Told each line that a child writes: (child, line). Called from several threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What one child does: a command of `leadstream`, its environment, and where it answers /live, /ready and /metrics."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)  # holds secrets
    address: str
    door: str = ""  # where a collector takes events


class Child:
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
        self._told_to_end: tuple[int, float] | None = None  # which process, because it is stuck, and when
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
        """End it if it says it is stuck, or has answered once and then not for long; it is then started again.

        Told to end once only, for a second SIGTERM would kill it while it still commits; killed if it does not end.
        """
        pid = self.pid
        if pid is None:
            return
        if self._told_to_end is not None and self._told_to_end[0] == pid:
            if time.monotonic() - self._told_to_end[1] > END_WITHIN_S:
                log.error("%s is stuck and does not end: it is killed", self.role.name)
                self._send(signal.SIGKILL)
            return
        answer = self.asks("live")
        if answer.answered:
            self._answered_at = time.monotonic()
        silent = self._answered_at is not None and time.monotonic() - self._answered_at > SILENT_MAX_S
        if silent or (answer.answered and answer.problems):
            why = f"silent for {SILENT_MAX_S:.0f} s" if silent else "; ".join(answer.problems)
            log.error("%s is stuck and is started again: %s", self.role.name, why)
            self._send(signal.SIGKILL if silent else signal.SIGTERM)
            self._told_to_end = pid, time.monotonic()
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
            self._answered_at = None
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
