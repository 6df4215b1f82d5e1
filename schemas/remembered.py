"""The event keys that a lead remembers, packed: 16 bytes each, written and read as they lie."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

_KEY: Final = struct.Struct("<Q")
_INSTANT: Final = struct.Struct("<q")
_SIZE: Final = 8


class Remembered(msgspec.Struct, array_like=True, gc=False):
    """Event key (64 bits of the event id) -> instant, oldest first.

    As a dict each key takes about 130 bytes, and all of them become objects whenever their lead is read. Looking for a
    key takes 0.4 µs among 100 and 1.6 µs among 500.
    """

    keys: bytearray = msgspec.field(default_factory=bytearray)
    instants: bytearray = msgspec.field(default_factory=bytearray)

    def __post_init__(self) -> None:
        if len(self.keys) % _SIZE or len(self.keys) != len(self.instants):
            raise ValueError("keys and instants do not belong together")

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Remembered:
        """Remember *pairs* in their order. Raises struct.error where one does not fit 64 bits."""
        made = cls()
        for key, at in pairs:
            made.append(key, at)
        return made

    def __len__(self) -> int:
        return len(self.keys) // _SIZE

    def __contains__(self, key: int) -> bool:
        return self._find(key) >= 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for (key,), (at,) in zip(_KEY.iter_unpack(self.keys), _INSTANT.iter_unpack(self.instants), strict=True):
            yield key, at

    def append(self, key: int, at: int) -> None:
        """Add a *key* that is not among them."""
        self.keys += _KEY.pack(key)
        self.instants += _INSTANT.pack(at)

    def put(self, key: int, at: int) -> None:
        """Add *key*, or give it another instant at its old place."""
        place = self._find(key)
        if place < 0:
            self.append(key, at)
        else:
            _INSTANT.pack_into(self.instants, place, at)

    def oldest(self) -> int:
        """The instant of the key that came first. Raises struct.error where there is none."""
        return int(_INSTANT.unpack_from(self.instants)[0])

    def drop_oldest(self) -> None:
        """Forget the key that came first."""
        del self.keys[:_SIZE], self.instants[:_SIZE]

    def clear(self) -> None:
        """Forget all."""
        self.keys.clear()
        self.instants.clear()

    def _find(self, key: int) -> int:
        """Where *key* lies, or -1. What spans two keys is none."""
        wanted = _KEY.pack(key)
        place = self.keys.find(wanted)
        while place % _SIZE and place >= 0:
            place = self.keys.find(wanted, place + 1)
        return place
