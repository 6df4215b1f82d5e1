"""Dates as files write them: with or without a time, with or without a zone, in any order of day and month."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from processors.sources import instants

UNITS: Final = {"unix_s": 1000.0, "unix_ms": 1.0}
"""In place of a pattern: the number of seconds or milliseconds since 1970."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """How a column writes instants: by a pattern of `strptime`, in one of UNITS, or as ISO 8601 where None is said.

    What has no zone of its own is local time in `zone`; a date alone is the beginning of that day there.
    """

    pattern: str | None = None
    zone: tzinfo = UTC

    def read(self, said: object) -> int | None:
        """Read an instant as milliseconds since 1970 UTC; None where it is unreadable."""
        try:
            if self.pattern in UNITS:
                return int(float(str(said)) * UNITS[self.pattern])
            if self.pattern is not None:
                return self._of(datetime.strptime(str(said).strip(), self.pattern))  # noqa: DTZ007 - the zone follows
            if isinstance(said, str) and said[4:5] == "-":
                return self._of(datetime.fromisoformat(said.strip()))
        except (ValueError, OverflowError):
            return None
        return instants.read(said)

    def _of(self, instant: datetime) -> int:
        aware = instant.replace(tzinfo=self.zone) if instant.tzinfo is None else instant
        return (aware - _EPOCH) // _MILLISECOND


def zone_named(name: str) -> tzinfo | None:
    """The zone called *name*, as in Europe/Berlin or +02:00; None where there is none."""
    if name[:1] in "+-":
        try:
            return datetime.strptime(name, "%z").tzinfo or UTC
        except ValueError:
            return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def words(instant: int) -> str:
    """The instant as people and the collector read it, in UTC."""
    return (_EPOCH + instant * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
