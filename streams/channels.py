"""The table of channels as an installation has it: its own file over the one that comes with the product."""

from functools import lru_cache
from pathlib import Path

from processors.attribution import roads, table_file
from processors.attribution.channel_table import ChannelTable
from processors.attribution.roads import Channels
from processors.model.problems import ModelProblems
from streams.errors import Misconfigured, Refused


def channels_in(path: str) -> Channels:
    """The table in the file at *path* over the shipped one; by none the shipped one alone. Raises as `table_in` does."""
    return _ready(_text(path), path) if path else roads.shipped()


def table_in(path: str) -> ChannelTable:
    """What the file itself says. Raises Misconfigured where there is none, Refused with all problems of its content."""
    return _read(_text(path), path)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8: save it as such") from error
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "that is no name of a file"
        raise Misconfigured(f"{path[:256]!r} cannot be read ({why}): name the YAML file of a table of channels") from error


def _read(text: str, path: str) -> ChannelTable:
    try:
        return table_file.load(text, name_of_file=path)
    except ModelProblems as problems:
        count = len(problems.problems)
        raise Refused(f"{count} problem{'s' if count > 1 else ''} in the table of channels\n{problems}") from problems


@lru_cache(maxsize=4)  # every source of the collector asks for it once
def _ready(text: str, path: str) -> Channels:
    return Channels(_read(text, path).over(roads.shipped().table))
