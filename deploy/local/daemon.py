"""One server process: started into a session of its own, remembered in a file, ended by that memory only.

The record holds the pid *and* the instant the process started. A pid alone is reused after a crash or a
reboot, and ending "our" pid would then end somebody else's process.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Misconfigured

POLL_S = 0.02

# Children of this very process must be reaped by it, or they stay in the process table as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A started server: its process and the ports it was given."""

    pid: int
    started: str
    ports: Mapping[str, int]

    @property
    def alive(self) -> bool:
        running = process_start(self.pid) == self.started
        if not running and (child := _children.pop(self.pid, None)):
            child.wait()  # it has ended already: this takes its entry out of the process table
        return running


def process_start(pid: int) -> str | None:
    """Return what tells this process from a later one with the same pid; None when it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The command name may hold spaces and brackets: fields are counted after its closing one.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # A zombie with threads left still holds its ports and locks: its main thread was only the first to end.
        has_ended = fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1)
        return None if has_ended else f"{_boot()}:{fields[19]}"
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return None if not shown or shown[0].startswith("Z") else shown[1].strip()


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def spawn(argv: Sequence[str], *, log: Path, cwd: Path, ports: Mapping[str, int]) -> Daemon:
    """Start *argv* in a session of its own, so that it outlives this process and its terminal."""
    for ended in [pid for pid, child in list(_children.items()) if child.poll() is not None]:
        _children.pop(ended, None)
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True
        )
    _children[child.pid] = child
    return Daemon(pid=child.pid, started=process_start(child.pid) or "", ports=dict(ports))


def save(daemon: Daemon, record: Path) -> None:
    fresh = record.with_suffix(".tmp")
    fresh.write_text(json.dumps({"pid": daemon.pid, "started": daemon.started, "ports": dict(daemon.ports)}))
    fresh.replace(record)


def load(record: Path) -> Daemon | None:
    """Return the recorded server while it runs; None when it has ended, was never started, or the record is broken."""
    try:
        said = json.loads(record.read_text())
        daemon = Daemon(pid=int(said["pid"]), started=str(said["started"]), ports=dict(said["ports"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    except OSError as error:
        raise Misconfigured(f"{record} cannot be read ({error.strerror}): permit it, or choose another folder with --data.") from error
    return daemon if daemon.alive else None


def end(daemon: Daemon, *, sig: signal.Signals, grace_s: float) -> None:
    """Send *sig*; after *grace_s* SIGKILL; return once the process has ended."""
    _send(daemon, sig)
    if not _ended_within(daemon, grace_s):
        _send(daemon, signal.SIGKILL)
        _ended_within(daemon, grace_s)


def _send(daemon: Daemon, sig: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if daemon.alive:
            os.kill(daemon.pid, sig)


def _ended_within(daemon: Daemon, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while daemon.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
