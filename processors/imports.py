"""When an import has reached an instant: the marks that follow its mail through the logs.

The sender's mark goes into every log of touchpoints; `identify` passes each on to every partition of the inbox (round
0). A partition that has the marks of all those logs knows that no mail of the import from before is still on its way
from there, and says so to every partition (round 1); and so on, so that mail forwarded once, twice, three times has
arrived as well. After the last round what waits is decided, in the order of time. No clock and no lag is consulted:
the marks are records of the logs, so a replay sees the same.
"""

from dataclasses import dataclass
from typing import Final

from schemas.inbox import ImportReached
from schemas.state import ImportProgress, PartitionState

ROUNDS: Final = 3
"""How often mail can be forwarded and still be waited for: visitor to CRM id to email, and one to spare."""
ENDED_KEPT: Final = 1_000
"""Ended imports that a partition remembers; mail of an older one would wait for an end that is over."""


@dataclass(frozen=True, slots=True)
class Logs:
    """The log numbers of the topology (`streams.topics`): all of touchpoints, and the inbox's by partition."""

    touchpoints: frozenset[int]
    inbox: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NextRound:
    """A round of marks is complete here: pass them on."""

    round: int


@dataclass(frozen=True, slots=True)
class Reached:
    """The import has reached the mark's instant: decide what waits."""


def mark(state: PartitionState, record: ImportReached, logs: Logs) -> NextRound | Reached | None:
    """Note a mark in *state* and say what it completes. A mark seen before, or behind the import, completes nothing."""
    if record.import_id in state.ended:
        return None
    if not record.ended and record.until <= state.reached.get(record.import_id, -1):
        return None
    progress = _progress(state, record)
    seen = progress.seen.setdefault(record.round, [])
    if record.origin.log in seen:
        return None
    seen.append(record.origin.log)
    if not (logs.touchpoints if record.round == 0 else frozenset(logs.inbox)) <= frozenset(seen):
        return None
    if record.round < ROUNDS:
        return NextRound(record.round + 1)
    _reach(state, record)
    return Reached()


def is_open(state: PartitionState, import_id: str | None) -> bool:
    """Whether a touchpoint of this import has to wait."""
    return import_id is not None and import_id not in state.ended


def _progress(state: PartitionState, record: ImportReached) -> ImportProgress:
    marks = state.imports.setdefault(record.import_id, [])
    for progress in marks:
        if (progress.until, progress.ended) == (record.until, record.ended):
            return progress
    marks.append(ImportProgress(record.until, record.ended, {}))
    return marks[-1]


def _reach(state: PartitionState, record: ImportReached) -> None:
    state.reached[record.import_id] = max(record.until, state.reached.get(record.import_id, record.until))
    behind = state.imports[record.import_id]
    ahead = [p for p in behind if p.until > record.until or (p.ended and not record.ended)]
    if ahead and not record.ended:
        state.imports[record.import_id] = ahead
    else:
        del state.imports[record.import_id]
    if record.ended:
        state.reached.pop(record.import_id, None)
        state.ended[record.import_id] = record.until
        while len(state.ended) > ENDED_KEPT:
            del state.ended[next(iter(state.ended))]
