"""Snowplow's tracker protocol as it comes over the wire: a list in a body, or one event in a query, all values texts."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from processors.sources.bounds import TEXT_CHARS_REFUSED
from processors.sources.json_bodies import decode, decode_each, decode_one, take_apart, wrong_type
from processors.sources.signal import Unusable

DATA: Final = "data"
Event: TypeAlias = Mapping[str, Any]

_TO_URL_SAFE: Final = str.maketrans("+/", "-_")


class Payload(msgspec.Struct, gc=False):
    """A body of the tracker protocol. Its `schema` differs by the tracker's age and is not asked for."""

    data: list[dict[str, Any]]


class Described(NamedTuple):
    """What a self-describing datum says it is, and what it says."""

    vendor: str
    name: str
    data: Mapping[str, Any]


_payload = msgspec.json.Decoder(Payload)
_event = msgspec.json.Decoder(dict[str, Any])
_any = msgspec.json.Decoder(Any)


def read(body: bytes) -> Sequence[Event | Unusable]:
    """The events of *body*, each in its place or with what is wrong with it. Raises Unusable where none can be used."""
    try:
        return decode(_payload, body).data
    except (msgspec.ValidationError, RecursionError):
        parts = take_apart(body, DATA)
        try:
            decode(_payload, parts.frame)
        except msgspec.ValidationError as error:
            raise wrong_type(error) from None
        except RecursionError:
            raise Unusable("body", "nested_too_deep", "body: is nested deeper than can be read") from None
        return [*decode_each(_event, parts)]


def as_body(event: Event) -> bytes:
    """One event of a query as it would stand in a body."""
    return msgspec.json.encode(dict(event))


def text(event: Event, name: str) -> str | None:
    """A field as text: trackers write numbers as texts, and people's own code does not. None where it says nothing."""
    value = event.get(name)
    if value is None or isinstance(value, bool | dict | list):
        return None
    if isinstance(value, str) and len(value) > TEXT_CHARS_REFUSED:
        raise Unusable(name, "too_long", f"{name}: has {len(value)} characters, at most {TEXT_CHARS_REFUSED} are read")
    return str(value).strip() or None


def described(event: Event, zipped: str, plain: str) -> Any:
    """The JSON in a field, in base64 under *zipped* or as it is under *plain*; None where there is neither.

    Raises Unusable, naming the field.
    """
    if event.get(zipped) is not None:
        name, said = zipped, _unpacked(event[zipped], zipped)
    elif event.get(plain) is not None:
        name, value = plain, event[plain]
        if isinstance(value, Mapping):  # its sender did not pack it at all
            return value
        said = value.encode(errors="replace") if isinstance(value, str) else b"?"
    else:
        return None
    try:
        return decode_one(_any, said)
    except Unusable as problem:
        raise Unusable(name, problem.reason, f"{name}: {problem.detail.removeprefix('body: ')}") from None


def _unpacked(said: object, name: str) -> bytes:
    """Base64 in either alphabet, with or without its padding: trackers differ. A `+` may have come as a blank."""
    if isinstance(said, str) and said.isascii():
        letters = said.strip().replace(" ", "+").translate(_TO_URL_SAFE).rstrip("=")
        try:
            return urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
        except (binascii.Error, ValueError):
            pass
    raise Unusable(name, "no_base64", f"{name}: is no base64 of JSON")


def self_described(said: object) -> Described | None:
    """Read `{schema: iglu:vendor/name/jsonschema/1-0-0, data: {...}}`; None where it is none."""
    if not isinstance(said, Mapping) or not isinstance(said.get("schema"), str):
        return None
    vendor, _, rest = said["schema"][:1024].removeprefix("iglu:").partition("/")
    name = rest.partition("/")[0]
    data = said.get("data")
    return Described(vendor, name, data if isinstance(data, Mapping) else {}) if name else None
