"""The short way into a row is the general one's equal, on every fact it takes; all else it leaves to the general one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.facts import AnyFact, TouchpointCounted
from sinks import rows
from sinks.counted import FILLED, counted
from sinks.rows import Position
from tests.schemas.struct_values import INT, LONG, values

AT = Position(topic="leads.events", partition=0, offset=0)
POSITION = {"partition": INT, "offset": LONG, "index": INT}


def generally(value):
    return rows._FACT.row(avro.fact_row(value))


@given(values(TouchpointCounted), st.fixed_dictionaries(POSITION))
def test_a_counted_touchpoint_is_read_the_short_way_and_gives_the_same_row(fact, position):
    value = avro.encode_fact(fact, **position)
    assert counted(value) is not None
    assert rows.FACTS.read(value, AT) == generally(value)


@given(values(AnyFact), st.fixed_dictionaries(POSITION))
def test_every_fact_gives_the_row_that_the_general_reader_gives(fact, position):
    value = avro.encode_fact(fact, **position)
    assert rows.FACTS.read(value, AT) == generally(value)


@settings(max_examples=500)
@given(values(TouchpointCounted), st.data())
def test_damaged_bytes_are_never_read_otherwise_than_by_the_general_reader(fact, data):
    value = bytearray(avro.encode_fact(fact, partition=1, offset=2, index=3))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    damaged = bytes(value[: data.draw(st.integers(at, len(value)))])

    def outcome(read):
        try:
            return repr(read(damaged))  # not-a-number is unlike itself
        except avro.Undecodable as error:
            return str(error)

    assert outcome(lambda value: rows.FACTS.read(value, AT)) == outcome(generally)


def test_the_short_way_is_open():
    """A new version of the schema that changes the first fields closes it, silently; here it is heard."""
    names = [field["name"] for field in avro.FACT.newest.parsed["fields"]]
    assert tuple(names[: len(FILLED)]) == FILLED
