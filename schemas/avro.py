"""What others read, in Avro: touchpoints, facts, transitions, profiles and dead letters.

Single-object encoding: C3 01, the CRC-64-AVRO fingerprint of the writer's schema (little-endian), the body. So no
registry is needed to read it. Writes the newest version, reads every version ever released, resolved to the newest.
"""

import copy
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import msgspec
from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from msgspec.structs import asdict

from schemas import avro_by_hand, fact_record
from schemas.dead_letter import DeadLetter
from schemas.facts import AnyFact, RuleSum, Touch, TouchpointCounted
from schemas.profile import LeadProfile
from schemas.registry import HEADER_BYTES, MAGIC, Version, released
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition


class Undecodable(ValueError):
    """Bytes that are no record of any released version; the caller dead-letters them. Never names the content."""


# What fastavro raises on bytes that are no record. MemoryError is not among them: no length in the input makes it
# allocate more than the input holds, so one of those is ours and must not send good records to the dead letters.
_UNREADABLE: Final = (
    EOFError, ValueError, LookupError, ArithmeticError, TypeError, RecursionError, struct.error, SchemaResolutionError,
)  # fmt: skip


class Codec:
    """Reads and writes one kind of record as rows (dicts of its fields): `versions` are its schema's, oldest first."""

    def __init__(self, versions: Sequence[Version]) -> None:
        self.newest: Final = versions[-1]
        self._by_header: Final = {version.header: version for version in versions} | {self.newest.header: self.newest}

    def write(self, row: dict[str, Any]) -> bytes:
        """Write *row* in the newest version; a field left out is at its default."""
        out = BytesIO()
        out.write(self.newest.header)
        schemaless_writer(out, self.newest.parsed, row)
        return out.getvalue()

    def read(self, value: bytes | None) -> dict[str, Any]:
        """Read a row as the newest version has it, whatever version wrote it. Raises Undecodable."""
        writer = self._by_header.get(value[:HEADER_BYTES]) if value else None
        if value is None or writer is None:
            raise self._unknown(value)
        body = BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            row: dict[str, Any] = (
                schemaless_reader(body, writer.parsed, None) if writer is self.newest else self._resolve(body, writer)
            )
        except _UNREADABLE as error:
            cut = isinstance(error, EOFError | IndexError) and body.tell() == len(value)
            found = "ends too early" if cut else f"does not decode ({type(error).__name__})"
            # Without its cause: some of fastavro's errors quote what they could not read.
            raise Undecodable(f"{writer} {found}") from None
        if body.tell() != len(value):
            raise Undecodable(f"{writer} is followed by {len(value) - body.tell()} bytes that are no part of it")
        return row

    def _resolve(self, body: BytesIO, writer: Version) -> dict[str, Any]:
        # fastavro hands out the schema's own default lists and maps, one for all records: copy before anybody owns them.
        row: dict[str, Any] = copy.deepcopy(schemaless_reader(body, writer.parsed, self.newest.parsed))
        return row

    def _unknown(self, value: bytes | None) -> Undecodable:
        expected = f"expected {self.newest.full_name} in Avro's single-object encoding"
        if not value:
            return Undecodable(f"no bytes, {expected}")
        if not value.startswith(MAGIC):
            return Undecodable(f"starts with {value[:2].hex()} instead of {MAGIC.hex()}, {expected}")
        if len(value) < HEADER_BYTES:
            return Undecodable(f"ends after {len(value)} of the header's {HEADER_BYTES} bytes, {expected}")
        fingerprint = value[len(MAGIC) : HEADER_BYTES].hex()
        known = _NAMES_BY_HEADER.get(value[:HEADER_BYTES])
        if known is not None:
            return Undecodable(f"is a {known} (fingerprint {fingerprint}), {expected}")
        return Undecodable(
            f"was written with a schema of fingerprint {fingerprint}, which this release does not know, {expected}: "
            "where a newer release wrote it, upgrade this one"
        )


def newer(value: bytes | None) -> str | None:
    """Name the schema of a value that no released version of any record here wrote; None for all else, broken bytes too."""
    if value is None or len(value) < HEADER_BYTES or not value.startswith(MAGIC) or value[:HEADER_BYTES] in _NAMES_BY_HEADER:
        return None
    return f"a schema of fingerprint {value[len(MAGIC) : HEADER_BYTES].hex()}"


_RELEASED: Final = released()
_NAMES_BY_HEADER: Final = {version.header: str(version) for versions in _RELEASED.values() for version in versions}

TOUCHPOINT: Final = Codec(_RELEASED["touchpoint"])
FACT: Final = Codec(_RELEASED["fact"])
TRANSITION: Final = Codec(_RELEASED["transition"])
PROFILE: Final = Codec(_RELEASED["profile"])
DEAD_LETTER: Final = Codec(_RELEASED["dead_letter"])


class FactAt(msgspec.Struct, frozen=True, gc=False):
    """A fact with the position of the inbox it was decided from; `index` counts the facts decided there."""

    fact: AnyFact
    partition: int
    offset: int
    index: int


def encode_touchpoint(touchpoint: Touchpoint) -> bytes:
    return TOUCHPOINT.newest.header + avro_by_hand.touchpoint(touchpoint)


def decode_touchpoint(value: bytes | None) -> Touchpoint:
    """Read a touchpoint. Raises Undecodable."""
    return Touchpoint(**TOUCHPOINT.read(value))


def encode_fact(fact: AnyFact, *, partition: int, offset: int, index: int) -> bytes:
    """Write a fact that was decided from this position of the inbox, the *index*-th there."""
    if type(fact) is TouchpointCounted:  # one for each touchpoint; all others together are rare
        return FACT.newest.header + avro_by_hand.counted(fact, partition=partition, offset=offset, index=index)
    return FACT.write(fact_record.row(fact, partition=partition, offset=offset, index=index))


def decode_fact(value: bytes | None) -> FactAt:
    """Read a fact and its position. Raises Undecodable, also where a fact lacks a field."""
    row = FACT.read(value)
    try:
        fact = fact_record.fact_of(row)
    except fact_record.Incomplete as error:
        raise Undecodable(str(error)) from None
    return FactAt(fact, row["partition"], row["offset"], row["index"])


def fact_row(value: bytes | None) -> dict[str, Any]:
    """Read a fact as a flat row of all fields of `avsc/fact`, for a table. Raises Undecodable."""
    return FACT.read(value)


def encode_transition(transition: Transition) -> bytes:
    return TRANSITION.write(asdict(transition))


def decode_transition(value: bytes | None) -> Transition:
    """Read a transition. Raises Undecodable."""
    return Transition(**TRANSITION.read(value))


def encode_profile(profile: LeadProfile) -> bytes:
    return PROFILE.newest.header + avro_by_hand.profile(profile)


def decode_profile(value: bytes | None) -> LeadProfile:
    """Read a profile. Raises Undecodable."""
    row = PROFILE.read(value)
    row["reasons"] = tuple([RuleSum(**each) for each in row["reasons"]])
    for name in ("first_touch", "last_touch"):
        row[name] = None if row[name] is None else Touch(**row[name])
    return LeadProfile(**row)


def encode_dead_letter(letter: DeadLetter) -> bytes:
    return DEAD_LETTER.write(asdict(letter))


def decode_dead_letter(value: bytes | None) -> DeadLetter:
    """Read a dead letter. Raises Undecodable."""
    return DeadLetter(**DEAD_LETTER.read(value))
