"""The entry point `leadstream`: finds the command, runs it, turns its failure into a sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Final

from streams.cli.arguments import EXIT_CODES, USAGE, Parser, Refusal
from streams.cli.commands import BY_NAME, GROUPS
from streams.errors import StreamsError

INTERRUPTED: Final = 130
_HELP: Final = ("-h", "--help", "help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (default: this process's) and return its exit code."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ("",)
    if name in _HELP and rest and rest[0] in BY_NAME:
        name, rest = rest[0], ["--help"]
    if name in _HELP:
        print(overview())
        return 0
    if name == "--version":
        return _version()
    if name not in BY_NAME:
        return _unknown(name)
    try:
        return _run(name, rest)
    except StreamsError as error:
        print(f"leadstream: {error}", file=sys.stderr)
        return error.exit_code
    except Refusal as refusal:
        print(f"leadstream {name}: {refusal}. See leadstream {name} --help", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # whoever read our output has seen enough, as in `leadstream tail ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def overview() -> str:
    """What `leadstream --help` prints."""
    lines = ["usage: leadstream COMMAND ...", "", "Lead scoring as a stream: touchpoints in, explainable scores and stage transitions out."]
    for title, commands in GROUPS:
        lines += ["", f"{title}:"]
        lines += [f"  {command.name:<14}{command.summary}" for command in commands]
    lines += [
        "",
        "leadstream COMMAND --help tells the rest, with examples.",
        "Settings are read from the environment: LEADSTREAM_KAFKA, LEADSTREAM_IDENTITY_KEY, ... (see the README).",
        "",
        EXIT_CODES,
    ]
    return "\n".join(lines)


def parser_of(name: str) -> tuple[Parser, ModuleType]:
    """The parser of a command, declared, and the module that runs it."""
    command = BY_NAME[name]
    module = import_module(command.module)
    parser = Parser(f"leadstream {name}", description=command.summary)
    module.declare(parser)
    return parser, module


def _run(name: str, rest: Sequence[str]) -> int:
    parser, module = parser_of(name)
    try:
        asked = parser.parse_args(rest)
    except SystemExit as said:  # argparse has printed the help, or why it refuses
        return int(said.code or 0)
    code: int = module.run(asked)
    sys.stdout.flush()  # here, where a closed pipe is expected
    return code


def _unknown(name: str) -> int:
    if not name:
        print(overview(), file=sys.stderr)
        return USAGE
    like = get_close_matches(name, BY_NAME, n=1)
    hint = f"did you mean {like[0]}?" if like else "see leadstream --help"
    print(f"leadstream: there is no command {name!r}: {hint}", file=sys.stderr)
    return USAGE


def _version() -> int:
    from importlib.metadata import version

    print(f"leadstream {version('leadstream')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
