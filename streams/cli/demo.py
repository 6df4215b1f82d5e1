"""`leadstream demo`: everything at work, from nothing to a funnel, on one machine."""

import logging
import re
import signal
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser, Refusal
from streams.cli.output import as_json

if TYPE_CHECKING:
    from streams.demo.quarter import Quarter

_BEGAN: Final = time.monotonic()
"""The command's start, but for Python's own."""
DATA: Final = Path(".leadstream/demo")
VISITORS: Final = 2_400
DAY_MS: Final = 86_400_000
_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,30})?")


def declare(parser: Parser) -> None:
    parser.teach(
        "See leadstream at work, from nothing: starts a Kafka and a ClickHouse of its own, publishes the model b2b, starts a\n"
        "collector, a worker and a sink, and plays a quarter of an invented B2B company's traffic through the HTTP doors as an\n"
        "import, with everything that goes wrong in life: duplicates, late and malformed events, people with several devices,\n"
        "leads that sales gives back. Then a short live feed, the addresses of every door, and it keeps serving until Ctrl-C.\n"
        "The same seed makes the same leads, stages and scores. Each run begins with an empty folder.",
        examples="""\
  leadstream demo
  leadstream demo --once --json | tail -1 | jq .stages
  leadstream demo --visitors 300 --live 0 --once        a small one
  leadstream tail leads.transitions --local --data .leadstream/demo      in another terminal""",
    )
    parser.add_argument("--once", action="store_true", help="stop at the end instead of serving on; exit with 1 if the ledger does not add up")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number, another quarter (%(default)s)")
    parser.add_argument("--visitors", type=int, default=VISITORS, metavar="N", help="how many people come in the quarter (%(default)s)")
    parser.add_argument("--live", type=int, default=12, metavar="N", help="how many come afterwards, now (%(default)s)")
    parser.add_argument("--until", metavar="DATE", help="the end of the quarter, a date such as 2026-06-30 (today)")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="the servers' folder (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="do not empty the folder: play into what is there")
    parser.add_argument("--prefix", default="", metavar="NAME.", help="begins the names of topics and database: several demos on the same servers")
    parser.add_argument("--free-ports", action="store_true", help="any free ports instead of the usual ones")
    parser.takes_json()


def run(asked: Namespace) -> int:
    """Exit with 1 where the ledger does not add up."""
    if not 1 <= asked.visitors <= 100_000 or not 0 <= asked.live <= 1_000:
        raise Refusal("--visitors takes 1 to 100000, --live 0 to 1000")
    if not _PREFIX.fullmatch(asked.prefix):
        raise Refusal("--prefix takes a letter and up to 30 letters, digits, dots, dashes and underscores")
    from rich.console import Console

    from streams.demo.screen import Screen
    from streams.demo.servers import Place
    from streams.demo.show import Plan, Show

    quarter = _quarter(asked)
    place = Place(data=asked.data, keep=asked.keep, free_ports=asked.free_ports, prefix=asked.prefix)
    _log_trouble()
    signal.signal(signal.SIGTERM, _as_interrupt)
    screen = Screen(Console(stderr=asked.json))
    show = Show(Plan(quarter=quarter, place=place, live=asked.live, once=asked.once, began=_BEGAN), screen)
    outcome = show.run()
    if asked.json:
        print(as_json(outcome.record(show.seconds)), flush=True)
    return 1 if outcome.contradictions else 0


def _as_interrupt(*_: object) -> None:
    """End like Ctrl-C: a demo that is told to end stops what it started."""
    raise KeyboardInterrupt


def _quarter(asked: Namespace) -> "Quarter":
    from streams import clock
    from streams.demo.quarter import Quarter
    from streams.settings import Settings

    today = clock.now_ms() // DAY_MS * DAY_MS
    end = today if asked.until is None else _midnight(asked.until)
    if end > today:
        raise Refusal("--until must not lie ahead: what is imported has happened")
    return Quarter(seed=asked.seed, end=end, visitors=asked.visitors, google_key=Settings.local().google_ads_key)


def _midnight(said: str) -> int:
    try:
        day = datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(f"--until takes a date such as 2026-06-30, not {said!r}") from None
    return int(day.timestamp() * 1000)


def _log_trouble() -> None:
    """What the processes say is of interest only where something is wrong."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    for chatty in ("kafka", "aiokafka"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
