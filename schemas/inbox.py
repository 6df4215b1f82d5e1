"""The private topic `leads.inbox`: everything a shard decides from, in its order.

Mail is for one lead (the record's key); control records without a key are for the whole partition. Written as msgpack
behind a version byte; fields are only ever appended.
"""

from typing import Final, TypeAlias

import msgspec

from schemas.facts import CapUse, RuleSum, Touch, Verdict
from schemas.touchpoint import Touchpoint

VERSION: Final = 1


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """The position its emitter was reading: `log` names topic and partition (`streams.topics`), `index` the how-manieth
    record it emitted from there. Of equal `log`, a later record has a greater (offset, index).
    """

    log: int
    offset: int
    index: int


class TouchpointArrived(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A touchpoint for the lead in the key."""

    origin: Origin
    touchpoint: Touchpoint


class LeadAbsorbed(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """What `absorbed` had gathered, for the lead in the key to add to its own."""

    origin: Origin
    absorbed: str
    sums: tuple[RuleSum, ...]
    caps: tuple[CapUse, ...]
    event_ids: tuple[tuple[int, int], ...]
    attributes: dict[str, str]
    touches: int
    stage: str
    stage_since: int
    first_touch: Touch | None
    last_touch: Touch | None
    at: int  # the absorbed lead's now
    verdict: Verdict | None = None


class IdentifierLinked(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """The lead in the key is the person behind `to`: told to a CRM id seen between a visitor and an email."""

    origin: Origin
    to: str
    at: int
    event_id: str


class LeadUnlinked(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Take back the forwarding of the lead in the key, from here on."""

    origin: Origin
    at: int
    event_id: str


class Tick(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Time passed on this partition: leads with something due by `at` are advanced."""

    at: int


class ModelPublished(msgspec.Struct, frozen=True, array_like=True, tag=6, gc=False):
    """From here on this partition decides by this scoring model (YAML text)."""

    name: str
    version: int
    text: str
    at: int


class ImportReached(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    """An import has reached `until`; when every log that could carry its mail has said so, what waits is decided.

    `round` 0 comes from `identify`, one per log of touchpoints; rounds 1 and up from every partition of the inbox
    itself, so that forwarded mail is behind us too. `ended` closes the import.
    """

    origin: Origin
    import_id: str
    until: int
    round: int
    ended: bool


Mail: TypeAlias = TouchpointArrived | LeadAbsorbed | IdentifierLinked | LeadUnlinked
Control: TypeAlias = Tick | ModelPublished | ImportReached
InboxRecord: TypeAlias = Mail | Control

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(InboxRecord)
_VERSION_BYTE = bytes((VERSION,))


class UndecodableRecord(ValueError):
    """Bytes that are no inbox record of a version we know; the caller dead-letters them."""


def encode(record: InboxRecord) -> bytes:
    """Write *record* as its version byte and msgpack."""
    return _VERSION_BYTE + _encoder.encode(record)


def newer(value: bytes | None) -> str | None:
    """Name the version of a value that is written in a higher one than this release's; None for all else."""
    return f"version {value[0]} of the inbox's records (it reads {VERSION})" if value and value[0] > VERSION else None


def decode(value: bytes | None) -> InboxRecord:
    """Read an inbox record. Raises UndecodableRecord, naming what is wrong and never the content."""
    if not value or value[0] != VERSION:
        found = "no bytes" if not value else f"version byte {value[0]}"
        raise UndecodableRecord(f"inbox record starts with {found}, expected version {VERSION}")
    try:
        record: InboxRecord = _decoder.decode(memoryview(value)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Without its cause: some of msgspec's errors quote what they found.
        raise UndecodableRecord(f"inbox record of version {VERSION} does not decode ({type(error).__name__})") from None
    return record
