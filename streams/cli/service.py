"""What all long-running commands share: a log on stderr, and the end when whoever supervises them has gone."""

import logging
import os
import signal
import sys
import threading
from argparse import SUPPRESS, Namespace
from typing import Final

from streams.cli.arguments import Parser

LOOK_EVERY_S: Final = 0.5
_ALONE: Final = "%(asctime)s %(levelname)s %(message)s"


def takes_supervision(parser: Parser) -> None:
    """Take the mark that `streams.supervise` puts on its children."""
    parser.add_argument("--supervised-by", type=int, metavar="PID", help=SUPPRESS)


def prepare(asked: Namespace) -> None:
    """Log to stderr; and if supervised, end when the supervisor is no longer our parent, for it may have been killed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=_ALONE)
    if asked.supervised_by is not None:
        threading.Thread(target=_end_with, args=(asked.supervised_by,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    patience = threading.Event()
    while os.getppid() == parent:
        patience.wait(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
