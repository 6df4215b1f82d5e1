"""Bodies as forms with files are sent, `multipart/form-data`: their fields, byte for byte. Files are passed over."""

import re
from typing import Final

from processors.sources.form_bodies import FIELDS_MAX
from processors.sources.signal import Unusable

MULTIPART: Final = "multipart/form-data"
_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(rb'^content-disposition:[^\r\n]*?;[ \t]*name=(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE)
_FILE: Final = re.compile(rb"^content-disposition:[^\r\n]*;[ \t]*filename\*?=", re.IGNORECASE | re.MULTILINE)
_BREAK: Final = b"\r\n"
_HEAD_BYTES_MAX: Final = 1024


def fields(body: bytes, content_type: str) -> list[tuple[bytes, bytes]]:
    """Names and values in their order. Raises Unusable for what is no such body, and for more than a form has."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _no_form("Content-Type names no boundary")
    mark = _BREAK + b"--" + (found[1] or found[2]).encode(errors="replace")
    _, *parts = (_BREAK + body).split(mark, FIELDS_MAX + 1)
    if len(parts) > FIELDS_MAX:
        raise Unusable("body", "too_many_fields", f"body: a form has at most {FIELDS_MAX} fields")
    read: list[tuple[bytes, bytes]] = []
    for part in parts:
        if part.startswith(b"--"):
            return read
        head, apart, value = part.partition(_BREAK + _BREAK)
        if not apart or len(head) > _HEAD_BYTES_MAX or (name := _NAME.search(head)) is None:
            raise _no_form("a part of it has no name")
        if _FILE.search(head) is None:
            read.append((name[1] if name[1] is not None else name[2], value))
    raise _no_form("its end is missing")


def _no_form(problem: str) -> Unusable:
    return Unusable("body", "no_form", f"body: is no multipart form: {problem}")
