"""What commands print: lines, tables and JSON. Nothing that came from outside reaches the terminal unescaped."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

NO_TERMINAL_WIDTH: Final = 10_000
"""Columns of a table that goes into a file or a pipe: nothing is cut or wrapped there."""


def printable(text: str) -> str:
    """*text* on one line, with whatever could steer a terminal spelled out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _spelled(c) for c in text)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def instant(at: int | None) -> str:
    """An instant (ms since 1970) for people, to the second, in UTC; "-" where there is none."""
    if at is None:
        return "-"
    try:
        return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{at} ms"


def ago(at: int, now: int) -> str:
    """How long *at* is away from *now*, in the coarsest unit that says it: 3 days ago, in 5 hours."""
    seconds = abs(now - at) // 1000
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds >= 2 * length or (unit == "second"):
            break
    count = seconds // length
    if count == 0:
        return "now"
    told = f"{count} {unit}" + ("" if count == 1 else "s")
    return f"{told} ago" if at <= now else f"in {told}"


def counted(number: int, one: str, many: str) -> str:
    """*number* with the word that fits it."""
    return f"{number} {one if number == 1 else many}"


def points(value: float) -> str:
    """Points with their sign, to a tenth."""
    return f"{value:+.1f}"


def as_json(value: Any) -> str:
    """One line of JSON; bytes as text where they are UTF-8, else as `{"hex": ...}`."""
    return json.dumps(value, ensure_ascii=False, default=_unknown)


def _unknown(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"hex": value.hex()}
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> None:
    """Print *rows* under *columns*, those named in *right* aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    to_the_right = set(right)
    for number, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column in to_the_right else "left"
        shown.add_column(column, justify=justify, overflow="fold", no_wrap=number == 0)  # the first names the row
    for row in rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else NO_TERMINAL_WIDTH).print(shown)


def note(sentence: str) -> None:
    """Tell a person what is going on, beside the output proper."""
    print(sentence, file=sys.stderr)
