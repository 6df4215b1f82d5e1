"""What is written is read back, exactly; the writers by hand write the bytes of the generic one."""

import json
import math
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro, fact_record
from schemas.dead_letter import DeadLetter
from schemas.facts import AnyFact, RuleSum, Touch, TouchpointCounted
from schemas.profile import LeadProfile
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition
from tests.schemas.struct_values import INT, LONG, values

RECORDS = {
    Touchpoint: (avro.encode_touchpoint, avro.decode_touchpoint, avro.TOUCHPOINT),
    Transition: (avro.encode_transition, avro.decode_transition, avro.TRANSITION),
    LeadProfile: (avro.encode_profile, avro.decode_profile, avro.PROFILE),
    DeadLetter: (avro.encode_dead_letter, avro.decode_dead_letter, avro.DEAD_LETTER),
}


@pytest.mark.parametrize("kind", RECORDS)
@given(data=st.data())
def test_a_record_is_read_back_exactly(kind: type, data: st.DataObject) -> None:
    encode, decode, _ = RECORDS[kind]
    record = data.draw(values(kind))
    assert decode(encode(record)) == record


@pytest.mark.parametrize("kind", typing.get_args(AnyFact))
@given(data=st.data())
def test_every_fact_is_read_back_exactly_with_its_position(kind: type, data: st.DataObject) -> None:
    fact, partition, offset, index = data.draw(st.tuples(values(kind), INT, LONG, INT))
    found = avro.decode_fact(avro.encode_fact(fact, partition=partition, offset=offset, index=index))
    assert found == avro.FactAt(fact, partition, offset, index)
    assert type(found.fact) is kind


@given(touchpoint=values(Touchpoint))
def test_a_touchpoint_written_by_hand_has_the_bytes_of_the_generic_writer(touchpoint: Touchpoint) -> None:
    assert avro.encode_touchpoint(touchpoint) == avro.TOUCHPOINT.write(msgspec.structs.asdict(touchpoint))


@given(fact=values(TouchpointCounted), position=st.tuples(INT, LONG, INT))
def test_a_counted_touchpoint_written_by_hand_has_the_bytes_of_the_generic_writer(
    fact: TouchpointCounted, position: tuple[int, int, int]
) -> None:
    at = dict(zip(("partition", "offset", "index"), position, strict=True))
    assert avro.encode_fact(fact, **at) == avro.FACT.write(fact_record.row(fact, **at))


@given(profile=values(LeadProfile))
def test_a_profile_written_by_hand_has_the_bytes_of_the_generic_writer(profile: LeadProfile) -> None:
    plain = msgspec.to_builtins(profile)
    plain["reasons"] = [msgspec.structs.asdict(each) for each in profile.reasons]
    for name in ("first_touch", "last_touch"):
        touch = getattr(profile, name)
        plain[name] = None if touch is None else msgspec.structs.asdict(touch)
    assert avro.encode_profile(profile) == avro.PROFILE.write(plain)


@given(
    value=LONG | st.integers(0, 64).flatmap(lambda bits: st.sampled_from([(1 << bits) - 1, 1 << bits, -(1 << bits)]))
)
def test_numbers_by_hand_are_those_of_the_generic_writer_or_refused_alike(value: int) -> None:
    touchpoint = Touchpoint(event_id="", source="", kind="", channel="", occurred_at=value, received_at=0)
    try:
        generic = avro.TOUCHPOINT.write(msgspec.structs.asdict(touchpoint))
    except OverflowError:
        with pytest.raises(OverflowError):
            avro.encode_touchpoint(touchpoint)
    else:
        assert avro.encode_touchpoint(touchpoint) == generic


def test_numbers_that_are_none_keep_their_bits() -> None:
    counted = TouchpointCounted(
        fact_id="", lead_id="", event_id="", recorded_at=0, model="", kind="", touch=Touch("", None, 0),
        sums=(RuleSum("nan", math.nan, 0, 0), RuleSum("zero", -0.0, 0, 0), RuleSum("far", math.inf, 0, 0)),
    )  # fmt: skip
    found = avro.decode_fact(avro.encode_fact(counted, partition=0, offset=0, index=0)).fact
    assert isinstance(found, TouchpointCounted)
    assert math.isnan(found.sums[0].points)
    assert math.copysign(1, found.sums[1].points) == -1
    assert found.sums[2].points == math.inf


@pytest.mark.parametrize("kind", RECORDS)
def test_a_struct_has_the_fields_of_its_schema_in_the_same_order(kind: type) -> None:
    *_, codec = RECORDS[kind]
    assert list(kind.__struct_fields__) == [field["name"] for field in codec.newest.document["fields"]]


@pytest.mark.parametrize("kind", RECORDS)
def test_a_field_that_may_be_left_out_has_the_same_default_in_struct_and_schema(kind: type) -> None:
    *_, codec = RECORDS[kind]
    required = {field.name: msgspec.NODEFAULT for field in msgspec.structs.fields(kind) if field.required}
    in_struct = msgspec.to_builtins({
        field.name: field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        for field in msgspec.structs.fields(kind)
        if field.name not in required
    })  # fmt: skip
    in_schema = {field["name"]: field["default"] for field in codec.newest.document["fields"] if "default" in field}
    assert json.loads(json.dumps(in_struct)) == in_schema


def test_a_fact_row_has_every_field_of_the_schema() -> None:
    fact = TouchpointCounted(
        fact_id="f", lead_id="l", event_id="e", recorded_at=1, model="m@1", kind="k", touch=Touch("c", None, 2)
    )
    row = avro.fact_row(avro.encode_fact(fact, partition=3, offset=4, index=5))
    assert list(row) == [field["name"] for field in avro.FACT.newest.document["fields"]]
    assert (row["fact"], row["kind"], row["occurred_at"], row["sums"], row["stage"]) == (
        "touchpoint_counted",
        "k",
        2,
        [],
        None,
    )
