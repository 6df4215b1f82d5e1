"""What can become of a record, in one place: for every hop, in = the sum of its ends.

identify: in = counted + dead_lettered (counted: named and sent on). score, of touchpoints: in + released = counted +
duplicate + forwarded + reemitted + waiting + dead_lettered; what waited for its import is released and has another end.
deliver: in = recorded + dead_lettered + given_back (what was not written yet when its partition went to another).
"""

from collections.abc import Callable
from typing import Final, TypeAlias

IN: Final = "in"
COUNTED: Final = "counted"
DUPLICATE: Final = "duplicate"
FORWARDED: Final = "forwarded"
REEMITTED: Final = "reemitted"
WAITING: Final = "waiting"
RELEASED: Final = "released"
RECORDED: Final = "recorded"
DEAD_LETTERED: Final = "dead_lettered"
GIVEN_BACK: Final = "given_back"

Count: TypeAlias = Callable[[str, str, int], None]
"""Told how many records of a hop had an outcome: (hop, outcome, records)."""
