"""Engagement is a sum that fades.

A touchpoint at *t* worth *p* points with half-life *h* adds `p * 2^-((T-t)/h)` at any later *T*. Kept per rule as
(value, as_of, count), so adding is O(1), exact for late and out-of-order events, explainable, and a merge is an
addition.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import log2
from typing import Final

from schemas.facts import RuleSum
from schemas.lead import Engagement, Lead

WINDOWS_KEPT: Final = 8
"""Cap windows remembered per rule; a later arrival for an older window draws on the oldest one kept."""


def slot(rule: str, half_life_s: int) -> str:
    """Where points of *rule* are kept: a model that changes a half-life starts a sum of its own beside the old one."""
    return f"{rule}/{half_life_s}"


@lru_cache(maxsize=4096)
def rule_of(key: str) -> str:
    """The rule of a slot."""
    return key[: key.rindex("/")]


def points_at(engagement: Engagement, instant: int) -> float:
    """Points left at *instant* (ms)."""
    if engagement.half_life_s == 0:
        return engagement.value
    return float(engagement.value * 2.0 ** ((engagement.as_of - instant) / (engagement.half_life_s * 1000)))


def total_at(lead: Lead, instant: int) -> float:
    """The engagement score at *instant*: the sum over all rules."""
    total = 0.0
    for engagement in lead.engagement.values():
        if engagement.half_life_s == 0:
            total += engagement.value
        else:
            total += engagement.value * 2.0 ** ((engagement.as_of - instant) / (engagement.half_life_s * 1000))
    return total


def add(lead: Lead, sums: Iterable[RuleSum]) -> None:
    """Add *sums* in place: to the engagement, to the caps' windows, to the once-only marks."""
    held = lead.engagement
    for added in sums:
        key = f"{added.rule}/{added.half_life_s}"
        engagement = held.get(key)
        if engagement is None:
            held[key] = Engagement(added.points, added.as_of, added.half_life_s, added.count)
        else:
            _add_to(engagement, added)
        if added.window >= 0:
            use_cap(lead, added.rule, added.window, added.points)
        if added.once and added.rule not in lead.once:
            lead.once.append(added.rule)


def take_back(lead: Lead, sums: Iterable[RuleSum]) -> None:
    """Undo in place what `add` did with *sums* whose sign is turned: points, use of caps, once-only marks.

    Where nothing is left of a rule its sum goes, so that no rounding stays behind.
    """
    for taken in sums:
        key = slot(taken.rule, taken.half_life_s)
        engagement = lead.engagement.get(key)
        if engagement is not None:
            left = engagement.count - taken.count
            _add_to(engagement, taken)
            engagement.count = left
            if left <= 0:
                del lead.engagement[key]
        if taken.window >= 0:
            _free_cap(lead, taken.rule, taken.window, taken.points)
        if taken.once and taken.rule in lead.once:
            lead.once.remove(taken.rule)


def _add_to(engagement: Engagement, added: RuleSum) -> None:
    ahead = added.as_of - engagement.as_of
    if engagement.half_life_s == 0:
        engagement.value += added.points
        engagement.as_of = max(engagement.as_of, added.as_of)
    elif ahead >= 0:
        engagement.value = engagement.value * 2.0 ** (-ahead / (engagement.half_life_s * 1000)) + added.points
        engagement.as_of = added.as_of
    else:
        engagement.value += added.points * 2.0 ** (ahead / (engagement.half_life_s * 1000))
    engagement.count += added.count


def cap_left(lead: Lead, rule: str, window: int, points_max: float) -> float:
    """How many points *rule* may still earn in *window*."""
    windows = lead.caps.get(rule)
    return points_max if windows is None else max(0.0, points_max - windows.get(_kept(windows, window), 0.0))


def use_cap(lead: Lead, rule: str, window: int, points: float) -> None:
    """Draw on a cap in place, remembering the newest `WINDOWS_KEPT` windows."""
    windows = lead.caps.get(rule)
    if windows is None:
        windows = lead.caps[rule] = {}
    window = _kept(windows, window)
    windows[window] = windows.get(window, 0.0) + abs(points)
    if len(windows) > WINDOWS_KEPT:
        del windows[min(windows)]


def _free_cap(lead: Lead, rule: str, window: int, points: float) -> None:
    windows = lead.caps.get(rule)
    if windows is None or (window := _kept(windows, window)) not in windows:
        return
    windows[window] = max(0.0, windows[window] - abs(points))
    if not windows[window]:
        del windows[window]
    if not windows:
        del lead.caps[rule]


def _kept(windows: dict[int, float], window: int) -> int:
    """The window that *window* draws on: itself, or the oldest kept where it is older than all of a full memory."""
    if window in windows or len(windows) < WINDOWS_KEPT:
        return window
    return max(window, min(windows))


def first_below(lead: Lead, threshold: float, start: int) -> int | None:
    """The first instant (ms, from *start* on) at which time alone has brought the score below *threshold*, or None.

    Solved for, not polled: intervals in which the score provably stays at or above the threshold are skipped whole,
    the rest is bisected to the millisecond. Negative points fade too, so the score may fall and rise again.
    """
    if total_at(lead, start) < threshold:
        return start
    fading = [e for e in lead.engagement.values() if e.half_life_s]
    if not fading:
        return None
    shortest = min(e.half_life_s for e in fading) * 1000
    longest = max(e.half_life_s for e in fading) * 1000
    edges = [start]
    step = shortest
    while edges[-1] - start < 80 * longest:  # after 80 half-lives nothing is left of any points
        edges.append(edges[-1] + step)
        step *= 2
    for low, high in pairwise(edges):
        found = _first_below(lead, threshold, low, high)
        if found is not None:
            return found
    return None


def _first_below(lead: Lead, threshold: float, low: int, high: int) -> int | None:
    """Search (low, high], where the score at *low* is not below *threshold*."""
    if _least(lead, low, high) >= threshold:
        return None
    if high - low <= 1:
        return high if total_at(lead, high) < threshold else None
    middle = (low + high) // 2
    if total_at(lead, middle) < threshold:
        return _first_below(lead, threshold, low, middle)
    found = _first_below(lead, threshold, low, middle)
    return found if found is not None else _first_below(lead, threshold, middle, high)


def _least(lead: Lead, low: int, high: int) -> float:
    """A lower bound of the score between two instants: good points at the end, bad points at the start."""
    return sum(points_at(e, high if e.value > 0 else low) for e in lead.engagement.values())


def not_before(lead: Lead, threshold: float, start: int) -> int | None:
    """A cheap lower bound of `first_below`, for scheduling: as if all good points faded with the shortest half-life."""
    good = base = 0.0
    shortest = 0
    for e in lead.engagement.values():
        points = points_at(e, start)
        if e.half_life_s == 0 or points <= 0:
            base += points
        else:
            good += points
            shortest = min(shortest, e.half_life_s) if shortest else e.half_life_s
    if base >= threshold:
        return None
    if good + base < threshold:
        return start
    return start + int(shortest * 1000 * log2(good / (threshold - base)))
