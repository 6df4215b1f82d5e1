"""Imports: which one a request belongs to, and how far it has come."""

from pathlib import Path

import msgspec

from streams.sending.dates import words
from streams.sending.door import Door
from streams.sending.report import refuse_other_than_ok


async def reached(door: Door, import_id: str, *, key: str, until: int, ended: bool) -> None:
    """Tell the collector that everything of the import before *until* has been sent."""
    body = msgspec.json.encode({"until": words(until), "ended": ended})
    headers = {"content-type": "application/json", **import_headers(import_id, key)}
    answer = await door.post(f"/v1/imports/{import_id}/reached", body, lambda: headers)
    refuse_other_than_ok(answer)


def import_headers(import_id: str, key: str) -> dict[str, str]:
    return {"X-Leadstream-Import": import_id, "X-Leadstream-Import-Key": key}


def default_import_id(file: str, content: str) -> str:
    """The id of an import: the file's name, for people, and its content, so that sending it again is recognised."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path(file).name.lower())
    while "--" in name:
        name = name.replace("--", "-")
    return f"{name.strip('-')[:40] or 'file'}-{content[:12]}"
