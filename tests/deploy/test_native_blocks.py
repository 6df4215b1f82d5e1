"""Where a block ends, told from its lengths alone."""

import pytest

from deploy.local.front import block
from deploy.local.front.wire import Frames, Inbound, Malformed, framed, text, varint

# Blocks as the engine writes them; the tests read the types from the live server.
SELECTED = {
    "fixed": "toInt8(number) AS a, toUInt256(number) AS b, toDecimal128(number, 3) AS c, toDate32('2026-01-01') AS d, toIPv6('::1') AS e, toFixedString('abc', 5) AS f, toIntervalDay(1) AS g",
    "strings": "repeat('x', number * 50) AS a, '' AS b, if(number % 2, NULL, 'y') AS c",
    "arrays": "range(number) AS a, [[1], [], [number]] AS b, emptyArrayString() AS c, arrayMap(x -> toString(x), range(number)) AS d",
    "maps": "map('k', toString(number)) AS a, map() AS b, map(toLowCardinality('k'), [number]) AS c",
    "tuples": "(number, 'x', NULL) AS a, CAST((1, 'x'), 'Tuple(`a b` Int8, `c)` String)') AS b, [(number, toString(number))] AS c",
    "dictionaries": "toLowCardinality(toString(number)) AS a, toLowCardinality(if(number % 2, NULL, 'x')) AS b, [toLowCardinality('x'), toLowCardinality(toString(number))] AS c, CAST([], 'Array(LowCardinality(String))') AS d, CAST((['x'], 'y'), 'Tuple(Array(LowCardinality(String)), LowCardinality(String))') AS e",
    "enums": "CAST('it\\'s, (a)', 'Enum8(\\'it\\\\\\'s, (a)\\' = 1, \\'b\\' = 2)') AS a, CAST('x', 'Enum16(\\'x\\' = 1000)') AS b, true AS c",
    "times": "toDateTime64('2026-01-01 00:00:00', 3, 'UTC') AS a, toDateTime('2026-01-01 00:00:00', 'Europe/Berlin') AS b",
}


def trickle(data: bytes) -> Inbound:
    """A stream that arrives three bytes at a time, as the worst network would send it."""
    pieces = iter([data[at : at + 3] for at in range(0, len(data), 3)])
    return Inbound(lambda: next(pieces, b""))


@pytest.mark.parametrize("what", SELECTED)
@pytest.mark.parametrize("rows", [1, 3, 300])
def test_a_block_of_the_engine_is_walked_to_its_very_end(local_stack, what, rows):
    import urllib.request

    sql = f"SELECT {SELECTED[what]} FROM numbers({rows}) FORMAT Native"
    with urllib.request.urlopen(local_stack.clickhouse_url, data=sql.encode()) as answer:
        data = answer.read()
    stream = trickle(data + b"next")
    found = block.read(stream)
    assert (found.rows, found.data) == (rows, data)
    assert stream.take(4) == b"next"
    assert block.apart(data + data, rows=2 * rows) == [data, data]


def test_an_empty_block_tells_names_and_types():
    columns = (("a", "Int8"), ("ü", "Array(String)"))
    found = block.read(Inbound.over(block.empty(columns)))
    assert (found.columns, found.rows) == (columns, 0)


def test_a_time_zone_is_put_back_where_the_engine_leaves_it_out():
    written = varint(2) + varint(1) + text("t") + text("DateTime") + b"\1\2\3\4" + text("s") + text("String") + text("x")
    wanted = varint(2) + varint(1) + text("t") + text("DateTime('UTC')") + b"\1\2\3\4" + text("s") + text("String") + text("x")
    assert block.with_time_zones(written, [("t", "DateTime('UTC')"), ("s", "String")]) == wanted
    assert block.with_time_zones(written, [("t", "DateTime"), ("s", "String")]) is written


@pytest.mark.parametrize("kind", ["AggregateFunction(sum, UInt8)", "Dynamic", "Array(JSON)"])
def test_a_type_whose_end_cannot_be_told_is_refused_by_name(kind):
    with pytest.raises(Malformed, match="cannot be inserted over the native protocol here: use the HTTP interface"):
        block.skipper(kind)


def test_a_block_cut_short_is_the_end_of_the_stream():
    data = varint(1) + varint(2) + text("s") + text("String") + text("whole") + varint(200) + b"cut"
    with pytest.raises(EOFError):
        block.read(Inbound.over(data))


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_frames_hold_what_was_put_in(size):
    data = bytes(size)
    source = Inbound.over(framed(data))
    stream = Inbound(Frames(source))
    assert stream.take(size) == data
    assert source.at == len(source.buffer)


def test_a_damaged_frame_is_noticed():
    frame = bytearray(framed(b"some data"))
    frame[-1] ^= 1
    with pytest.raises(Malformed, match="checksum"):
        Frames(Inbound.over(bytes(frame)))()
