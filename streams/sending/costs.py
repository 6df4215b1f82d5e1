"""A file of advertising costs, read whole: every row that is wrong is told, by its line and column."""

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from processors.sources.bounds import clean
from sinks.costs import Cost
from streams.errors import Misconfigured
from streams.sending.rows import BrokenRow, Shape, open_rows

NEEDED: Final = ("day", "channel", "cost", "currency")
ROWS_MAX: Final = 1_000_000
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CHANNEL: Final = re.compile(r"[a-z0-9_]{1,64}")


class _Problem(ValueError):
    """What is wrong with a value, as the rest of a sentence that begins with its column."""


def read(file: str) -> tuple[list[Cost], list[str]]:
    """The costs in *file*, and what is wrong with it. Raises Misconfigured where it cannot be read at all."""
    costs, problems = list[Cost](), list[str]()
    with open_rows(file, Shape(format="csv") if file == "-" else Shape()) as rows:
        missing = [name for name in NEEDED if name not in (rows.columns or ())]
        if missing:
            raise Misconfigured(f"{file} has no column {', '.join(missing)}: it needs {', '.join(NEEDED)}, and may have campaign")
        for row in rows:
            if isinstance(row, BrokenRow):
                problems.append(f"line {row.line}: {row.detail}")
                continue
            if len(costs) >= ROWS_MAX:
                raise Misconfigured(f"{file} has more than {ROWS_MAX} rows: split it")
            try:
                costs.append(_cost(row.values))
            except _Problem as problem:
                problems.append(f"line {row.line}: {problem}")
    return costs, problems


def _cost(values: Mapping[str, Any]) -> Cost:
    said = {name: str(values.get(name) or "").strip() for name in (*NEEDED, "campaign")}
    try:
        day = date.fromisoformat(said["day"])
    except ValueError:
        raise _Problem("day: must be a date such as 2026-05-31") from None
    if not 1970 < day.year < 2149:
        raise _Problem("day: must lie between 1971 and 2148")
    channel, currency = said["channel"].lower(), said["currency"].upper()
    if not _CHANNEL.fullmatch(channel):
        raise _Problem("channel: must be one as the views name it, such as paid_search")
    if not _CURRENCY.fullmatch(currency):
        raise _Problem("currency: must be three letters such as EUR")
    try:
        cost = float(said["cost"])
    except ValueError:
        cost = math.nan
    if not 0 <= cost < 1e12:
        raise _Problem("cost: must be a number from 0 up, with a dot for decimals and no separators")
    return Cost(day=day, channel=channel, campaign=clean(said["campaign"])[:256], currency=currency, cost=cost)
