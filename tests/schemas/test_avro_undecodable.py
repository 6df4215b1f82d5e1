"""Bytes that are no record: refused by name, without their content, and without growing memory."""

import traceback
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.avro import Undecodable
from schemas.registry import HEADER_BYTES
from tests.schemas.examples_v1 import AVRO, FULL, SPARE

TOUCHPOINT = avro.encode_touchpoint(FULL)
HEADER = TOUCHPOINT[:HEADER_BYTES]
DECODERS = [
    (avro.TOUCHPOINT, avro.decode_touchpoint),
    (avro.FACT, avro.decode_fact),
    (avro.TRANSITION, avro.decode_transition),
    (avro.PROFILE, avro.decode_profile),
    (avro.DEAD_LETTER, avro.decode_dead_letter),
]
SECRET = b"ana@example.com"


def long(value: int) -> bytes:
    return avro.encode_touchpoint(FULL.__class__(
        event_id="", source="", kind="", channel="", occurred_at=value, received_at=0,
    ))[HEADER_BYTES + 4 :].removesuffix(bytes(10))  # fmt: skip


def refusal(value: bytes | None) -> str:
    with pytest.raises(Undecodable) as refused:
        avro.decode_touchpoint(value)
    return str(refused.value)


def test_no_bytes_at_all_are_refused() -> None:
    assert refusal(None) == refusal(b"") == "no bytes, expected leadstream.Touchpoint in Avro's single-object encoding"


@pytest.mark.parametrize("value", [b'{"event_id": 1}', b"\x00\x00\x00\x00\x01abc", b"\xc3", b"\x00"])
def test_another_magic_is_named(value: bytes) -> None:
    assert f"starts with {value[:2].hex()} instead of c301" in refusal(value)


def test_a_header_cut_short_is_named() -> None:
    assert "ends after 9 of the header's 10 bytes" in refusal(TOUCHPOINT[:9])


def test_an_unknown_fingerprint_is_named() -> None:
    assert "fingerprint 0102030405060708, which this release does not know" in refusal(
        b"\xc3\x01\1\2\3\4\5\6\7\x08body"
    )


def test_a_record_of_another_kind_is_named() -> None:
    fact = AVRO["fact_lead_released"]
    header = avro.FACT.newest.header
    assert refusal(fact.encode(fact.value)).startswith(
        f"is a leadstream.Fact version 1 (fingerprint {header[2:].hex()})"
    )


def test_bytes_behind_the_record_are_refused_and_counted() -> None:
    assert (
        refusal(TOUCHPOINT + b"abc") == "leadstream.Touchpoint version 1 is followed by 3 bytes that are no part of it"
    )


@pytest.mark.parametrize("name", AVRO)
def test_a_record_cut_short_anywhere_is_refused(name: str) -> None:
    value = AVRO[name].encode(AVRO[name].value)
    for size in range(HEADER_BYTES, len(value)):
        with pytest.raises(Undecodable, match="version 1 ends too early"):
            AVRO[name].decode(value[:size])


def test_text_that_is_no_utf8_is_refused_without_being_quoted() -> None:
    value = TOUCHPOINT.replace(SECRET, SECRET[:-1] + b"\xff")
    with pytest.raises(Undecodable, match="UnicodeDecodeError") as refused:
        avro.decode_touchpoint(value)
    assert "ana@" not in "".join(traceback.format_exception(refused.value))


def test_a_fact_of_an_unknown_name_is_refused() -> None:
    row = avro.fact_row(AVRO["fact_lead_released"].encode(AVRO["fact_lead_released"].value))
    with pytest.raises(Undecodable, match="field fact names none of the facts") as refused:
        avro.decode_fact(avro.FACT.write(row | {"fact": "lead_cloned"}))
    assert "cloned" not in str(refused.value)


MAY_BE_ABSENT = {
    "fact_touchpoint_counted": {"import_id", "campaign"},
    "fact_stage_changed": {"rule", "first_touch", "last_touch"},
    # Without its name there is no verdict, whatever its instants say.
    "fact_identity_merged": {"first_touch", "last_touch", "verdict"},
}


@pytest.mark.parametrize("name", [name for name in AVRO if name.startswith("fact_")])
def test_a_fact_that_lacks_a_field_of_its_own_is_refused_with_the_name_of_the_field(name: str) -> None:
    row = avro.fact_row(AVRO[name].encode(AVRO[name].value))
    for field in avro.FACT.newest.document["fields"]:
        if field.get("default", ...) is not None or row[field["name"]] is None:
            continue
        value = avro.FACT.write(row | {field["name"]: None})
        if field["name"] in MAY_BE_ABSENT.get(name, ()):
            assert avro.decode_fact(value) != AVRO[name].value
        else:
            with pytest.raises(Undecodable, match=f"lacks the field {field['name']},"):
                avro.decode_fact(value)


LENGTHS = [-1, -(1 << 63), (1 << 31) - 1, 1 << 32, (1 << 62), (1 << 63) - 1]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("before", [b"", bytes(4 + 2 + 5)], ids=["string", "map"])
def test_a_length_beyond_the_input_allocates_nothing(length: int, before: bytes) -> None:
    value = HEADER + before + long(length) + b"\x02a"
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable):
            avro.decode_touchpoint(value)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("codec", "decode"), DECODERS, ids=lambda each: getattr(each, "__name__", ""))
@settings(max_examples=300)
@given(body=st.binary(max_size=200) | st.lists(st.sampled_from([0, 1, 2, 4, 3, 127, 128, 255]), max_size=80).map(bytes))
@example(body=b"")
def test_any_bytes_behind_a_valid_header_are_a_record_or_refused(codec, decode, body: bytes) -> None:
    try:
        decode(codec.newest.header + body)
    except Undecodable as error:
        assert str(error)


@pytest.mark.parametrize("name", AVRO)
@settings(max_examples=60)
@given(data=st.data())
def test_a_record_damaged_anywhere_is_a_record_or_refused(name: str, data: st.DataObject) -> None:
    value = bytearray(AVRO[name].encode(AVRO[name].value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(HEADER_BYTES, len(value) - 1))
        value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=12))
        if len(value) <= HEADER_BYTES:
            break
    try:
        AVRO[name].decode(bytes(value))
    except Undecodable as error:
        assert str(error)


def test_a_touchpoint_of_text_that_no_utf8_can_hold_is_not_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        avro.encode_touchpoint(SPARE.__class__(**{
            **{name: getattr(SPARE, name) for name in SPARE.__struct_fields__}, "kind": "\ud800",
        }))  # fmt: skip
