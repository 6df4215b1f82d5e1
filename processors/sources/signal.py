"""What adapters take and give: a signal in; touchpoints, rejections and named ignores out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, TypeVar

import msgspec

from schemas.touchpoint import Touchpoint

WHOLE_BODY: Final = -1
"""The index of a rejection that concerns all of a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a source sent, unjudged. Names of headers are in lower case; the body is unzipped, else byte for byte."""

    method: str
    path: str  # without trailing slash
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: int
    import_id: str | None = None
    proved: bool = False  # its sender was let in when it first came: it is taken out of a dead letter, without its proof
    first: int = 0  # the place that its first event had in the list it came in
    fetched: Mapping[str, bytes] | None = None  # what lay at addresses that its adapter wanted; empty where there was nothing

    def received(self, occurred_at: int) -> int:
        """When an event of *occurred_at* counts as received, ms: history is received when it happened, or all of it were today's."""
        return self.received_at if self.import_id is None else occurred_at


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One unusable event. The detail names the field and says what to do; it never holds the value."""

    index: int  # its place in the body's list, 0 for a single event, or WHOLE_BODY
    field: str  # as the sender writes it
    reason: str  # for machines: wrong_type, no_identity, unknown_kind, ...
    detail: str
    body: bytes  # the event's original bytes


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """One event that is understood and of no use here, by a name that metrics can count."""

    index: int
    reason: str


class Adapted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a body: every event in it is exactly one touchpoint, one rejection or one named ignore."""

    touchpoints: tuple[Touchpoint, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    key: str = ""  # the name of the write key that let it in, where its source takes them


class Unauthorised(msgspec.Struct, frozen=True, kw_only=True):
    """The sender did not prove who it is. Says what is missing, never what was sent."""

    detail: str


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A question about this address, from a sender who proved who it is: nothing happened, and this is the answer."""

    body: bytes
    content_type: str = "application/json"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What lies at an address is needed before the sender can be judged, or answered: fetch it, and adapt once more.

    The adapter has made sure that the address is its vendor's. *kept*: it stays what it is, and need not be fetched again.
    *tries*: how often it is asked for at once, of a vendor who may not send its request again.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    tries: int = 1
    kept: bool = True
    most: int = 5  # addresses that are followed for one request


Outcome: TypeAlias = Adapted | Unauthorised | Answered | Wanted

S_contra = TypeVar("S_contra", contravariant=True)


class Adapter(Protocol[S_contra]):
    """Turn a signal into an outcome. Pure, total, and as fast as it is called often."""

    def __call__(self, signal: Signal, settings: S_contra) -> Outcome: ...


class Unusable(ValueError):
    """One event cannot become a touchpoint. Stays inside adapters, which turn it into a `Rejected`."""

    def __init__(self, field: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.reason = reason
        self.detail = detail

    def at(self, index: int, body: bytes) -> Rejected:
        return Rejected(index=index, field=self.field, reason=self.reason, detail=self.detail, body=body)


def whole_body(signal: Signal, problem: Unusable) -> Adapted:
    """Reject all of a body."""
    return Adapted(rejected=(problem.at(WHOLE_BODY, signal.body),))
