"""Bytes of every version ever released: today's readers read them, and while a version is the newest, today's writers
write them, byte for byte (what is emitted again after a crash must be the same).
"""

import typing

import pytest

from schemas import inbox, state
from schemas.fact_record import NAMES
from schemas.facts import AnyFact
from schemas.registry import HEADER_BYTES, released
from tests.schemas import make_golden
from tests.schemas.examples_v1 import AVRO, EXAMPLES, FACTS, MAIL, PRIVATE

NEWEST = {versions[-1].header for versions in released().values()}


@pytest.mark.parametrize(("name", "version"), [(name, v + 1) for name, example in EXAMPLES.items() for v in range(example.since - 1, example.version)])
def test_bytes_of_every_version_are_still_read(name: str, version: int) -> None:
    example = EXAMPLES[name]
    assert example.decode(make_golden.read(name, version)) == example.value


@pytest.mark.parametrize("name", AVRO)
def test_what_is_written_in_avro_has_not_changed_since_its_release(name: str) -> None:
    golden = make_golden.read(name, 1)
    if golden[:HEADER_BYTES] not in NEWEST:
        pytest.skip("a newer version is written by now")
    assert AVRO[name].encode(AVRO[name].value) == golden


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_written_to_the_private_topics_has_not_changed_since_its_release(name: str) -> None:
    written = make_golden.read(name, PRIVATE[name].version)
    assert written[0] == PRIVATE[name].version == (inbox if name.startswith("inbox_") else state).VERSION
    assert PRIVATE[name].encode(PRIVATE[name].value) == written


def test_every_golden_file_belongs_to_an_example() -> None:
    assert {file.name for file in make_golden.FOLDER.iterdir()} == {f"{name}.v{v + 1}.hex" for name, example in EXAMPLES.items() for v in range(example.since - 1, example.version)}


def test_every_released_schema_every_fact_and_every_inbox_record_has_golden_bytes() -> None:
    headers = {make_golden.read(name, 1)[:HEADER_BYTES] for name in AVRO}
    assert headers == {version.header for versions in released().values() for version in versions}
    assert {type(fact) for fact in FACTS.values()} == set(typing.get_args(AnyFact)) == set(NAMES)
    assert {type(record) for record in MAIL.values()} == set(typing.get_args(inbox.InboxRecord))
