"""The short way into a row is the general one's equal, on everything we write; all that it cannot read it leaves to the general one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.dead_letter import DeadLetter
from schemas.facts import AnyFact, TouchpointCounted
from schemas.profile import LeadProfile
from schemas.registry import HEADER_BYTES, Version
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition
from sinks.reader import Reader, quick
from tests.schemas.struct_values import INT, LONG, values

POSITION = st.fixed_dictionaries({"partition": INT, "offset": LONG, "index": INT})
FACT = Reader(avro.FACT)
WRITTEN = {
    "touchpoint": (Reader(avro.TOUCHPOINT), values(Touchpoint).map(avro.encode_touchpoint)),
    "a fact that counts": (FACT, st.builds(lambda fact, at: avro.encode_fact(fact, **at), values(TouchpointCounted), POSITION)),
    "any fact": (FACT, st.builds(lambda fact, at: avro.encode_fact(fact, **at), values(AnyFact), POSITION)),
    "transition": (Reader(avro.TRANSITION), values(Transition).map(avro.encode_transition)),
    "profile": (Reader(avro.PROFILE), values(LeadProfile).map(avro.encode_profile)),
    "dead letter": (Reader(avro.DEAD_LETTER), values(DeadLetter).map(avro.encode_dead_letter)),
}
EVERY = pytest.mark.parametrize("name", WRITTEN)


class Left(Exception):
    """What a short way that never asks the general one raises in its place."""


def left(_value):
    raise Left


def outcome(read, value) -> str:
    try:
        return repr(read(value))  # not-a-number is unlike itself
    except avro.Undecodable as error:
        return str(error)


@EVERY
@given(data=st.data())
def test_what_we_write_is_read_the_short_way_and_gives_the_same_row(name, data):
    read, written = WRITTEN[name]
    value = data.draw(written)
    row = repr(read.read(value))
    assert row == repr(read.generally(value))
    assert row == repr(quick(read.layout, value[:HEADER_BYTES], left)(value)), "it was left to the general way"
    assert len(read.read(value)) == len(read.layout.cells)


@EVERY
@settings(max_examples=200)
@given(data=st.data())
def test_damaged_bytes_are_never_read_otherwise_than_by_the_general_way(name, data):
    read, written = WRITTEN[name]
    value = bytearray(data.draw(written))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    damaged = bytes(value[: data.draw(st.integers(at, len(value)))])
    assert outcome(read.read, damaged) == outcome(read.generally, damaged)


@EVERY
@settings(max_examples=5)
@given(data=st.data())
def test_bytes_cut_short_anywhere_are_unreadable(name, data):
    read, written = WRITTEN[name]
    value = data.draw(written)
    for end in range(len(value)):
        with pytest.raises(avro.Undecodable):
            read.read(value[:end])
    with pytest.raises(avro.Undecodable):
        read.read(value + b"\0")


@pytest.mark.parametrize("number", [0, 1, -1, 63, -64, 64, 2**31, 2**34 - 1, 2**34, 2**41 - 1, 2**41, 2**62, 2**63 - 1, -(2**63), -(2**40)])
def test_an_instant_of_any_length_is_read(number):
    value = avro.encode_touchpoint(Touchpoint(event_id="e", source="s", kind="k", channel="c", occurred_at=number, received_at=number))
    assert quick(WRITTEN["touchpoint"][0].layout, value[:HEADER_BYTES], left)(value)[4:6] == (number, number)


def test_a_block_that_tells_its_bytes_is_left_to_the_general_way():
    """Other writers may put a size before a block; fastavro does not, and so our own property tests would not see one."""
    value = avro.encode_touchpoint(Touchpoint(event_id="e", source="s", kind="k", channel="c", occurred_at=0, received_at=0))
    told = value[:-4] + b"\x01\x08\x02k\x02v\x00" + value[-3:]  # properties: -1 entries, of 4 bytes
    read = WRITTEN["touchpoint"][0]
    with pytest.raises(Left):
        quick(read.layout, told[:HEADER_BYTES], left)(told)
    assert {"k": "v"} in read.read(told)


def test_what_an_older_version_wrote_is_read_as_the_newest_has_it():
    newer = avro.TOUCHPOINT.newest.document
    extended = newer | {"fields": [*newer["fields"], {"name": "colour", "type": ["null", "string"], "default": None}]}
    read = Reader(avro.Codec([avro.TOUCHPOINT.newest, Version.of(2, extended)]))
    value = avro.encode_touchpoint(Touchpoint(event_id="e", source="s", kind="k", channel="c", occurred_at=1, received_at=2))
    assert read.read(value)[:6] == ("e", "s", "k", "c", 1, 2)
    assert read.read(value)[-1] == ""
