"""How far a sending came, in a small file, so that one that was interrupted goes on where it stopped.

Only work is saved by it: events have stable ids, so what is sent twice counts once.
"""

import contextlib
import hashlib
from pathlib import Path
from typing import Final

import msgspec

_PART_BYTES: Final = 1 << 20


class Progress(msgspec.Struct, kw_only=True):
    """What has been acknowledged of one sending. `rows` of the file, broken ones included."""

    rows: int = 0
    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    first_at: int | None = None
    last_at: int | None = None
    reached: int | None = None


class Notebook:
    """Where the progress of one sending is kept: of this file's content, by this map, to this address, as this import."""

    def __init__(self, folder: Path, *what: str) -> None:
        self._path = folder / (hashlib.blake2b("\0".join(what).encode(), digest_size=16).hexdigest() + ".json")

    def read(self) -> Progress | None:
        """What was noted last; None where nothing was, or it cannot be read: then all is sent again."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, progress: Progress) -> None:
        """Note *progress*. Whether it can be kept is no matter of life: a folder that cannot be written is let be."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            beside.write_bytes(msgspec.json.encode(progress))
            beside.replace(self._path)

    def forget(self) -> None:
        """The sending is complete."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def content_hash(file: Path) -> str:
    """Name a file's content: 32 hex digits."""
    hasher = hashlib.blake2b(digest_size=16)
    with file.open("rb") as read:
        while part := read.read(_PART_BYTES):
            hasher.update(part)
    return hasher.hexdigest()
