"""Blocks of columns in ClickHouse's Native layout: where one ends, and how to write an empty one.

A block has no length of its own: its end is found by walking its columns. Only lengths are looked at, values are
never decoded, so an insert costs the server little more than copying.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deploy.local.front.wire import Inbound, Malformed, text, varint

Skip = Callable[[Inbound, int], None]
Column = tuple[str, str]

WIDTHS = {
    "UInt8": 1, "Int8": 1, "Bool": 1, "Enum8": 1, "Nothing": 1,
    "UInt16": 2, "Int16": 2, "Date": 2, "Enum16": 2, "BFloat16": 2,
    "UInt32": 4, "Int32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Decimal32": 4, "Time": 4,
    "UInt64": 8, "Int64": 8, "Float64": 8, "DateTime64": 8, "Decimal64": 8, "Time64": 8,
    "UInt128": 16, "Int128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16,
    "UInt256": 32, "Int256": 32, "Decimal256": 32,
}  # fmt: skip
DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))
ARGUMENT_NAME = re.compile(r"(?:`(?:[^`\\]|\\.)+`|\w+)\s+(?=\S)")
KEY_WIDTHS = (1, 2, 4, 8)


def empty(columns: Sequence[Column]) -> bytes:
    """Return a block of no rows that tells names and types."""
    return varint(len(columns)) + varint(0) + b"".join(text(name) + text(kind) for name, kind in columns)


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it came: its columns, the number of its rows, its bytes in the Native layout."""

    columns: tuple[Column, ...]
    rows: int
    data: bytes


def read(stream: Inbound) -> Block:
    """Take the block that *stream* stands at."""
    start = stream.at
    count, rows = stream.varint(), stream.varint()
    columns = []
    for _ in range(count):
        name, kind = stream.text(), stream.text()
        columns.append((name, kind))
        if rows:
            skip_column(stream, kind, rows)
    return Block(tuple(columns), rows, bytes(stream.buffer[start : stream.at]))


def apart(data: bytes, *, rows: int) -> list[bytes]:
    """Return the blocks that *data*, of *rows* rows in all, consists of.

    The pieces of a streamed result are one block each and pass unread; other results may hold several.
    """
    stream = Inbound.over(data)
    blocks = []
    while stream.at < len(data):
        start = stream.at
        stream.varint()
        if stream.varint() == rows and not start:
            return [data]
        stream.at = start
        blocks.append(read(stream).data)
    return blocks


def with_time_zones(data: bytes, columns: Sequence[Column]) -> bytes:
    """Return the block with the types of *columns*, where the engine has written DateTime without its time zone.

    It does so for the sake of clients from before 2019, which it takes every reader of FORMAT Native for.
    """
    if not any(kind.startswith("DateTime(") for _, kind in columns):
        return data
    stream = Inbound.over(data)
    count, rows = stream.varint(), stream.varint()
    said = varint(count) + varint(rows)
    try:
        for name, kind in columns:
            stream.text(), stream.text()
            start = stream.at
            skip_column(stream, kind, rows)
            said += text(name) + text(kind) + bytes(stream.buffer[start : stream.at])
    except Malformed:  # a type whose end is not known here: better a result without the zone than none
        return data
    return said


def skip_column(stream: Inbound, kind: str, rows: int) -> None:
    """Move *stream* behind one column's values."""
    # Each LowCardinality in a type, however deep, has a version of eight bytes ahead of all values.
    stream.skip(8 * kind.count("LowCardinality("))
    skipper(kind)(stream, rows)


@lru_cache(maxsize=1024)
def skipper(kind: str) -> Skip:
    """Return what skips so many values of type *kind*; raise `Malformed` for types this server does not take in."""
    name, arguments = _parsed(kind)
    match name:
        case "String":
            return _skip_strings
        case "Nullable":
            return _skip_nullable(skipper(arguments[0]))
        case "LowCardinality":
            # NULL is one of the keys, so these are never Nullable themselves.
            inner, of = _parsed(arguments[0])
            return _skip_low_cardinality(skipper(of[0] if inner == "Nullable" else arguments[0]))
        case "Array":
            return _skip_arrays(skipper(arguments[0]))
        case "Map":
            return _skip_arrays(_skip_all([skipper(argument) for argument in arguments]))
        case "Tuple":
            return _skip_all([skipper(_unnamed(argument)) for argument in arguments])
        case "Nested":
            return _skip_arrays(_skip_all([skipper(_unnamed(argument)) for argument in arguments]))
        case "SimpleAggregateFunction":
            return skipper(arguments[-1])
        case _:
            return _skip_fixed(_width(name, arguments))


def _width(name: str, arguments: Sequence[str]) -> int:
    if name == "FixedString":
        return int(arguments[0])
    if name == "Decimal":
        return next(width for precision, width in DECIMAL_WIDTHS if int(arguments[0]) <= precision)
    if name.startswith("Interval"):
        return 8
    if name in WIDTHS:
        return WIDTHS[name]
    raise Malformed(f"the type {name} cannot be inserted over the native protocol here: use the HTTP interface")


def _parsed(kind: str) -> tuple[str, list[str]]:
    name, bracket, rest = kind.strip().partition("(")
    return name, _split(rest[:-1]) if bracket else []


def _split(arguments: str) -> list[str]:
    parts, depth, start, quote = [], 0, 0, ""
    for at, char in enumerate(arguments):
        if quote:
            # A quote behind a backslash belongs to the name.
            if char == quote and arguments[at - 1] != "\\":
                quote = ""
        elif char in "'`":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and not depth:
            parts.append(arguments[start:at].strip())
            start = at + 1
    return [*parts, arguments[start:].strip()]


def _unnamed(argument: str) -> str:
    return ARGUMENT_NAME.sub("", argument, count=1) if ARGUMENT_NAME.match(argument) else argument


def _skip_fixed(width: int) -> Skip:
    def skip(stream: Inbound, rows: int) -> None:
        stream.skip(width * rows)

    return skip


def _skip_strings(stream: Inbound, rows: int) -> None:
    # The one loop that runs once per value: plain indexing, no calls.
    buffer, at = stream.buffer, stream.at
    for _ in range(rows):
        try:
            size = buffer[at]
        except IndexError:
            stream.ensure(at + 1)
            size = buffer[at]
        at += 1
        if size > 0x7F:
            stream.at = at - 1
            size = stream.varint()
            at = stream.at
        at += size
    stream.at = at
    stream.ensure(at)


def _skip_nullable(inner: Skip) -> Skip:
    def skip(stream: Inbound, rows: int) -> None:
        stream.skip(rows)
        inner(stream, rows)

    return skip


def _skip_low_cardinality(keys: Skip) -> Skip:
    def skip(stream: Inbound, rows: int) -> None:
        if rows:
            width = KEY_WIDTHS[stream.take(8)[0]]
            keys(stream, int.from_bytes(stream.take(8), "little"))
            stream.skip(8 + width * rows)

    return skip


def _skip_arrays(inner: Skip) -> Skip:
    def skip(stream: Inbound, rows: int) -> None:
        if rows:
            stream.skip(8 * (rows - 1))
            values = int.from_bytes(stream.take(8), "little")
            inner(stream, values)

    return skip


def _skip_all(inner: Sequence[Skip]) -> Skip:
    def skip(stream: Inbound, rows: int) -> None:
        for skip_one in inner:
            skip_one(stream, rows)

    return skip
