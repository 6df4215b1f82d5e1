"""When it happened: dates in all the formats that senders use, and the correction of their clocks.

A sender's clock may be wrong, but its own two readings can be compared: what it calls *timestamp* lies as long before
what it calls *sentAt* as the event lies before our receiving it. So occurred_at = received_at - (sentAt - timestamp).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from processors.sources.signal import Signal, Unusable

EARLIEST: Final = 946_684_800_000
"""2000-01-01. Earlier instants are clocks that were never set."""
SKEW_MAX_MS: Final = 24 * 3600 * 1000
"""A clock is set to the wrong hour or time zone, seldom to the wrong day. A *sentAt* further away than this is no wrong
clock but an old recording sent again: correcting it would make a demo booked in 2015 one booked just now."""
AHEAD_MAX_MS: Final = 24 * 3600 * 1000
"""How far ahead an uncorrected clock may be; what it says then happened when we received it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UNITS: Final = ((10**11, 1000, 1), (10**14, 1, 1), (10**17, 1, 1000), (10**20, 1, 10**6))  # below, times, divided by
_CHARS_MAX: Final = 40


def read(said: object) -> int | None:
    """Read an instant as milliseconds since 1970 UTC, or None where it is unreadable.

    Takes ISO 8601 (without zone: UTC; any number of fractional digits) and seconds, milliseconds, microseconds or
    nanoseconds since 1970, as a number or as text, told apart by their size.
    """
    if isinstance(said, str):
        return _read_text(said.strip()) if len(said) <= _CHARS_MAX else None
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return _read_number(said)


def _read_text(text: str) -> int | None:
    if text[4:5] != "-" and len(text) != 8:  # eight digits are a date, 20240131
        try:
            return _read_number(float(text) if "." in text else int(text))
        except ValueError:
            return None
    try:
        instant = datetime.fromisoformat(text)
        return ((instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def _read_number(number: float) -> int | None:
    for below, times, divided in _UNITS:
        if abs(number) < below:
            return int(number * times // divided)
    return None


def occurred_at(said: object, signal: Signal, *, field: str, sent_at: int | None = None) -> tuple[int, bool]:
    """When the event happened, and whether what the sender *said* was readable. *sent_at* is by the sender's clock too.

    Live, an absent or unreadable instant is when we received it: an event counts more than its date. An import is
    nothing but its dates. Raises Unusable for an instant that cannot be, naming *field*.
    """
    at = None if said is None else read(said)
    if at is None:
        if signal.import_id is not None:
            problem = "is missing" if said is None else "is no instant that can be read"
            raise Unusable(field, "no_instant", f"{field}: {problem}; an import needs it, for example 2024-05-01T12:00:00Z")
        return signal.received_at, said is None
    if signal.import_id is not None:
        if at < EARLIEST or at > signal.received_at + AHEAD_MAX_MS:
            raise _impossible(field, at)
        return at, True
    if sent_at is not None and abs(signal.received_at - sent_at) <= SKEW_MAX_MS:
        at = signal.received_at - (sent_at - at)
    if at < EARLIEST or at > signal.received_at + AHEAD_MAX_MS:
        raise _impossible(field, at)
    return min(at, signal.received_at), True


def _impossible(field: str, at: int) -> Unusable:
    which = "before the year 2000" if at < EARLIEST else "more than a day in the future"
    return Unusable(field, "impossible_instant", f"{field}: lies {which}; set the sender's clock, or leave the field out")
