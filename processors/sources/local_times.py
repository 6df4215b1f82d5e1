"""Instants that are written without a time zone, by senders who mean their own."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


def zoned(said: object, *zones: object) -> object:
    """*said* with an offset: that of the first of *zones* (`America/New_York`) there is, unless it has one or is no date and time."""
    if not isinstance(said, str) or len(said) > 40:
        return said
    try:
        read = datetime.fromisoformat(said.strip())
    except ValueError:
        return said
    if read.tzinfo is not None or read.isoformat()[:10] == said.strip():
        return said
    found = next((zone for each in zones if isinstance(each, str) and (zone := time_zone(each)) is not None), None)
    return said if found is None else read.replace(tzinfo=found).isoformat()


@lru_cache(maxsize=256)
def time_zone(name: str) -> ZoneInfo | None:
    """The time zone of that *name*, or None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, KeyError, OSError):  # no such zone, no such name, or the name of a folder of zones
        return None
