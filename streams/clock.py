"""The only wall clock. Whoever decides gets the time as an argument; durations are measured with `time.monotonic`."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Milliseconds since 1970 in UTC, as records carry instants."""
    return time.time_ns() // 1_000_000


def now() -> datetime:
    """The same instant for people: aware, in UTC."""
    return datetime.now(UTC)
