"""How arguments are declared, explained and refused; every command's parser is one of these."""

import argparse
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final, NoReturn

USAGE: Final = 64
"""The exit code of a command line that cannot be understood (EX_USAGE of sysexits.h)."""

EXIT_CODES: Final = """\
Exit codes:
  0    fine
  1    the answer is no (a comparison differs, nothing was found), or a bug: then with its traceback
  64   the command line cannot be understood
  65   the data given is refused
  69   a server does not answer: the same command may work later
  75   another process has taken over: start again
  78   misconfigured: a setting, a topic or a file must change first
  130  interrupted"""


class Refusal(Exception):
    """A command line that only its command can tell to be wrong; the message is one plain sentence."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keep paragraphs and examples as they are written."""

    def __init__(self, prog: str, width: int | None = None) -> None:
        super().__init__(prog, max_help_position=30, width=width)


class Parser(argparse.ArgumentParser):
    """A parser whose refusals are one sentence on stderr and exit code 64."""

    def __init__(self, prog: str | None = None, *, description: str = "", epilog: str | None = None) -> None:
        super().__init__(
            prog=prog, description=description, epilog=epilog, formatter_class=Formatter, allow_abbrev=False
        )

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE)

    def teach(self, description: str, *, examples: str) -> None:
        """Say what the command is for, and show it at work."""
        self.description = description
        self.epilog = f"Examples:\n{examples.rstrip()}\n\n{EXIT_CODES}"

    def takes_json(self) -> None:
        """Take --json, for scripts."""
        self.add_argument("--json", action="store_true", help="JSON for scripts instead of text for people")

    def takes_local(self) -> None:
        """Take --local, the way to the servers of `leadstream local up` without setting anything."""
        self.add_argument("--local", action="store_true",
                          help="with the servers of `leadstream local up` and well-known keys, where the environment says nothing else")  # fmt: skip
        self.add_argument("--data", type=Path, default=Path(".leadstream"), metavar="FOLDER", help="with --local: their folder (%(default)s)")

    def takes_actions(self, *names: tuple[str, str]) -> "dict[str, Parser]":
        """Take one of several actions, each with its summary; return their parsers by name."""
        actions = self.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION", parser_class=Parser)
        return {name: actions.add_parser(name, help=summary) for name, summary in names}


_DURATION: Final = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_UNITS: Final = {
    "s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1),
}  # fmt: skip


def duration(option: str, said: str) -> timedelta:
    """Read a duration given for *option*. Raises Refusal."""
    parts = _DURATION.fullmatch(said)
    if parts is None or int(parts[1]) == 0:
        raise Refusal(f"{option} takes a duration such as 30s, 5min, 12h, 7d or 4w")
    return int(parts[1]) * _UNITS[parts[2]]
