"""How long partitions stood still: from a fault to the next fact, by the broker's instants."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from aiokafka.structs import ConsumerRecord

from tests.chaos.faults import Happened

LOOK_S = 30.0


def pause_of(fault: Happened, events: Mapping[int, Sequence[ConsumerRecord]]) -> float | None:
    """The longest gap without a fact, over all partitions, that begins while *fault* lasts or just before; None without traffic."""
    longest = None
    for records in events.values():
        instants = [record.timestamp / 1000 for record in records]
        for before, after in pairwise(instants):
            if fault.at - 1.0 <= before <= fault.until and after >= fault.at and after - before < LOOK_S:
                longest = max(longest or 0.0, after - max(before, fault.at))
    return longest


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
