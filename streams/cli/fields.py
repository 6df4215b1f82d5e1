"""What a record of any topic says: its fields as plain values, for JSON and filters, whatever wrote it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from schemas import avro, fact_record, inbox, state
from schemas.remembered import Remembered
from streams import topics

Fields = dict[str, Any]

_CODECS: Final[Mapping[str, avro.Codec]] = {
    **dict.fromkeys(topics.TOUCHPOINTS, avro.TOUCHPOINT),
    topics.EVENTS: avro.FACT,
    topics.TRANSITIONS: avro.TRANSITION,
    topics.PROFILES: avro.PROFILE,
    topics.DEAD_LETTERS: avro.DEAD_LETTER,
}
_UNREADABLE: Final = (avro.Undecodable, fact_record.Incomplete, inbox.UndecodableRecord, state.UnreadableState, UnicodeDecodeError)


class Unreadable(ValueError):
    """A record that this release cannot read; the message never quotes it."""


def fields_of(topic: str, key: bytes | None, value: bytes | None) -> Fields | None:
    """Read a record of the topology's *topic*; None is a tombstone. Raises Unreadable."""
    if value is None and topics.BY_NAME[topic].compacted:
        return None
    try:
        return _read(topic, key, value)
    except _UNREADABLE as error:
        is_ours = not isinstance(error, UnicodeDecodeError)  # Python's own would quote the bytes
        raise Unreadable(str(error) if is_ours else "it is not UTF-8") from None


def _read(topic: str, key: bytes | None, value: bytes | None) -> Fields:
    if topic in _CODECS:
        fields = _CODECS[topic].read(value)
        if topic == topics.EVENTS:
            fact_record.fact_of(fields)  # its schema holds every fact there is: does this one have what it needs?
        return fields
    if topic == topics.INBOX:
        return plain(inbox.decode(value))  # type: ignore[no-any-return]
    if topic == topics.MODELS:
        return {"text": (value or b"").decode()}
    if key == state.PARTITION_KEY:
        return plain(state.decode_partition(value or b""))  # type: ignore[no-any-return]
    return plain(state.decode_mailbox(value or b""))  # type: ignore[no-any-return]


def known_fields(topic: str) -> frozenset[str] | None:
    """The names of a record's fields, where its schema fixes them."""
    codec = _CODECS.get(topic)
    return None if codec is None else frozenset(field["name"] for field in codec.newest.document["fields"])


def plain(value: Any) -> Any:
    """Structs as mappings of their fields, the name of their type under `record`; the rest as it is."""
    if isinstance(value, Remembered):
        return {str(key): at for key, at in value}
    if isinstance(value, msgspec.Struct):
        named = {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"record": type(value).__name__, **named}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def at_path(fields: Fields, path: str) -> Any:
    """The value at a dotted path, as in `properties.path`; None where there is none."""
    found: Any = fields
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found
