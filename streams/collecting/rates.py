"""How fast anyone may send: a bucket of tokens for each name, so many names and no more."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

NAMES_MAX: Final = 50_000
"""Names that are remembered. The one that was silent longest is forgotten first; it is almost always level by then."""
_EXACT_S: Final = 1e-6


class Rates:
    """At most *per_s* a second for each name, and *burst_s* seconds' worth at once; 0 lets everything through.

    A name is held as the instant at which it will be level again, one number, whatever it sends (the generic cell rate
    algorithm, as in ITU-T I.371).
    """

    def __init__(self, per_s: float, *, burst_s: float = 5.0, names_max: int = NAMES_MAX, clock: Callable[[], float] = time.monotonic) -> None:
        self._each_s = 1 / per_s if per_s > 0 else 0.0
        self._burst_s = burst_s
        self._names_max = names_max
        self._clock = clock
        self._level_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._level_at)

    def wait_s(self, name: str, count: int = 1) -> float:
        """Let *count* of *name* in and return 0.0; or let none in and return the seconds until they may come.

        What is more than a burst is let in whole once the bucket is full, and then has to be made up for.
        """
        if not self._each_s:
            return 0.0
        now = self._clock()
        level_at = max(now, self._level_at.get(name, now))
        after = level_at + count * self._each_s
        wait = min(after - self._burst_s, level_at) - now
        if wait > _EXACT_S:
            return wait
        self._level_at[name] = after
        self._level_at.move_to_end(name)
        if len(self._level_at) > self._names_max:
            self._level_at.popitem(last=False)
        return 0.0
