"""The rows of the table as data: which engine does which hop, from what, by which scoring model, as which processes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from streams import topics
from streams.settings import Settings, environ_of
from tests.bench import kafka_streams_build, quix_installed

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
COMMIT_EVERY_S: Final = 1.0
"""How often every engine commits: what a crash makes it do again, and what its state costs, is then alike."""
STOPPED_S: Final = 45.0
"""How long a worker may be silent: it is stopped while its input is written. The peers' own default, where they have one."""

Engine = Literal["aiokafka + fastavro", "plain Faust", "Quix Streams", "Kafka Streams", "leadstream"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One engine at one hop. `model` None: it scores nothing. `share` of the records, where it takes long for all."""

    engine: Engine
    hop: str
    about: str
    source: str = topics.WEB
    output: str = topics.EVENTS
    model: str | None = "bench"
    share: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a run happens: the broker, what begins its topics' names, a folder of its own, and how many records come."""

    bootstrap: str
    prefix: str
    folder: Path
    warm_up: int
    records: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A worker process to be started."""

    command: list[str]
    environ: Mapping[str, str]


BOTH: Final = "identify+score"
SLOW: Final = 0.3
SLOWEST: Final = 0.1
ROWS: Final[Mapping[str, Row]] = {
    "floor": Row(engine="aiokafka + fastavro", hop="decode", about="fetches and decodes touchpoints, nothing else", model=None),
    "leadstream": Row(engine="leadstream", hop=BOTH, about="both hops, one process"),
    "kafka_streams": Row(engine="Kafka Streams", hop=BOTH, about="selectKey, repartition, RocksDB with cache"),
    "quix": Row(engine="Quix Streams", hop=BOTH, about="group_by, stateful apply, RocksDB", share=SLOW),
    "faust": Row(engine="plain Faust", hop=BOTH, about="group_by, agent and table", share=SLOWEST),
    "identify": Row(engine="leadstream", hop="identify", about="names the lead, re-keys", output=topics.INBOX, model=None),
    "score": Row(engine="leadstream", hop="score", about="scoring model b2b", source=topics.INBOX, model="b2b"),
    "score_small": Row(engine="leadstream", hop="score, model bench", about="the peers' scoring model", source=topics.INBOX),
    "kafka_streams_score": Row(engine="Kafka Streams", hop="score, model bench", about="no repartition"),
    "quix_score": Row(engine="Quix Streams", hop="score, model bench", about="no group_by", share=SLOW),
    "faust_score": Row(engine="plain Faust", hop="score, model bench", about="no group_by", share=SLOWEST),
}


def missing(row: Row) -> str | None:
    """Why this row cannot be run here; None: it can."""
    match row.engine:
        case "Kafka Streams":
            return kafka_streams_build.missing()
        case "Quix Streams":
            return quix_installed.missing()
        case _:
            return None


def worker(row: Row, place: Place) -> Process:
    """What to start for a row."""
    python = [sys.executable]
    hops = row.hop.partition(",")[0]
    common = [place.bootstrap, place.prefix, str(place.folder), str(COMMIT_EVERY_S), hops]
    settings = Settings.local(kafka=place.bootstrap, prefix=place.prefix, ops_port=0, commit_every_s=COMMIT_EVERY_S, session_timeout_s=STOPPED_S)
    environ = environ_of(settings) | {"PYTHONPATH": str(ROOT)}
    match row.engine:
        case "aiokafka + fastavro":
            command = [*python, str(HERE / "floor.py"), place.bootstrap, place.prefix, str(place.warm_up), str(place.records)]
        case "leadstream":
            command = [*python, "-m", "streams.cli.main", "work", "--hops", hops.replace("+", ",")]
        case "plain Faust":
            command = [*python, str(HERE / "plain_faust.py"), *common]
        case "Quix Streams":
            command = [*python, str(HERE / "quix_streams.py"), *common]
            environ["PYTHONPATH"] = f"{quix_installed.FOLDER}:{ROOT}"
        case "Kafka Streams":
            command = kafka_streams_build.command(place.bootstrap, place.prefix, folder=place.folder, hop=hops, commit_every_s=COMMIT_EVERY_S)
    return Process(command=command, environ=environ)
