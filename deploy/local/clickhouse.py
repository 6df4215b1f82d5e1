"""ClickHouse as one of the local servers: its process is `deploy.local.front`."""

import http.client
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LocalError, Misconfigured, Unavailable
from deploy.local.ports import HOST, Ports, answers, claim

NAME = "clickhouse"
ANSWER_WITHIN_S = 5
UNFIT = frozenset("?*{}[]")  # to the engine the first begins settings, and all of them make a path a pattern


def claim_ports(wanted: Ports) -> dict[str, int]:
    return {
        "clickhouse": claim(wanted.clickhouse, setting="--clickhouse-port"),
        "clickhouse_http": claim(wanted.clickhouse_http, setting="--clickhouse-http-port"),
    }


def command(folder: Path, ports: Mapping[str, int], *, cache: Path) -> list[str]:  # noqa: ARG001
    """Return what starts the server; chdb came with the wheels, so there is nothing to fetch into *cache*."""
    if UNFIT.intersection(str(folder)):
        raise Misconfigured(f"The data folder {folder.parent} has one of {' '.join(sorted(UNFIT))} in its name, which ClickHouse cannot take: choose another with --data.")
    data = folder / "data"
    data.mkdir(exist_ok=True)
    return [
        sys.executable, "-m", "deploy.local.front", "--data", str(data), "--host", HOST,
        "--port", str(ports["clickhouse"]), "--http-port", str(ports["clickhouse_http"]),
    ]  # fmt: skip


def ready(ports: Mapping[str, int]) -> bool:
    """Tell whether SELECT 1 is answered, and the native port is open."""
    if not answers(ports["clickhouse"]):
        return False
    # Not urllib: it would ask a proxy named in the environment, even for this address.
    connection = http.client.HTTPConnection(HOST, ports["clickhouse_http"], timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/?query=SELECT%201")
        return connection.getresponse().read() == b"1\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def died(folder: Path, log: str) -> LocalError:
    """Say why the server ended at its start, from what it logged."""
    spoken = [line.strip() for line in log.splitlines() if line.strip()]
    # The engine tells the cause first; what follows only says that it could not be started.
    why = next((line for line in spoken if "DB::Exception" in line), spoken[-1] if spoken else "it logged nothing")
    if "Cannot lock file" in why:
        return Misconfigured(f"Another ClickHouse server is using {folder}: end that one, or choose another folder with --data.")
    if "DB::Exception" in why:
        return Misconfigured(f"ClickHouse's folder {folder} is broken ({why}): move that folder away and start again; its tables are then empty.")
    return Unavailable(f"ClickHouse ended while starting: {why}")
