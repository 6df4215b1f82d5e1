"""The local servers as they are: what runs, where it answers, how long it took to bring it there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import HOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One server as it is now; without a pid it is not running, and its ports are those wanted."""

    name: str
    pid: int | None
    ports: Mapping[str, int]
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The servers as they are now, and how long it took to bring them there."""

    data: Path
    kafka: Service
    clickhouse: Service
    seconds: float = 0.0

    @property
    def running(self) -> bool:
        return self.kafka.pid is not None and self.clickhouse.pid is not None

    def described(self) -> dict[str, object]:
        """Return what scripts read, as plain JSON values."""
        services = {service.name: {"pid": service.pid, "log": str(service.log)} for service in (self.kafka, self.clickhouse)}
        services["kafka"]["address"] = self.kafka_address
        services["clickhouse"] |= {"address": "{}:{}".format(*self.clickhouse_address), "http": self.clickhouse_url}
        return {"running": self.running, "data": str(self.data), "seconds": self.seconds, **services}

    def told(self) -> str:
        """Return what a person reads."""
        where = {"kafka": self.kafka_address, "clickhouse": "{}:{}, {}".format(*self.clickhouse_address, self.clickhouse_url)}
        lines = [
            f"{service.name:<11}{where[service.name] if service.pid else '':<48}{f'pid {service.pid}' if service.pid else 'not running'}"
            for service in (self.kafka, self.clickhouse)
        ]
        return "\n".join([*lines, f"data in {self.data}" + (f"; took {self.seconds:.1f} s" if self.seconds else "")])

    @property
    def kafka_address(self) -> str:
        return f"{HOST}:{self.kafka.ports['kafka']}"

    @property
    def clickhouse_address(self) -> tuple[str, int]:
        return HOST, self.clickhouse.ports["clickhouse"]

    @property
    def clickhouse_url(self) -> str:
        return f"http://{HOST}:{self.clickhouse.ports['clickhouse_http']}"
