"""The fact that counts a touchpoint, read by hand straight into its row: nine of ten facts are of this kind.

fastavro takes three times as long over it, since it visits all of the forty fields, and this fact leaves the last
twenty-two at rest. Knows the first version of the schema by heart; whatever is unusual is left to the general reader.
"""

import struct
from typing import Any, Final, TypeAlias

from schemas import avro

Values: TypeAlias = tuple[Any, ...]

FILLED: Final = (
    "fact_id", "lead_id", "fact", "event_id", "recorded_at", "model", "partition", "offset", "index", "import_id", "kind",
    "channel", "campaign", "occurred_at", "sums",
)  # fmt: skip
"""The fields that it fills: the first of the schema."""

_FACT: Final = avro.FACT.newest
_FIELDS: Final = tuple(each["name"] for each in _FACT.parsed["fields"])
_HEADER: Final = _FACT.header if _FIELDS[: len(FILLED)] == FILLED else b"\0"
_BODY: Final = len(_HEADER)
_AT_REST: Final = bytes(len(_FIELDS) - len(FILLED))
_MORE: Final = 128
_PRESENT: Final = 2
_SHIFT_SAFE: Final = 56  # up to here a number has no more than 63 bits
_double: Final = struct.Struct("<d").unpack_from


class _Unusual(Exception):
    """Bytes that we never write, though some of them may be read."""


def counted(value: bytes | None) -> Values | None:
    """Return the values of FILLED, the sums as tuples; None for anything but a well-formed touchpoint_counted."""
    if value is None or not value.startswith(_HEADER):
        return None
    try:
        return _counted(value)
    except (IndexError, UnicodeDecodeError, struct.error, _Unusual):
        return None  # the general reader says what is wrong


def _counted(value: bytes) -> Values | None:
    fact_id, at = _text(value, _BODY)
    lead_id, at = _text(value, at)
    fact, at = _text(value, at)
    if fact != "touchpoint_counted":
        return None
    event_id, at = _text(value, at)
    recorded_at, at = _number(value, at)
    model, at = _text(value, at)
    partition, at = _number(value, at)
    offset, at = _number(value, at)
    index, at = _number(value, at)
    import_id, at = _maybe(value, at)
    kind, at = _maybe(value, at)
    channel, at = _maybe(value, at)
    campaign, at = _maybe(value, at)
    occurred_at, at = _number(value, at + 1) if _present(value, at) else (None, at + 1)
    sums, at = _sums(value, at)
    if value[at:] != _AT_REST:
        return None
    return (
        fact_id, lead_id, fact, event_id, recorded_at, model, partition, offset, index, import_id, kind, channel, campaign,
        occurred_at, sums,
    )  # fmt: skip


def _sums(value: bytes, at: int) -> tuple[list[Values], int]:
    sums: list[Values] = []
    size, at = _number(value, at)
    while size:
        if size < 0:
            raise _Unusual
        for _ in range(size):
            rule, at = _text(value, at)
            points = _double(value, at)[0]
            as_of, at = _number(value, at + 8)
            half_life_s, at = _number(value, at)
            count, at = _number(value, at)
            window, at = _number(value, at)
            once = value[at]
            if once > 1:
                raise _Unusual
            sums.append((rule, points, as_of, half_life_s, count, window, once == 1))
            at += 1
        size, at = _number(value, at)
    return sums, at


def _number(value: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag number: groups of seven bits, the lowest first, all but the last marked."""
    group = value[at]
    at += 1
    if group < _MORE:
        return (group >> 1) ^ -(group & 1), at
    zigzag, shift = group & 127, 7
    while (group := value[at]) >= _MORE:
        zigzag |= (group & 127) << shift
        shift += 7
        at += 1
    zigzag |= group << shift
    if shift > _SHIFT_SAFE and zigzag >> 64:
        raise _Unusual
    return (zigzag >> 1) ^ -(zigzag & 1), at + 1


def _text(value: bytes, at: int) -> tuple[str, int]:
    size = value[at]
    if size >= _MORE:
        size, at = _number(value, at)
        if size < 0:
            raise _Unusual
    elif size & 1:
        raise _Unusual  # negative
    else:
        size >>= 1
        at += 1
    end = at + size
    if end > len(value):
        raise _Unusual
    return value[at:end].decode(), end


def _maybe(value: bytes, at: int) -> tuple[str | None, int]:
    return _text(value, at + 1) if _present(value, at) else (None, at + 1)


def _present(value: bytes, at: int) -> bool:
    """Whether the value of a union with null is there."""
    branch = value[at]
    if branch not in (0, _PRESENT):
        raise _Unusual
    return branch == _PRESENT
