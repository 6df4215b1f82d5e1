"""`leadstream run`: everything on one machine."""

import logging
import signal
import sys
from argparse import Namespace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser, Refusal
from streams.cli.output import note, printable

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.supervise import Supervisor

READY_WITHIN: Final = timedelta(seconds=60)


def declare(parser: Parser) -> None:
    parser.teach(
        "Run the collector, workers and the sink as child processes, each with its own port for /live, /ready and /metrics\n"
        "(LEADSTREAM_OPS_PORT and the ports behind it). A child that ends or hangs is started again; one that is\n"
        "misconfigured stops everything and says why. Creates the topics that are missing. Ctrl-C stops all within 10 s.",
        examples="""\
  leadstream run --local             with the local servers, started if need be
  leadstream run --workers 4         on a larger machine, servers as the environment says
  leadstream model publish b2b       before the first score: until then touchpoints wait""",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that identify and score (%(default)s)")
    parser.takes_local()


def run(asked: Namespace) -> int:
    if not 1 <= asked.workers <= 64:
        raise Refusal("--workers takes a number from 1 to 64")
    if asked.local:
        _local_up(asked)
    from streams.cli.installation import installation
    from streams.supervise import Supervisor, roles

    here = installation(asked)
    settings = here.settings
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    here.create_topics()
    wanted = roles(settings, workers=asked.workers)
    with Supervisor(wanted, tell=_tell) as supervisor:
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, lambda *_: supervisor.interrupt())
        _greet(supervisor, settings, collector=wanted[0].door)
        supervisor.wait()
        note("stopping")
    return 0


def _local_up(asked: Namespace) -> None:
    from streams.cli import local

    local.run(Namespace(action="up", data=asked.data, json=False))


def _greet(supervisor: "Supervisor", settings: "Settings", *, collector: str) -> None:
    """Wait until all are ready and say where; what is not ready by then is told, and may become so."""
    from streams.errors import Unavailable

    try:
        if not supervisor.wait_until_ready(READY_WITHIN):
            return
    except Unavailable as not_yet:
        note(f"leadstream: {not_yet}")
        return
    note(f"ready: send to {collector}/v1/track, look with `leadstream tail leads.transitions`, query ClickHouse at "
         f"{settings.clickhouse_host}:{settings.clickhouse_port}")  # fmt: skip


def _tell(child: str, line: str) -> None:
    print(f"{child:<9} | {printable(line)}", file=sys.stderr, flush=True)
