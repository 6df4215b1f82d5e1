"""What attacks are made of: recordings of real senders, where they are at hand, and whatever the OpenAPI allows or does not."""

import json
from collections.abc import Sequence
from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given
from hypothesis import settings as examples
from schemathesis import GenerationMode

from streams.collecting.doors import Door
from streams.describing import openapi
from streams.settings import Settings
from tests.hostile.attacks import Request

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
BYTES_MAX = 200_000
_HEADERS_KEPT_OUT = frozenset({"host", "content-length", "connection", "transfer-encoding"})


def recorded(doors: Sequence[Door], folder: Path = PAYLOADS) -> list[Request]:
    """Every recorded body, at the doors of its sender if there are such, else at one of another."""
    found: list[Request] = []
    files = sorted(file for file in folder.rglob("*") if file.suffix in {".json", ".txt", ".raw"} and file.stat().st_size <= BYTES_MAX) if folder.is_dir() else []
    for n, file in enumerate(files):
        if file.name.endswith(".headers.json") or file.name == "SOURCE.txt":
            continue
        sender = file.relative_to(folder).parts[0]
        of_sender = [door for door in doors if door.source in sender or sender in door.source] or [doors[n % len(doors)]]
        path = of_sender[0].paths[n % len(of_sender[0].paths)]
        found.append(Request(label=f"{sender} {file.stem}", path=path, headers=_headers(file), body=file.read_bytes()))
    return found


def _headers(body: Path) -> tuple[tuple[str, str], ...]:
    """What was recorded beside a body."""
    beside = body.with_name(body.name.removesuffix(".json").removesuffix(".body.txt") + ".headers.json")
    try:
        said = json.loads(beside.read_text())
    except (OSError, ValueError):
        return (("Content-Type", "application/json"),)
    pairs = {"Content-Type": said["content_type"], **said["headers"]}.items() if "headers" in said else ()
    return tuple((name, str(value)) for name, value in pairs if name.lower() not in _HEADERS_KEPT_OUT)


def described(key: str, *, each: int, seed: int) -> list[Request]:
    """*each* requests of every operation, as its description allows and as it does not."""
    document = openapi.document(Settings.local(write_keys=frozenset({key})))
    found: list[Request] = []
    for operation in (result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()):
        for mode in GenerationMode:
            if mode is GenerationMode.NEGATIVE and "$ref" not in json.dumps(operation.definition.raw.get("requestBody", {})):
                continue  # nothing is described that could be violated
            found += _drawn(operation.as_strategy(generation_mode=mode), each, seed)
    return found


def _drawn(strategy, each: int, seed: int) -> list[Request]:
    found: list[Request] = []

    @given(case=strategy)
    @examples(max_examples=each, deadline=None, database=None, phases=[Phase.generate], verbosity=Verbosity.quiet, suppress_health_check=list(HealthCheck))
    def draw(case) -> None:
        said = requests.Request(**_known(case.as_transport_kwargs(base_url="http://collector"))).prepare()
        body = said.body.encode() if isinstance(said.body, str) else said.body or b""
        headers = tuple((name, value) for name, value in said.headers.items() if name.lower() not in _HEADERS_KEPT_OUT)
        found.append(Request(label=f"described {case.method} {case.path}", method=said.method, path=said.path_url, headers=headers, body=body))

    from hypothesis import seed as seeded

    seeded(seed)(draw)()
    return found


def _known(kwargs: dict) -> dict:
    return {name: kwargs[name] for name in ("method", "url", "headers", "params", "json", "data", "cookies") if name in kwargs}
