"""The two private topics: msgpack behind a version byte."""

import traceback
import typing
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import inbox, state
from schemas.inbox import InboxRecord, UndecodableRecord
from schemas.lead import Lead
from schemas.remembered import Remembered
from schemas.state import Mailbox, PartitionState, UnreadableState
from tests.schemas import make_golden
from tests.schemas.examples_v1 import MAIL, ORIGIN, PARTITION, PRIVATE, WATCHING
from tests.schemas.struct_values import values

DEEP = b"\x91" * 100_000  # arrays in arrays
SECRET = "ana@example.com"


@pytest.mark.parametrize("kind", typing.get_args(InboxRecord))
@given(data=st.data())
def test_every_inbox_record_is_read_back_exactly(kind: type, data: st.DataObject) -> None:
    record = data.draw(values(kind))
    found = inbox.decode(inbox.encode(record))
    assert found == record
    assert type(found) is kind


@settings(max_examples=40)
@given(box=values(Mailbox))
def test_a_mailbox_is_read_back_exactly_and_its_due_instant_without_decoding_it(box: Mailbox) -> None:
    value = state.encode_mailbox(box)
    assert state.decode_mailbox(value) == box
    assert state.due_at(value) == box.due_at


@given(partition=values(PartitionState))
def test_the_state_of_a_partition_is_read_back_exactly_and_is_never_due(partition: PartitionState) -> None:
    value = state.encode_partition(partition)
    assert state.decode_partition(value) == partition
    assert state.due_at(value) == state.NEVER


def test_the_order_of_what_is_remembered_survives_since_the_oldest_event_keys_are_forgotten_first() -> None:
    keys = [(3, 1), (1, 2), (2, 3)]
    box = Mailbox(lead=Lead(recent=Remembered.of(keys)))
    assert list(state.decode_mailbox(state.encode_mailbox(box)).lead.recent) == keys


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no bytes"),
        (b"", "no bytes"),
        (b"\x02" + inbox.encode(MAIL["tick"])[1:], "version byte 2"),
        (b"\xc3\x01", "version byte 195"),
        (b"\x01", "does not decode"),
        (inbox.encode(MAIL["tick"]) + b"\x00", "does not decode"),
        (b"\x01\x92\x63\x01", "does not decode"),
        (b"\x01\x92\x05\x01" + DEEP, "does not decode"),
        (b"\x01\x93\x05\x01" + DEEP, "RecursionError"),
        (b"\x01\x93\x04\x93\x00\x00\x00\xdd\xff\xff\xff\xff", "does not decode"),
    ],
)
def test_bytes_that_are_no_inbox_record_are_refused_with_what_is_wrong(value: bytes | None, said: str) -> None:
    with pytest.raises(UndecodableRecord, match=said):
        inbox.decode(value)


@pytest.mark.parametrize("damage", [b"\xff", b"\xc1"], ids=["no utf-8", "no msgpack"])
def test_what_is_refused_is_not_quoted(damage: bytes) -> None:
    value = inbox.encode(inbox.IdentifierLinked(ORIGIN, to=SECRET, at=1, event_id="e"))
    broken = value.replace(SECRET.encode(), SECRET.encode()[:-1] + damage)
    with pytest.raises(UndecodableRecord) as refused:
        inbox.decode(broken)
    assert "ana" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_record_cut_short_anywhere_is_refused(name: str) -> None:
    value = PRIVATE[name].encode(PRIVATE[name].value)
    for size in range(len(value)):
        with pytest.raises((UndecodableRecord, UnreadableState)):
            PRIVATE[name].decode(value[:size])


@pytest.mark.parametrize("name", PRIVATE)
@settings(max_examples=100)
@given(data=st.data())
def test_a_private_record_damaged_anywhere_is_a_record_or_refused(name: str, data: st.DataObject) -> None:
    value = bytearray(PRIVATE[name].encode(PRIVATE[name].value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=12))
    try:
        PRIVATE[name].decode(bytes(value))
    except (UndecodableRecord, UnreadableState) as error:
        assert str(error)


@pytest.mark.parametrize("read", [state.decode_mailbox, state.decode_partition, state.due_at])
@pytest.mark.parametrize("value", [b"", b"\x04" + bytes(20), b"\x00" + bytes(20), b"\x01\x00"])
def test_a_changelog_of_another_version_says_which_and_what_to_do(read: Callable[[bytes], Any], value: bytes) -> None:
    with pytest.raises(
        UnreadableState, match="this release reads versions 1 to 3: run the release that wrote it, or rebuild"
    ):
        read(value)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_field_appended_later_is_at_its_default_when_old_bytes_are_read(name: str) -> None:
    kind = type(PRIVATE[name].value)
    tag = kind.__struct_config__.tag
    later = msgspec.defstruct(
        "Later",
        [("added", dict[str, str], msgspec.field(default_factory=dict))],
        bases=(kind,),
        tag=tag,
        array_like=True,
    )
    body = msgspec.msgpack.encode(PRIVATE[name].value)
    found = msgspec.msgpack.decode(body, type=later)
    assert found.added == {}
    assert all(getattr(found, field) == getattr(PRIVATE[name].value, field) for field in kind.__struct_fields__)
    # And back: a release before the field skips it.
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=kind) == PRIVATE[name].value


def test_examples_fill_every_field_so_that_golden_bytes_cover_them() -> None:
    for value in (WATCHING, WATCHING.lead, *WATCHING.watched, *WATCHING.watched[0].clicks[:1], PARTITION, *MAIL.values()):
        for field in msgspec.structs.fields(type(value)):
            if not field.required:
                default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
                assert getattr(value, field.name) != default, f"{type(value).__name__}.{field.name}"


@given(data=st.data())
def test_a_mailbox_of_version_1_damaged_anywhere_is_a_mailbox_or_refused(data: st.DataObject) -> None:
    value = bytearray(make_golden.read("state_mailbox", 1))
    at = data.draw(st.integers(9, len(value)))
    value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=12))
    try:
        state.decode_mailbox(bytes(value))
    except UnreadableState as error:
        assert str(error)


def test_a_mailbox_of_version_1_cut_short_anywhere_is_refused() -> None:
    value = make_golden.read("state_mailbox", 1)
    for size in range(len(value)):
        with pytest.raises(UnreadableState):
            state.decode_mailbox(value[:size])
