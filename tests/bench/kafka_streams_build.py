"""The Kafka Streams peer: built by Maven where a JDK is at hand, started as a plain `java`, its store read back."""

import os
import re
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from processors.model.file import load
from schemas.lead import Engagement
from tests.bench.input import MODELS

FOLDER: Final = Path(__file__).parent / "kafka_streams"
SCHEMAS: Final = FOLDER.parents[2] / "schemas" / "avsc"
CHANGELOG: Final = "streams-leads-changelog"
JVM: Final = ("-Xms512m", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
BUILD_WITHIN_S: Final = 600
_LEAD: Final = struct.Struct(">qbib")  # now, stage, touches, how many sums
_SUM: Final = struct.Struct(">bdqi")  # rule, value, as_of, count


@cache
def missing() -> str | None:
    """Why there is no Kafka Streams row here, after having tried to build it; None: it is built."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            return f"no {tool} on the PATH"
    built = subprocess.run(["mvn", "-q", "-B", "package"], cwd=FOLDER, capture_output=True, text=True, timeout=BUILD_WITHIN_S, check=False)
    if built.returncode:
        errors = [line for line in built.stdout.splitlines() if "ERROR" in line]
        return f"Maven could not build it: {(errors or ['it says nothing'])[0]}"
    return None


def command(bootstrap: str, prefix: str, *, folder: Path, hop: str, commit_every_s: float) -> list[str]:
    """What starts the peer."""
    class_path = os.pathsep.join(str(FOLDER / "build" / each) for each in ("classes", "lib/*"))
    arguments = [bootstrap, prefix, str(SCHEMAS), str(folder), str(round(commit_every_s * 1000)), hop]
    return ["java", *JVM, "-cp", class_path, "bench.Job", *arguments]


def versions() -> dict[str, str]:
    """Of Kafka Streams, and of the Java that runs it."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    streams = re.search(r"<kafka.version>(.*?)<", (FOLDER / "pom.xml").read_text("utf-8"))
    return {"Kafka Streams": streams[1] if streams else "?", "Java": java.split('"')[1] if '"' in java else "?"}


def sums_of(state: bytes) -> dict[str, Engagement]:
    """The fading sums in one record of its store's changelog."""
    rules = load(MODELS["bench"]).rules
    *_, sums = _LEAD.unpack_from(state)
    found = {}
    for n in range(sums):
        index, value, as_of, count = _SUM.unpack_from(state, _LEAD.size + n * _SUM.size)
        rule = rules[index]
        found[f"{rule.name}/{rule.half_life_s}"] = Engagement(value, as_of, rule.half_life_s, count)
    return found
