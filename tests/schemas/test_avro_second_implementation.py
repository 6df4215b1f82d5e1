"""Apache's own Python library, which shares no code with fastavro: what one writes the other reads."""

import io
import json
from importlib.resources import files
from typing import Any

import avro.io
import avro.schema
import pytest
from avro.schemanormalization import Fingerprint, ToParsingCanonicalForm
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro as ours
from schemas.dead_letter import DeadLetter
from schemas.facts import AnyFact
from schemas.profile import LeadProfile
from schemas.registry import HEADER_BYTES, MAGIC, released
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition
from tests.schemas import make_golden
from tests.schemas.examples_v1 import AVRO
from tests.schemas.struct_values import values

CODECS = {
    "touchpoint": ours.TOUCHPOINT,
    "fact": ours.FACT,
    "transition": ours.TRANSITION,
    "profile": ours.PROFILE,
    "dead_letter": ours.DEAD_LETTER,
}
ENCODE: dict[str, tuple[Any, Any]] = {
    "touchpoint": (values(Touchpoint), ours.encode_touchpoint),
    "fact": (values(AnyFact), lambda fact: ours.encode_fact(fact, partition=1, offset=1 << 40, index=2)),
    "transition": (values(Transition), ours.encode_transition),
    "profile": (values(LeadProfile), ours.encode_profile),
    "dead_letter": (values(DeadLetter), ours.encode_dead_letter),
}


TEXTS = [
    pytest.param(name, version.number, (files("schemas") / f"avsc/{name}.v{version.number}.avsc").read_text("utf-8"))
    for name, versions in released().items()
    for version in versions
]


def theirs_of(name: str) -> avro.schema.Schema:
    return avro.schema.Parse(json.dumps(CODECS[name].newest.document))


def their_read(schema: avro.schema.Schema, body: bytes) -> dict[str, Any]:
    source = io.BytesIO(body)
    row = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(source))
    assert source.tell() == len(body)
    return row


def their_write(schema: avro.schema.Schema, row: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(row, avro.io.BinaryEncoder(out))
    return out.getvalue()


@pytest.mark.parametrize(("name", "number", "text"), TEXTS)
def test_it_computes_the_same_header_from_the_file_as_it_stands(name: str, number: int, text: str) -> None:
    canonical = ToParsingCanonicalForm(avro.schema.Parse(text))
    [version] = [version for version in released()[name] if version.number == number]
    assert MAGIC + Fingerprint(canonical, "CRC-64-AVRO") == version.header


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=40)
@given(data=st.data())
def test_it_reads_what_we_write_and_writes_the_same_bytes(name: str, data: st.DataObject) -> None:
    strategy, encode = ENCODE[name]
    value = encode(data.draw(strategy))
    schema, row = theirs_of(name), CODECS[name].read(value)
    assert their_read(schema, value[HEADER_BYTES:]) == row
    assert their_write(schema, row) == value[HEADER_BYTES:]


@pytest.mark.parametrize("example", AVRO)
def test_it_reads_the_golden_bytes_of_version_1_and_we_read_what_it_writes_of_them(example: str) -> None:
    value = make_golden.read(example, 1)
    header, body = value[:HEADER_BYTES], value[HEADER_BYTES:]
    [schema] = [
        avro.schema.Parse(json.dumps(version.document))
        for versions in released().values()
        for version in versions
        if version.header == header
    ]
    written = header + their_write(schema, their_read(schema, body))
    assert AVRO[example].decode(written) == AVRO[example].value
