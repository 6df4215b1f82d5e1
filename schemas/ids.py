"""Derived ids: equal input, equal id; never chance."""

from hashlib import blake2b


def derive(*parts: str) -> str:
    """Name the thing that *parts* determine: 32 hex digits (BLAKE2b, 128 bits) over the parts, NUL between them."""
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def event_key(event_id: str) -> int:
    """The first 64 bits of an event id: what a lead remembers of it."""
    return int(event_id[:16], 16)
