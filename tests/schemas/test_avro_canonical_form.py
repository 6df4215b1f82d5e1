"""Canonical form, fingerprints and single-object encoding, against the Avro project's own shared test data."""

import json
import re
from pathlib import Path

import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.avro import Codec
from schemas.registry import HEADER_BYTES, Version, released

SHARED = Path(__file__).parents[3] / "shared/data/avro_share/share/test/data"
CASE = re.compile(
    r"^<<INPUT(?: (?P<line>.+)|\n(?P<lines>(?:.*\n)+?)INPUT)$\n<<canonical (?P<canonical>.+)\n(?:<<fingerprint (?P<crc>.+))?",
    re.MULTILINE,
)


def shared_cases() -> list[re.Match[str]]:
    file = SHARED / "schema-tests.txt"
    if not file.exists():
        pytest.skip(f"Avro's shared test data is not here ({file})")
    return list(CASE.finditer(file.read_text("utf-8")))


def test_every_shared_case_gives_its_canonical_form_and_its_fingerprint() -> None:
    cases = shared_cases()
    fingerprints = 0
    for case in cases:
        canonical = to_parsing_canonical_form(json.loads(case["line"] or case["lines"]))
        assert canonical == case["canonical"]
        if case["crc"]:
            fingerprints += 1
            crc = bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))
            assert int.from_bytes(crc, "little", signed=True) == int(case["crc"])
    assert (len(cases), fingerprints) == (34, 26)


def test_the_shared_single_object_message_is_read_and_written_alike() -> None:
    folder = SHARED / "messageV1"
    if not folder.exists():
        pytest.skip(f"Avro's shared test data is not here ({folder})")
    codec = Codec([Version.of(1, json.loads((folder / "test_schema.avsc").read_text("utf-8")))])
    message = (folder / "test_message.bin").read_bytes()
    row = {"id": 42, "name": "Bill", "tags": ["dog_lover", "cat_hater"]}
    assert codec.read(message) == row
    assert codec.write(row) == message


@pytest.mark.parametrize("name", released())
def test_dropping_logical_types_leaves_the_fingerprint_as_it_was(name: str) -> None:
    for version in released()[name]:
        crc = fingerprint(to_parsing_canonical_form(version.document), "CRC-64-AVRO")
        assert version.header[-8:].hex() == crc
        assert len(version.header) == HEADER_BYTES
