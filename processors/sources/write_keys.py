"""Write keys: who may send from pages and apps. At rest they are SHA-256 digests, which let nobody in.

An entry is `[name] key [sources=segment+snowplow] [until=2026-12-31]`, the key as `sha256:<64 hex digits>` or, for
trying things out, as it is. Two keys at once, the older with a last day, make a change without a gap.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from processors.sources.signal import Signal

HASHED: Final = "sha256:"
KEY_CHARS_MAX: Final = 256
IN_QUERY: Final = ("writeKey", "write_key", "api_key")
"""Names that libraries give it in the query."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteKey:
    """One key that is let in: at the doors of its *sources* (None: all that take write keys), before *until* (None: for good)."""

    name: str  # for metrics and limits; never the key itself
    digest: str
    sources: frozenset[str] | None = None
    until: int | None = None


def digest_of(key: str) -> str:
    """SHA-256 of *key*, in hex. No salt: keys are long and made by a machine, and one lookup must find theirs."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def entry_of(key: WriteKey) -> str:
    """The entry that `read_entry` reads as *key*."""
    words = [key.name, HASHED + key.digest]
    if key.sources is not None:
        words.append("sources=" + "+".join(sorted(key.sources)))
    if key.until is not None:
        words.append(f"until={datetime.fromtimestamp(key.until / 1000 - 1, UTC).date()}")
    return " ".join(words)


def read_entry(entry: str) -> WriteKey:
    """Read one entry. Raises ValueError with the rest of a sentence that begins with the setting's name."""
    bare = [word for word in entry.split() if not word.startswith(("sources=", "until="))]
    said = dict(word.split("=", 1) for word in entry.split() if word not in bare)
    if not 1 <= len(bare) <= 2 or not all(bare) or len(bare) + len(said) != len(entry.split()):
        raise ValueError("must have entries of the form: name sha256:<64 hex digits> sources=segment+snowplow until=2026-12-31")
    key = bare[-1]
    if len(key) > KEY_CHARS_MAX:
        raise ValueError(f"must have keys of at most {KEY_CHARS_MAX} characters")
    hashed = key.removeprefix(HASHED).lower()
    if key.startswith(HASHED) and not _DIGEST.fullmatch(hashed):
        raise ValueError("must have 64 hex digits after sha256:; `leadstream keys new <name>` makes an entry")
    digest = hashed if key.startswith(HASHED) else digest_of(key)
    name = bare[0] if len(bare) == 2 else f"key-{digest[:8]}"
    if not _NAME.fullmatch(name):
        raise ValueError("must have names of letters, digits, dots, dashes and underscores, at most 64")
    sources = said.get("sources")
    return WriteKey(name=name, digest=digest, sources=frozenset(sources.split("+")) if sources else None, until=_end(said.get("until")))


def _end(day: str | None) -> int | None:
    """The first instant after *day*, in ms."""
    if day is None:
        return None
    try:
        after = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ValueError("must have the last day of a key as until=2026-12-31") from None
    return int(datetime.combine(after, time(), UTC).timestamp()) * 1000


@lru_cache(maxsize=64)
def keyring(entries: frozenset[str]) -> Mapping[str, WriteKey]:
    """The keys of *entries*, by their digests. Raises ValueError as `read_entry`."""
    return MappingProxyType({key.digest: key for key in map(read_entry, sorted(entries))})


@lru_cache(maxsize=4096)
def _digest_said(key: str) -> str:
    return digest_of(key)


def let_in(entries: frozenset[str], said: object, *, source: str, at: int) -> WriteKey | None:
    """The key that *said* is, if it opens the door of *source* at the instant *at*.

    A digest is looked up, not a key compared: how long it takes tells nothing of the keys.
    """
    if not isinstance(said, str) or not 0 < len(said) <= KEY_CHARS_MAX:
        return None
    key = keyring(entries).get(_digest_said(said))
    if key is None or (key.sources is not None and source not in key.sources) or (key.until is not None and at >= key.until):
        return None
    return key


def find(signal: Signal, entries: frozenset[str], *, source: str, said: Iterable[object] = ()) -> WriteKey | None:
    """The key that opens the door of *source*, from the places where libraries put one: *said* in the body, as the user of
    Basic Authorization, or in the query. Write keys are public: browsers show them.
    """
    at = signal.received_at
    for each in said:
        if (key := let_in(entries, each, source=source, at=at)) is not None:
            return key
    authorization = signal.headers.get("authorization")
    if authorization is not None and (key := let_in(entries, _user(authorization), source=source, at=at)) is not None:
        return key
    for name in IN_QUERY if signal.query else ():
        if (key := let_in(entries, signal.query.get(name), source=source, at=at)) is not None:
            return key
    return None


@lru_cache(maxsize=256)
def _user(authorization: str) -> str | None:
    """The user of Basic Authorization."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return None
