"""A body's events, each for itself: what cannot be used is rejected with its own bytes, its neighbours are kept."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from processors.sources.signal import Adapted, Ignored, Rejected, Unusable
from schemas.touchpoint import Touchpoint

E = TypeVar("E")


def adapt_each(
    events: Iterable[E | Unusable], turn: Callable[[E, int], Touchpoint | Ignored], originals: Callable[[], list[bytes]]
) -> Adapted:
    """*turn* each event, with its index, into a touchpoint or an ignore; *originals* gives the bytes of each, if asked."""
    touchpoints: list[Touchpoint] = []
    ignored: list[Ignored] = []
    problems: list[tuple[int, Unusable]] = []
    for index, event in enumerate(events):
        try:
            if isinstance(event, Unusable):
                raise event
            turned = turn(event, index)
        except Unusable as problem:
            problems.append((index, problem))
            continue
        if isinstance(turned, Touchpoint):
            touchpoints.append(turned)
        else:
            ignored.append(turned)
    rejected: tuple[Rejected, ...] = ()
    if problems:
        bodies = originals()
        rejected = tuple(problem.at(index, bodies[index]) for index, problem in problems)
    return Adapted(touchpoints=tuple(touchpoints), rejected=rejected, ignored=tuple(ignored))


def adapt_one(turn: Callable[[], Touchpoint | Ignored], body: bytes) -> Adapted:
    """*turn* the one event that a *body* is into a touchpoint or an ignore."""
    try:
        turned = turn()
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, body),))
    return Adapted(touchpoints=(turned,)) if isinstance(turned, Touchpoint) else Adapted(ignored=(turned,))


def too_many(found: int, field: str, most: int) -> Unusable:
    """What is wrong with a body of more events than are read at once."""
    return Unusable(field, "too_many_events", f"{field}: holds {found} events, at most {most} are read at once")
