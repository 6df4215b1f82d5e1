"""On what it was measured: the machine and the versions, without which figures say nothing."""

import os
import platform
import subprocess
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from deploy.local.jars import LOCK
from tests.bench import kafka_streams_build, quix_installed
from tests.bench.rows import ROOT, Row


def machine() -> str:
    """The processor, how many cores of it, the memory and the system, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.release()}, shared by broker, worker and bench"


def versions(rows: Iterable[Row]) -> dict[str, str]:
    """What was measured, by name."""
    locked = tomllib.loads(LOCK.read_text("utf-8"))["dependencies"]
    broker = next(each["version"] for each in locked if each["artifactId"].startswith("kafka_"))
    found = {"leadstream": _commit(), "Python": platform.python_version(), "Apache Kafka": broker}
    found |= {name: version(name) for name in ("aiokafka", "fastavro", "msgspec")}
    engines = {row.engine for row in rows}
    if "plain Faust" in engines:
        found["faust-streaming"] = version("faust-streaming")
    if "Quix Streams" in engines:
        found["quixstreams"] = quix_installed.version() or "?"
    if "Kafka Streams" in engines:
        found |= kafka_streams_build.versions()
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or version("leadstream")
