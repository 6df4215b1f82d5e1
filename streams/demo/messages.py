"""One event before it is on the wire, and the instants in it as senders write them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

DoorName: TypeAlias = Literal["segment", "sendgrid", "google_ads", "events"]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """What happened, as its source words it. `sent_at` is when it leaves the sender: much later where a device was offline.

    Messages of one `packet` travel together.
    """

    at: int
    sent_at: int
    door: DoorName
    packet: str
    body: dict[str, Any]


def iso(at: int) -> str:
    """The instant as browsers write it."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
