"""How often Python looks for cycles among the objects of a process."""

import gc
from typing import Final

_THRESHOLDS: Final = (100_000, 20, 20)
"""Objects made between collections: a batch is 40,000 that live as long as it, and are gone without the collector. At
Python's own 700 it looked at them, and at every lead's state, again and again: a tenth of a worker's time, a twentieth of a
collector's."""


def collect_rarely() -> None:
    """For processes that make many objects which are no part of a cycle."""
    gc.set_threshold(*_THRESHOLDS)
