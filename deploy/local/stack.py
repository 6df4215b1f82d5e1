"""Up, down and status of the local servers: Apache Kafka and ClickHouse on loopback, persistent in one folder.

The data folder, `.leadstream` unless said otherwise:

kafka/        server.properties, data/
clickhouse/   data/
logs/         kafka.log, clickhouse.log
run/          kafka.json, clickhouse.json (pid, start of the process, ports), lock
"""

import contextlib
import fcntl
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.local import clickhouse, daemon, kafka
from deploy.local.cache import default_cache
from deploy.local.daemon import Daemon
from deploy.local.errors import LocalError, Misconfigured, Unavailable
from deploy.local.ports import Ports
from deploy.local.status import Service, Status

READY_WITHIN_S = 60
GRACE_S = 20
POLL_S = 0.05
LOG_BYTES_MAX = 16 * 1024 * 1024
FREE_BYTES_MIN = 256 * 1024 * 1024
ROOT = Path(__file__).resolve().parents[2]


class Server(Protocol):
    """What each server's module knows of it."""

    NAME: str

    def claim_ports(self, wanted: Ports) -> dict[str, int]:
        """Choose its ports; raise `Misconfigured` for one in use."""

    def command(self, folder: Path, ports: Mapping[str, int], *, cache: Path) -> list[str]:
        """Prepare *folder* and return what starts the server there."""

    def ready(self, ports: Mapping[str, int]) -> bool:
        """Tell whether a real request is answered."""

    def died(self, folder: Path, log: str) -> LocalError:
        """Say in one sentence why the server ended while starting, from what it logged."""


SERVERS: Mapping[str, Server] = {server.NAME: server for server in (kafka, clickhouse)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where the servers keep their data, which ports they use, and where Kafka's jars are cached."""

    data: Path = Path(".leadstream")
    ports: Ports = field(default_factory=Ports)
    cache: Path = field(default_factory=default_cache)

    def folder(self, name: str) -> Path:
        return self.data.absolute() / name

    def record(self, service: str) -> Path:
        return self.folder("run") / f"{service}.json"

    def log(self, service: str) -> Path:
        return self.folder("logs") / f"{service}.log"


def up(stack: Stack | None = None) -> Status:
    """Start what is not running, both at once; return when each answers a real request.

    On failure what this call started is stopped again, and every problem is told in one error.
    """
    stack = stack or Stack()
    began = time.monotonic()
    with _alone(stack):
        _bring_up(stack, SERVERS)
    return _status(stack, seconds=time.monotonic() - began)


def down(stack: Stack | None = None) -> Status:
    """End the servers that run from this data folder, and no other process; data stays."""
    stack = stack or Stack()
    began = time.monotonic()
    if stack.folder("run").is_dir():
        with _alone(stack), ThreadPoolExecutor(len(SERVERS)) as pool:
            for stopping in [pool.submit(_stop, stack, name, sig=signal.SIGTERM) for name in SERVERS]:
                stopping.result()
    return _status(stack, seconds=time.monotonic() - began)


def status(stack: Stack | None = None) -> Status:
    """Tell what runs, from the records in the data folder."""
    return _status(stack or Stack())


def start(stack: Stack, service: str) -> Status:
    """Start one server, 'kafka' or 'clickhouse', and return when it answers."""
    began = time.monotonic()
    with _alone(stack):
        _bring_up(stack, [service])
    return _status(stack, seconds=time.monotonic() - began)


def stop(stack: Stack, service: str, sig: signal.Signals = signal.SIGTERM) -> Status:
    """End one server by *sig* (SIGKILL for a crash) and return when it has ended."""
    began = time.monotonic()
    with _alone(stack):
        _stop(stack, service, sig=sig)
    return _status(stack, seconds=time.monotonic() - began)


@contextlib.contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    """Keep a second command on the same data folder waiting, so that nothing is started twice."""
    try:
        for name in ("run", "logs", *SERVERS):
            stack.folder(name).mkdir(parents=True, exist_ok=True)
        lock = (stack.folder("run") / "lock").open("w")
    except OSError as error:
        raise Misconfigured(
            f"The data folder {stack.data.absolute()} cannot be written ({error.strerror}): permit or free it, or choose another with --data."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(stack: Stack, services: Iterable[str]) -> None:
    free = shutil.disk_usage(stack.data).free
    if free < FREE_BYTES_MIN:
        raise Misconfigured(
            f"The disk of {stack.data.absolute()} is full ({free >> 20} MiB left, {FREE_BYTES_MIN >> 20} needed): free some, or choose another folder with --data."
        )
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        starts = [pool.submit(_bring_up_one, stack, name) for name in services]
    problems = [error for start in starts if (error := start.exception())]
    if not problems:
        return
    for start in starts:
        if start.exception() is None and (fresh := start.result()) is not None:
            _stop(stack, fresh, sig=signal.SIGTERM)
    for problem in problems:
        if len(problems) == 1 or not isinstance(problem, LocalError):
            raise problem
    stuck = any(isinstance(problem, Misconfigured) for problem in problems)
    raise (Misconfigured if stuck else Unavailable)("\n".join(map(str, problems)))


def _bring_up_one(stack: Stack, name: str) -> str | None:
    """Return the server's name if this call has started it, None if it was running."""
    log = stack.log(name)
    running = daemon.load(stack.record(name))
    if running is not None:
        _refuse_other_ports(stack, name, running)
        _wait(stack, name, running, logged=log.stat().st_size if log.exists() else 0)
        return None
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
    logged = log.stat().st_size if log.exists() else 0
    started = _start(stack, name)
    try:
        _wait(stack, name, started, logged=logged)
    except LocalError:
        _stop(stack, name, sig=signal.SIGTERM)
        raise
    return name


def _refuse_other_ports(stack: Stack, name: str, running: Daemon) -> None:
    for port, used in running.ports.items():
        wanted = getattr(stack.ports, port, 0)
        if wanted not in (0, used):
            raise Misconfigured(
                f"{name} is already running from {stack.data.absolute()} on port {used}, not {wanted}: "
                f"stop it first (leadstream local down), or leave the port as it is."
            )


def _start(stack: Stack, name: str) -> Daemon:
    server, folder = SERVERS[name], stack.folder(name)
    ports = server.claim_ports(stack.ports)
    try:
        argv = server.command(folder, ports, cache=stack.cache)
        started = daemon.spawn(argv, log=stack.log(name), cwd=ROOT, ports=ports)
        daemon.save(started, stack.record(name))
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be used ({error.strerror}): permit or free it, or choose another folder with --data."
        ) from error
    return started


def _wait(stack: Stack, name: str, running: Daemon, *, logged: int) -> None:
    """Return when the server answers; *logged* is where this run's part of its log begins."""
    server, log = SERVERS[name], stack.log(name)
    deadline = time.monotonic() + READY_WITHIN_S
    while not server.ready(running.ports):
        if not running.alive:
            with log.open("rb") as written:
                written.seek(logged)
                raise server.died(stack.folder(name), written.read().decode(errors="replace"))
        if time.monotonic() > deadline:
            raise Unavailable(f"{name} has not answered for {READY_WITHIN_S} s: see {log}, give the machine some room, and try again.")
        time.sleep(POLL_S)


def _stop(stack: Stack, name: str, *, sig: signal.Signals) -> None:
    running = daemon.load(stack.record(name))
    if running is not None:
        daemon.end(running, sig=sig, grace_s=GRACE_S)
    stack.record(name).unlink(missing_ok=True)


def _status(stack: Stack, *, seconds: float = 0.0) -> Status:
    services = {}
    for name in SERVERS:
        running = daemon.load(stack.record(name))
        services[name] = Service(
            name=name,
            pid=running.pid if running else None,
            ports=running.ports if running else asdict(stack.ports),
            log=stack.log(name),
        )
    return Status(data=stack.data.absolute(), seconds=round(seconds, 3), **services)
