"""The servers under attack: Apache Kafka with a door per part, each behind a proxy, and ClickHouse behind one."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.local import kafka, stack
from deploy.local.cache import default_cache
from deploy.local.ports import Ports, claim
from deploy.local.stack import Stack
from tests.chaos.proxy import HOST, Network

PARTS = ("collector", "worker", "sink", "peer")
"""Who has a door of his own into Kafka, so that the line between the two can be cut."""
DISK_BYTES = 3 << 30
READY_WITHIN_S = 60


class Kafka:
    """Apache Kafka as `leadstream local` runs it, with more doors; its log on a small disk where that can be mounted."""

    def __init__(self, folder: Path, network: Network, *, small_disk: bool) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._data.mkdir(parents=True, exist_ok=True)
        self.disk = small_disk and _mount(self._data)
        self._ports = {name: claim(0, setting=name) for name in ("kafka", "controller", *PARTS)}
        self.doors = {part: network.open(f"{part}-kafka", self._ports[part]) for part in PARTS}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The door without a proxy: for the checker, and for what sets up."""
        return f"{HOST}:{self._ports['kafka']}"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and return when it answers."""
        if self.alive:
            return
        argv = kafka.command(self._folder, self._ports, cache=default_cache())
        inside = {"PLAINTEXT": self._ports["kafka"], **{part.upper(): self._ports[part] for part in PARTS}}
        outside = {"PLAINTEXT": self._ports["kafka"], **{part.upper(): self.doors[part] for part in PARTS}}
        listeners = ",".join(f"{name}://{HOST}:{port}" for name, port in inside.items())
        with (self._folder / "server.properties").open("a") as settings:
            settings.write(
                f"listeners={listeners},CONTROLLER://{HOST}:{self._ports['controller']}\n"
                f"advertised.listeners={','.join(f'{name}://{HOST}:{port}' for name, port in outside.items())}\n"
                f"listener.security.protocol.map={','.join(f'{name}:PLAINTEXT' for name in (*inside, 'CONTROLLER'))}\n"
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._started(argv, deadline):
            time.sleep(1)  # somebody's connection went out from one of its ports, and will end

    def _started(self, argv: list[str], deadline: float) -> bool:
        """Start it; False where one of its ports was in use at this instant."""
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while not kafka.ready(self._ports):
            if not self.alive or time.monotonic() > deadline:
                why = kafka.last_line((self._folder / "kafka.log").read_text(errors="replace"))
                if "already in use" in why and time.monotonic() < deadline:
                    return False
                raise RuntimeError(f"Kafka did not start: {why}")
            time.sleep(0.1)
        return True

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(sign)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(30)

    def send(self, sign: signal.Signals) -> None:
        if self.alive:
            self._process.send_signal(sign)

    def fill_disk(self) -> Path:
        """Write until the disk takes no more; whoever removes the file returned, frees it."""
        ballast = self._data / "ballast"
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        return ballast

    def close(self) -> None:
        self.end(signal.SIGKILL)
        if self.disk:
            unmount(self._data)


def _mount(folder: Path) -> bool:
    """Put a disk of its own size under *folder*; False where we may not."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=False, capture_output=True)
    return made.returncode == 0


def unmount(folder: Path) -> None:
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=False, capture_output=True)


class ClickHouse:
    """The local ClickHouse on ports that stay, behind a proxy for the sink."""

    def __init__(self, folder: Path, network: Network) -> None:
        ports = Ports(kafka=0, clickhouse=claim(0, setting="clickhouse"), clickhouse_http=claim(0, setting="http"))
        self._stack = Stack(data=folder, ports=ports)
        self.port = ports.clickhouse
        self.door = network.open("sink-clickhouse", ports.clickhouse)

    def start(self) -> None:
        stack.start(self._stack, "clickhouse")

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        stack.stop(self._stack, "clickhouse", sign)
