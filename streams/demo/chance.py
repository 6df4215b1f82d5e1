"""Chance as an argument: everything drawn follows from the names it was made of, on every machine and Python."""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1


class Chance:
    """A stream of draws (SplitMix64), named: equal names, equal draws. Streams of other names are independent of it."""

    __slots__ = ("_names", "_state")

    def __init__(self, *names: object) -> None:
        self._names = names
        self._state = int.from_bytes(blake2b(repr(names).encode(), digest_size=8).digest(), "big")

    def of(self, *names: object) -> "Chance":
        """Another stream, named by these names below this one's: what it draws does not depend on what was drawn here."""
        return Chance(*self._names, *names)

    def unit(self) -> float:
        """A number from 0 up to, not including, 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)

    def happens(self, probability: float) -> bool:
        return self.unit() < probability

    def whole(self, least: int, most: int) -> int:
        """A whole number from *least* to *most*, both included."""
        return least + int(self.unit() * (most - least + 1))

    def between(self, least: float, most: float) -> float:
        return least + self.unit() * (most - least)

    def wait(self, mean: float) -> float:
        """How long until something happens that happens every *mean* on average."""
        return -mean * math.log(1.0 - self.unit())

    def pick(self, among: Sequence[T]) -> T:
        return among[int(self.unit() * len(among))]

    def weigh(self, among: Mapping[T, float]) -> T:
        """One of *among*, each as often as its weight says."""
        left = self.unit() * sum(among.values())
        found = next(iter(among))
        for found, weight in among.items():  # noqa: B007 - the last one takes what rounding leaves over
            left -= weight
            if left < 0:
                break
        return found

    def name(self) -> str:
        """32 hex digits that name this stream; drawing from it changes nothing about them."""
        return blake2b(repr(self._names).encode(), digest_size=16, person=b"name").hexdigest()
