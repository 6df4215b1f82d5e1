"""What the data say of each channel: how much would be lost without it (Markov chains), and what it adds to others (Shapley).

Both look at all journeys to a stage, those that led there and those that led nowhere, as counts by path.

Markov (Anderl et al. 2016): a walker goes from touch to touch as people did, knowing where he stands and not whence he
came. The removal effect of a channel is the share of conversions that are lost when whoever would go there goes nowhere.
Shapley: channels are players, and a coalition is worth the rate at which journeys through exactly its channels converted;
a channel's part in a journey is what it adds to the coalitions within that journey's own set, on average over all orders.

Assumptions: journeys say all there is to know (no offline talk, no seasons), repeats of one channel in a row are one visit
(Markov) or none at all (Shapley), and the order matters to Markov for one step only.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import factorial
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str, ...]
"""The channels of a journey, in order."""

SET_MAX: Final = 10
"""Distinct channels of one journey beyond which its parts are equal: coalitions double with each."""
_START: Final = ""
"""Where all walks begin; no channel has that name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """How many journeys took a path, and how many of them led to the stage."""

    converted: int = 0
    total: int = 0


Journeys: TypeAlias = Mapping[Path, Outcomes]


def removal_effects(journeys: Journeys) -> dict[str, float]:
    """By channel, the share of conversions that would be lost without it, 0 to 1."""
    chain = _Chain.of(journeys)
    everything = chain.conversion_rate(without=None)
    if everything == 0:
        return dict.fromkeys(chain.channels, 0.0)
    return {channel: 1 - chain.conversion_rate(without=channel) / everything for channel in chain.channels}


def markov(journeys: Journeys) -> dict[str, float]:
    """Removal effects, adding up to one; empty where nothing would be lost at all."""
    effects = removal_effects(journeys)
    total = sum(effects.values())
    return {channel: effect / total for channel, effect in effects.items()} if total > 0 else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chain:
    """Where walkers go from each touch: counts of steps to channels, and to a conversion; the rest goes nowhere."""

    channels: tuple[str, ...]
    steps: Mapping[str, Mapping[str, int]]
    converting: Mapping[str, int]
    leaving: Mapping[str, int]  # all steps away from it

    @classmethod
    def of(cls, journeys: Journeys) -> "_Chain":
        steps: dict[str, Counter[str]] = {_START: Counter()}
        converting, leaving = Counter[str](), Counter[str]()
        for path, outcomes in journeys.items():
            for here, there in pairwise((_START, *path)):
                if here != there:
                    steps.setdefault(here, Counter())[there] += outcomes.total
                    leaving[here] += outcomes.total
            last = path[-1] if path else _START
            steps.setdefault(last, Counter())
            converting[last] += outcomes.converted
            leaving[last] += outcomes.total
        return cls(channels=tuple(sorted(steps.keys() - {_START})), steps=steps, converting=converting, leaving=leaving)

    def conversion_rate(self, *, without: str | None) -> float:
        """The chance that a walk from the start ends in a conversion, if *without* a channel all steps to it lead nowhere.

        Solves `rate = converting + steps @ rate` by elimination. All that leaves a state adds up to one, so nothing is divided
        by zero but for states that are never left, which there are none.
        """
        states = [_START, *(each for each in self.channels if each != without)]
        place = {state: n for n, state in enumerate(states)}
        rows = [self._row(state, place) for state in states]
        for n in range(len(rows) - 1, 0, -1):
            for m in range(n):
                if factor := rows[m][n] / rows[n][n]:
                    rows[m] = [mine - factor * other for mine, other in zip(rows[m][: n + 1], rows[n][: n + 1], strict=True)] + [rows[m][-1] - factor * rows[n][-1]]
        return rows[0][-1] / rows[0][0]

    def _row(self, state: str, place: Mapping[str, int]) -> list[float]:
        """One equation: the coefficients of each state's rate, then the constant."""
        row = [0.0] * (len(place) + 1)
        row[place[state]] = 1.0
        left = self.leaving[state]
        if left:
            for there, count in self.steps[state].items():
                if there in place:
                    row[place[there]] -= count / left
            row[-1] = self.converting[state] / left
        return row


def shapley(journeys: Journeys) -> dict[tuple[str, ...], dict[str, float]]:
    """By the sorted channels of a journey that converted, the part of each, adding up to one. Parts may be negative: with such
    a channel fewer convert than without it. Where parts add up to nothing, or there are too many channels, they are equal.
    """
    sets: dict[tuple[str, ...], list[int]] = {}
    for path, outcomes in journeys.items():
        found = sets.setdefault(tuple(sorted(set(path))), [0, 0])
        found[0] += outcomes.converted
        found[1] += outcomes.total
    rates = {channels: converted / total for channels, (converted, total) in sets.items() if converted}
    return {channels: _parts(channels, rates) for channels in rates if channels}


def _parts(channels: tuple[str, ...], rates: Mapping[tuple[str, ...], float]) -> dict[str, float]:
    count = len(channels)
    equal = dict.fromkeys(channels, 1 / count)
    if count > SET_MAX:
        return equal
    found = [0.0] * count
    for mask in range(1, 1 << count):
        members = [n for n in range(count) if mask >> n & 1]
        worth = rates.get(tuple(channels[n] for n in members), 0.0)
        if worth:
            joined, left_out = _weights(len(members), count)
            for n in range(count):
                found[n] += worth * (joined if mask >> n & 1 else -left_out)
    total = sum(found)
    return {channel: part / total for channel, part in zip(channels, found, strict=True)} if abs(total) > 1e-12 else equal


def _weights(size: int, count: int) -> tuple[float, float]:
    """How much a coalition of *size* counts for a member, as what it came to; and against another, as what he came to."""
    joined = factorial(size - 1) * factorial(count - size) / factorial(count)
    left_out = factorial(size) * factorial(count - size - 1) / factorial(count) if size < count else 0.0
    return joined, left_out


def by_path(rows: Sequence[tuple[Path, bool, int]]) -> Journeys:
    """Count journeys: (channels, whether they converted, how many)."""
    found: dict[Path, list[int]] = {}
    for path, converted, count in rows:
        each = found.setdefault(path, [0, 0])
        each[0] += count if converted else 0
        each[1] += count
    return {path: Outcomes(converted=converted, total=total) for path, (converted, total) in found.items()}
