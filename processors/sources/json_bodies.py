"""Reading JSON bodies, typed and fast; and when one event in a list spoils it, each event for itself.

The fast path decodes a whole body into typed structs. Only when that fails is the list taken apart, so that one event
of wrong types, or nested deeper than the parser goes, is rejected alone and by its field, and its neighbours are kept.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from processors.sources.signal import Unusable

T = TypeVar("T")

BOM: Final = b"\xef\xbb\xbf"
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_TOKENS_MAX: Final = 250_000
_ESCAPES: Final = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL)
_WHERE: Final = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<field>.*)`)?", re.DOTALL)


class Parts(NamedTuple):
    """A body taken apart: the bytes of each element of its list, and the body with that list empty."""

    elements: list[bytes]
    frame: bytes


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode *body*. Raises Unusable where it is no JSON, msgspec.ValidationError or RecursionError where types or depth
    are wrong.

    Texts cut inside an emoji leave half of a pair behind, as JavaScript's own cutting does; that is mended, not refused.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = _ESCAPES.sub(_whole, body.removeprefix(BOM))
        if mended == body:
            raise _no_json(error) from None
    try:
        return decoder.decode(mended)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_json(error) from None


def decode_one(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode one event. Raises Unusable, naming the field."""
    try:
        return decode(decoder, body)
    except msgspec.ValidationError as error:
        raise wrong_type(error) from None
    except RecursionError:
        raise Unusable("body", "nested_too_deep", "body: is nested deeper than can be read; send flat properties") from None


def decode_each(decoder: msgspec.json.Decoder[T], parts: Parts) -> Iterator[T | Unusable]:
    """Decode each element for itself, or say what is wrong with it."""
    for element in parts.elements:
        try:
            yield decode_one(decoder, element)
        except Unusable as problem:
            yield problem


def wrong_type(error: msgspec.ValidationError) -> Unusable:
    """Say which field is of the wrong type. msgspec's words hold types and a path, never a value."""
    found = _WHERE.fullmatch(str(error))
    assert found is not None
    field = found["field"] or "body"
    return Unusable(field, "wrong_type", f"{field}: {found['problem'][:1].lower()}{found['problem'][1:]}")


def section(said: object, *names: str) -> Mapping[str, Any]:
    """The object under *names*, one within the other; empty where there is none."""
    for name in names:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said if isinstance(said, Mapping) else {}


def take_apart(body: bytes, name: str | None) -> Parts:
    """Split the list in *body*, under *name* or the body itself, into the original bytes of its elements.

    Raises Unusable where there is no such list. Looks at brackets and quotes only, so depth does not matter.
    """
    base = start = opened = depth = 0
    key = b""
    wanted = None if name is None else b'"' + name.encode() + b'"'
    elements: list[bytes] = []
    for token in islice(_TOKENS.finditer(body), _TOKENS_MAX):
        mark = token[0]
        if mark[:1] == b'"':
            key = mark if depth == 1 and not base else key
        elif mark in b"[{":
            depth += 1
            if not base and mark == b"[" and ((wanted is None and depth == 1) or (depth == 2 and key == wanted)):
                base, start, opened = depth, token.end(), token.end()
        elif mark == b"," and depth == base:
            elements.append(body[start : token.start()].strip())
            start = token.end()
        elif mark in b"]}":
            if base and depth == base:
                last = body[start : token.start()].strip()
                return Parts([*elements, last] if last or elements else [], body[:opened] + body[token.start() :])
            depth -= 1
    field = name or "body"
    raise Unusable(field, "wrong_type", f"{field}: expected a list of events")


def _whole(escape: re.Match[bytes]) -> bytes:
    found = escape[0]
    return rb"\ufffd" if len(found) == 6 else found


def _no_json(error: Exception) -> Unusable:
    where = re.search(r"\(byte \d+\)", str(error)) if isinstance(error, msgspec.DecodeError) else None
    return Unusable("body", "no_json", "body: is no valid JSON in UTF-8" + (f" {where[0]}" if where else ""))
