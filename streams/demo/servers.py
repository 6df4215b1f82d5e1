"""The demo's own servers: a Kafka and a ClickHouse with a folder of their own, fresh for each run unless kept."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local import errors, stack
from deploy.local.ports import Ports, answers, claim
from deploy.local.stack import Stack
from deploy.local.status import Status
from streams.errors import Misconfigured, Unavailable
from streams.settings import Settings

MARK: Final = "this-is-a-demo"
"""The file that says that a folder is the demo's to throw away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a demo runs: its folder, whether what is in it is kept, whether it takes any free ports.

    `prefix` begins the names of its topics and its database, so that several demos go on the same servers.
    """

    data: Path
    keep: bool = False
    free_ports: bool = False
    prefix: str = ""


@contextmanager
def servers(place: Place) -> Iterator[Status]:
    """Run both servers as long as the context lives; those that ran before go on running after it.

    Raises Misconfigured, Unavailable.
    """
    ran_before = _running(stack.status(Stack(data=place.data)))
    with _plain_errors():
        make_room(place, ran_before=ran_before)
    wanted = Stack(data=place.data, ports=_ports(place))
    try:
        with _plain_errors():
            now = stack.up(wanted)
        yield now
    finally:  # also of a start that was interrupted half way
        if not ran_before:
            stack.down(wanted)


def settings_of(now: Status, place: Place, **others: Any) -> Settings:
    """The settings of a demo on the servers *now*: every door open, on the usual ports or, where one is taken, on free ones."""
    host, port = now.clickhouse_address
    usual = Settings()
    letters = "".join(c if c.isalnum() else "_" for c in place.prefix)
    return Settings.local(
        kafka=now.kafka_address, prefix=place.prefix, clickhouse_host=host, clickhouse_port=port, clickhouse_database=letters + usual.clickhouse_database,
        collector_port=_or_free(usual.collector_port, 1, place), ops_port=_or_free(usual.ops_port, 2, place), **others,
    )  # fmt: skip


def _or_free(first: int, count: int, place: Place) -> int:
    """The port *first*, if it and those behind it are to be had; else 0, for any."""
    try:
        return first if not place.free_ports and all(claim(first + n, setting="port") for n in range(count)) else 0
    except errors.Misconfigured:
        return 0


def _running(now: Status) -> bool:
    return now.kafka.pid is not None or now.clickhouse.pid is not None


def make_room(place: Place, *, ran_before: bool) -> None:
    """Begin anew: stop what runs from the folder and empty it, if it is a demo's."""
    mark = place.data / MARK
    used = place.data.is_dir() and any(place.data.iterdir())
    if used and not mark.exists() and not place.keep:
        raise Misconfigured(
            f"the folder {place.data} holds data that no demo made: choose another with --data, or --keep it and play into it"
        )
    if used and not place.keep:
        if ran_before:
            stack.down(Stack(data=place.data))
        for name in (*stack.SERVERS, "logs"):
            shutil.rmtree(place.data / name, ignore_errors=True)
    try:
        place.data.mkdir(parents=True, exist_ok=True)
        if not used or mark.exists():
            mark.write_text("Made by `leadstream demo`, which begins with an empty folder: keep nothing here.\n")
    except OSError as error:
        raise Misconfigured(f"the folder {place.data} cannot be written ({error.strerror}): choose another with --data") from error


def _ports(place: Place) -> Ports:
    """The usual ports, or free ones where any of them is taken: by `leadstream local up`, most likely.

    Of servers that run already, free ones means those they have.
    """
    usual = Ports()
    taken = any(answers(port) for port in (usual.kafka, usual.clickhouse, usual.clickhouse_http))
    return Ports.any_free() if place.free_ports or taken else usual


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except errors.Misconfigured as error:
        raise Misconfigured(str(error)) from error
    except errors.LocalError as error:
        raise Unavailable(str(error)) from error
