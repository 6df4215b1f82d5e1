"""Records of every topic in words: whatever is valid is told on one line, whatever is not is called unreadable."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import avro, inbox, state
from schemas.dead_letter import DeadLetter
from schemas.facts import AnyFact
from schemas.profile import LeadProfile
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition
from streams import topics
from streams.cli.fields import Unreadable, at_path, fields_of, known_fields
from streams.cli.lines import instant_of, line_of
from streams.cli.output import as_json
from tests.schemas.struct_values import values

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
GOLDEN = Path(__file__).parents[1] / "schemas" / "golden"
TOPIC_OF = {
    "touchpoint": topics.WEB, "fact": topics.EVENTS, "transition": topics.TRANSITIONS, "profile": topics.PROFILES,
    "dead": topics.DEAD_LETTERS, "inbox": topics.INBOX, "state": topics.STATE,
}  # fmt: skip


def golden() -> list[tuple[str, bytes, bytes]]:
    """Bytes of every kind of record ever released, with its topic and key."""
    return [
        (TOPIC_OF[file.name.split("_")[0].split(".")[0]], state.PARTITION_KEY if "partition" in file.name else b"v:ann", bytes.fromhex(file.read_text()))
        for file in sorted(GOLDEN.glob("*.hex"))
    ]


def told(topic: str, key: bytes | None, value: bytes | None) -> str:
    """The line, after looking at everything else that `tail` does with a record."""
    fields = fields_of(topic, key, value)
    json.loads(as_json(fields))
    instant_of(fields)
    line = line_of(topic, key, fields)
    assert line
    assert line.isprintable()
    return line


@pytest.mark.parametrize(("topic", "key", "value"), golden())
def test_every_kind_of_record_is_told_on_one_printable_line(topic, key, value):
    told(topic, key, value)


@untimed
@given(st.sampled_from(golden()), st.data())
def test_broken_bytes_are_unreadable_and_nothing_else(record, data):
    topic, key, value = record
    at = data.draw(st.integers(0, len(value)))
    broken = value[:at] + data.draw(st.binary(max_size=4)) + value[at + data.draw(st.integers(0, 4)) :]
    try:
        told(topic, key, broken)
    except Unreadable as error:
        assert str(error)


@untimed
@given(st.sampled_from(sorted(topics.BY_NAME)), st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_on_any_topic_are_told_or_unreadable(topic, key, value):
    try:
        told(topic, key, value)
    except Unreadable as error:
        assert str(error)


def encoded(kind: object):
    """Valid records of *kind* as (topic, bytes)."""
    at = {"partition": 1, "offset": 2, "index": 3}
    writers = {
        Touchpoint: (topics.WEB, avro.encode_touchpoint), AnyFact: (topics.EVENTS, lambda fact: avro.encode_fact(fact, **at)),
        Transition: (topics.TRANSITIONS, avro.encode_transition), LeadProfile: (topics.PROFILES, avro.encode_profile),
        DeadLetter: (topics.DEAD_LETTERS, avro.encode_dead_letter), inbox.InboxRecord: (topics.INBOX, inbox.encode),
        state.Mailbox: (topics.STATE, state.encode_mailbox),
    }  # fmt: skip
    topic, write = writers[kind]
    return values(kind).map(lambda value: (topic, write(value)))


@untimed
@given(st.one_of([encoded(kind) for kind in (Touchpoint, AnyFact, Transition, LeadProfile, DeadLetter, inbox.InboxRecord, state.Mailbox)]))
def test_whatever_is_valid_is_told_on_one_printable_line(record):
    told(record[0], b"v:ann", record[1])


def test_a_fact_that_lacks_what_it_needs_is_unreadable():
    row = avro.FACT.read(next(value for topic, _, value in golden() if topic == topics.EVENTS))
    with pytest.raises(Unreadable):
        fields_of(topics.EVENTS, b"v:ann", avro.FACT.write(row | {"fact": "stage_changed"}))


def test_a_tombstone_is_told_as_a_deletion_where_there_can_be_one():
    assert told(topics.PROFILES, b"v:ann", None) == "deleted"
    with pytest.raises(Unreadable, match="no bytes"):
        fields_of(topics.TRANSITIONS, b"v:ann", None)


def test_a_dotted_path_leads_into_a_record():
    fields = {"touchpoint": {"properties": {"path": "/pricing"}}, "kind": "x"}
    assert at_path(fields, "touchpoint.properties.path") == "/pricing"
    assert at_path(fields, "kind.path") is None
    assert at_path(fields, "touchpoint.nothing") is None


def test_the_fields_to_filter_by_are_those_of_the_newest_schema():
    assert {"stage", "score", "grade"} <= known_fields(topics.PROFILES)
    assert known_fields(topics.INBOX) is None
