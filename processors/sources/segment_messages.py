"""Segment's calls as they come over the wire: typed, with what differing libraries write instead."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from processors.sources import instants
from processors.sources.json_bodies import Parts, decode, decode_each, decode_one, take_apart, wrong_type
from processors.sources.signal import Unusable

Id: TypeAlias = str | int | None
Values: TypeAlias = dict[str, Any] | list[Any] | None  # PHP writes an empty map as []

CALLS: Final = {
    "identify": "identify", "track": "track", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "batch": "batch", "import": "batch",
    "i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch",
}  # fmt: skip
"""What the last part of a path calls; the short ones are the browser library's."""
BATCH: Final = "batch"
SINGLE: Final = frozenset(CALLS.values()) - {BATCH}


class Context(msgspec.Struct, gc=False):
    """What a library knows of the circumstances; the many fields that nobody asks for are skipped while parsing."""

    campaign: Any = None
    page: Any = None
    traits: Any = None
    referrer: Any = None
    group_id: Any = msgspec.field(name="groupId", default=None)
    user_agent: Any = msgspec.field(name="userAgent", default=None)


class Message(msgspec.Struct, gc=False):
    """One call. Older examples write `user_id` for `userId` and `action` for `type`."""

    type: str | None = None
    action: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    message_id: Id = msgspec.field(name="messageId", default=None)
    user_id: Id = msgspec.field(name="userId", default=None)
    user_id_snake: Id = msgspec.field(name="user_id", default=None)
    anonymous_id: Id = msgspec.field(name="anonymousId", default=None)
    anonymous_id_snake: Id = msgspec.field(name="anonymous_id", default=None)
    previous_id: Id = msgspec.field(name="previousId", default=None)
    group_id: Id = msgspec.field(name="groupId", default=None)
    timestamp: Any = None
    original_timestamp: Any = msgspec.field(name="originalTimestamp", default=None)
    sent_at: Any = msgspec.field(name="sentAt", default=None)
    traits: Values = None
    properties: Values = None
    context: Context | list[Any] | None = None
    write_key: Any = msgspec.field(name="writeKey", default=None)
    api_key: Any = None


class Batch(msgspec.Struct, gc=False):
    """Many calls, what holds for all of them, and the key."""

    batch: list[Message]
    sent_at: Any = msgspec.field(name="sentAt", default=None)
    context: Context | list[Any] | None = None
    write_key: Any = msgspec.field(name="writeKey", default=None)
    api_key: Any = None


class Read(NamedTuple):
    """A body read: its messages, each in its place or with what is wrong with it; its keys; its defaults."""

    messages: list[Message | Unusable]
    keys: tuple[object, ...]
    sent_at: int | None
    context: Context | None


_message = msgspec.json.Decoder(Message)
_batch = msgspec.json.Decoder(Batch)


def read(body: bytes, call: str) -> Read:
    """Read the body of *call*. Raises Unusable where none of it can be used."""
    return _read_batch(body) if call == BATCH else _read_single(body)


def original(body: bytes, call: str) -> list[bytes]:
    """The original bytes of each message in a body that could be read."""
    return take_apart(body, BATCH).elements if call == BATCH else [body]


def _read_single(body: bytes) -> Read:
    message = decode_one(_message, body)
    return Read([message], (message.write_key, message.api_key), instants.read(message.sent_at), None)


def _read_batch(body: bytes) -> Read:
    try:
        batch = decode(_batch, body)
        messages: Iterator[Message | Unusable] = iter(batch.batch)
    except (msgspec.ValidationError, RecursionError):
        batch, messages = _one_by_one(take_apart(body, BATCH))
    context = batch.context if isinstance(batch.context, Context) else None
    return Read(list(messages), (batch.write_key, batch.api_key), instants.read(batch.sent_at), context)


def _one_by_one(parts: Parts) -> tuple[Batch, Iterator[Message | Unusable]]:
    try:
        return decode(_batch, parts.frame), decode_each(_message, parts)
    except msgspec.ValidationError as error:
        raise wrong_type(error) from None
    except RecursionError:
        raise Unusable("body", "nested_too_deep", "body: is nested deeper than can be read") from None
