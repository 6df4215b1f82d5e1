"""Avro written by hand for the three records of the hot path: every touchpoint, the fact that counts it, and profiles.

Same bytes as the generic writer (a property test compares them) at a third to a fifth of its cost: fastavro tries every
branch of every union, and the fact that counts a touchpoint leaves twenty-two of its fields at rest, which here is one
constant. Rules, kinds and instants come again and again, so what they look like written is remembered. It knows the
newest version of these schemas by heart: release a newer one and that test fails until this file follows.
"""

import struct
from typing import Final, TypeVar

from schemas.facts import RuleSum, Touch, TouchpointCounted
from schemas.profile import LeadProfile
from schemas.touchpoint import Touchpoint

# An Avro integer goes out in groups of seven bits, the lowest first, all but the last marked. Two groups a look-up.
_GROUPS: Final = 14
_MASK: Final = (1 << _GROUPS) - 1
_MORE: Final = tuple(bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << _GROUPS))
_LAST: Final = tuple(bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(1 << _GROUPS))

_ABSENT: Final = b"\x00"  # the null branch of a union; also the end of an array or map
_PRESENT: Final = b"\x02"
_TRUE: Final = b"\x01"
_FALSE: Final = b"\x00"
_double = struct.Struct("<d").pack

_REMEMBERED_MAX: Final = 8192
"""Values remembered of a sort, before all are forgotten: well under a megabyte."""
_WORD_CHARS_MAX: Final = 64

T = TypeVar("T", int, str)


class _Written(dict[T, bytes]):
    """Value -> what it looks like written. Bounded; a look-up that finds it calls nothing."""

    def keep(self, value: T, written: bytes) -> bytes:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        self[value] = written
        return written


class _Numbers(_Written[int]):
    """Integers: instants, half-lives, counts."""

    def __missing__(self, value: int) -> bytes:
        return self.keep(value, _integer(value))


class _Words(_Written[str]):
    """Texts of a vocabulary: rules, kinds, channels, stages, models, names of properties."""

    def __missing__(self, value: str) -> bytes:
        return self.keep(value, _text(value)) if len(value) <= _WORD_CHARS_MAX else _text(value)


def _integer(value: int) -> bytes:
    zigzag = (value << 1) ^ (value >> 63)
    if zigzag >> 64:
        raise OverflowError("an Avro long has 64 bits")
    written = b""
    while zigzag > _MASK:
        written += _MORE[zigzag & _MASK]
        zigzag >>= _GROUPS
    return written + _LAST[zigzag]


def _text(value: str) -> bytes:
    encoded = value.encode()
    zigzag = len(encoded) << 1
    return (_LAST[zigzag] if zigzag <= _MASK else _integer(len(encoded))) + encoded


_number: Final = _Numbers()
_word: Final = _Words()


def touchpoint(value: Touchpoint) -> bytes:
    """Write the body of a touchpoint."""
    return b"".join((
        _text(value.event_id), _word[value.source], _word[value.kind], _word[value.channel],
        _number[value.occurred_at], _number[value.received_at],
        _maybe(value.visitor_id), _maybe(value.crm_id), _maybe(value.email_hash), _maybe(value.email_domain),
        _maybe_word(value.campaign), _map(value.properties), _map(value.profile), _map(value.contact),
        _maybe_word(value.import_id),
    ))  # fmt: skip


def counted(fact: TouchpointCounted, *, partition: int, offset: int, index: int) -> bytes:
    """Write the body of the fact that a touchpoint was counted."""
    touch, sums = fact.touch, fact.sums
    return b"".join((
        _text(fact.fact_id), _text(fact.lead_id), _COUNTED, _text(fact.event_id), _number[fact.recorded_at],
        _word[fact.model], _number[partition], _integer(offset), _number[index], _maybe_word(fact.import_id),
        _PRESENT, _word[fact.kind], _PRESENT, _word[touch.channel], _maybe_word(touch.campaign),
        _PRESENT, _number[touch.occurred_at], *_rule_sums(sums), _AT_REST,
    ))  # fmt: skip


def profile(value: LeadProfile) -> bytes:
    """Write the body of a lead's profile."""
    return b"".join((
        _text(value.lead_id), _word[value.stage], _number[value.stage_since], _double(value.score), _number[value.as_of],
        *_rule_sums(value.reasons),
        _double(value.fit), _word[value.grade], _doubles(value.criteria), _map(value.attributes), _maybe_word(value.verdict),
        _ABSENT if value.verdict_expires_at is None else _PRESENT + _number[value.verdict_expires_at],
        _touch(value.first_touch), _touch(value.last_touch), _number[value.touches], _maybe(value.forwarded_to),
        _word[value.model], _number[value.partition], _integer(value.offset),
    ))  # fmt: skip


def _touch(value: Touch | None) -> bytes:
    if value is None:
        return _ABSENT
    return b"".join((_PRESENT, _word[value.channel], _maybe_word(value.campaign), _number[value.occurred_at]))


def _doubles(value: dict[str, float]) -> bytes:
    if not value:
        return _ABSENT
    entries = [_word[key] + _double(value[key]) for key in value]
    return b"".join((_number[len(value)], *entries, _ABSENT))


def _rule_sums(sums: tuple[RuleSum, ...]) -> list[bytes]:
    """The pieces of an array of sums, its end included."""
    if not sums:
        return [_ABSENT]
    pieces = [_number[len(sums)]]
    for each in sums:
        pieces += (
            _word[each.rule], _double(each.points), _number[each.as_of], _number[each.half_life_s],
            _number[each.count], _number[each.window], _TRUE if each.once else _FALSE,
        )  # fmt: skip
    pieces.append(_ABSENT)
    return pieces


def _maybe(value: str | None) -> bytes:
    return _ABSENT if value is None else _PRESENT + _text(value)


def _maybe_word(value: str | None) -> bytes:
    return _ABSENT if value is None else _PRESENT + _word[value]


def _map(value: dict[str, str]) -> bytes:
    if not value:
        return _ABSENT
    entries = [_word[key] + _text(value[key]) for key in value]
    return b"".join((_number[len(value)], *entries, _ABSENT))


_COUNTED: Final = _text("touchpoint_counted")
_AT_REST: Final = bytes(22)  # the twenty-two fields behind the sums, each null or empty
