"""The private topic `leads.state`: a shard's changelog, one record per lead, compacted.

A value is the version byte, the instant the lead is next due (8 bytes, big endian; so a shard can be restored without
decoding a million leads), and msgpack. Keys starting with "@" hold the partition's own state.
"""

import struct
from typing import Final, TypeVar

import msgspec

from schemas.facts import RuleSum
from schemas.lead import Lead
from schemas.remembered import Remembered
from schemas.touchpoint import Touchpoint

VERSION: Final = 3
"""Version 1, still read, had a map where event keys are now packed; version 2, still read, watched no emails."""
PARTITION_KEY: Final = b"@partition"
NEVER: Final = (1 << 63) - 1
"""The due instant of a lead for which time alone does nothing."""
HELD: Final = NEVER - 1
"""The due instant of a lead that waits for an import or for the first scoring model: ticks leave it alone."""


class WatchedClick(msgspec.Struct, array_like=True, gc=False):
    """A click on a link of an email, as far as it tells people from machines: `sums` is what it earned."""

    at: int
    link: int  # 64 bits of the link's hash, 0 where it has none
    key: int  # the touchpoint's event key
    sums: tuple[RuleSum, ...] = ()
    by_machine: bool = False  # found out, and taken back


class WatchedMail(msgspec.Struct, array_like=True, gc=False):
    """What happened to one email to the lead, as far as it tells people from machines (`processors.scanners`)."""

    message: int  # 64 bits of its id's hash
    delivered_at: int = 0  # 0: not told
    clicks: list[WatchedClick] = []


class Mailbox(msgspec.Struct, array_like=True, gc=False):
    """A lead with what delivery needs: which mail has arrived, what waits for its import, when it is next due."""

    lead: Lead
    origins: dict[int, tuple[int, int]] = {}  # log -> highest (offset, index) applied: re-emissions fall away
    waiting: list[Touchpoint] = []  # imported touchpoints, decided in the order of time when their import gets there
    import_id: str | None = None  # the open import it belongs to
    passed: Remembered = msgspec.field(default_factory=Remembered)  # what a forwarded lead passed on: a resend must not pass again
    due_at: int = NEVER
    told: dict[str, str] = {}  # identifier -> the lead it was told to be: telling once is enough
    watched: list[WatchedMail] = []  # its latest emails, those with the latest news last


class ImportProgress(msgspec.Struct, array_like=True):
    """How far one mark of an import has come: by round, the logs that have passed it on."""

    until: int
    ended: bool
    seen: dict[int, list[int]]  # round -> logs


class PartitionState(msgspec.Struct, array_like=True):
    """What a partition of the inbox knows beside its leads."""

    model_name: str = ""
    model_version: int = 0
    model_text: str = ""
    imports: dict[str, list[ImportProgress]] = {}
    reached: dict[str, int] = {}  # import id -> the instant it has reached
    ended: dict[str, int] = {}  # import id -> the instant it ended at; late mail of it is decided at once


class UnreadableState(ValueError):
    """A changelog value that this release cannot read: its shard must stop (see its message for what to do)."""


_WAY_OUT: Final = "run the release that wrote it, or rebuild the state by replaying the inbox under a new epoch"


T = TypeVar("T")

_HEAD = struct.Struct(">Bq")
_encoder = msgspec.msgpack.Encoder()
_mailbox = msgspec.msgpack.Decoder(Mailbox)
_partition = msgspec.msgpack.Decoder(PartitionState)
_untyped = msgspec.msgpack.Decoder()


def encode_mailbox(box: Mailbox) -> bytes:
    return _HEAD.pack(VERSION, box.due_at) + _encoder.encode(box)


def due_at(value: bytes) -> int:
    """The due instant in an encoded mailbox, without decoding it. Raises UnreadableState."""
    _check_version(value)
    return int(_HEAD.unpack_from(value)[1])


def decode_mailbox(value: bytes) -> Mailbox:
    """Read a mailbox. Raises UnreadableState."""
    if value[:1] == b"\x01":
        value = _of_version_1(value)
    return _decode(_mailbox, value)


def encode_partition(state: PartitionState) -> bytes:
    return _HEAD.pack(VERSION, NEVER) + _encoder.encode(state)


def decode_partition(value: bytes) -> PartitionState:
    """Read a partition's own state. Raises UnreadableState."""
    return _decode(_partition, value)


def _decode(decoder: msgspec.msgpack.Decoder[T], value: bytes) -> T:
    _check_version(value)
    try:
        return decoder.decode(memoryview(value)[_HEAD.size :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Without its cause: some of msgspec's errors quote what they found.
        raise UnreadableState(f"a record of the state changelog ({len(value)} bytes) does not decode ({type(error).__name__}): {_WAY_OUT}") from None


def _check_version(value: bytes) -> None:
    if len(value) < _HEAD.size or not 1 <= value[0] <= VERSION:
        found = f"version {value[0]}" if value else "no version"
        raise UnreadableState(
            f"a record of the state changelog ({len(value)} bytes) has {found}, this release reads versions 1 to {VERSION}: {_WAY_OUT}"
        )


def _of_version_1(value: bytes) -> bytes:
    """A mailbox of version 1 as it is written now. What is no such mailbox is given back as it is, to be refused."""
    try:
        box = _untyped.decode(memoryview(value)[_HEAD.size :])
        for fields, place in ((box[0], Lead.__struct_fields__.index("recent")), (box, Mailbox.__struct_fields__.index("passed"))):
            fields[place] = Remembered.of(fields[place].items())
        return value[: _HEAD.size] + _encoder.encode(box)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, IndexError, KeyError, AttributeError, struct.error):
        return value
