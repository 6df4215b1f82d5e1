"""A size under measurement, in a process of its own: its memory is its own, and so is what Python's gc walks through.

Sizes that are compared take turns, round by round, so that a noisy minute hits all of them.
"""

import multiprocessing
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

_processes = multiprocessing.get_context("spawn")


class Size(Protocol):
    """What is measured at one size; made inside its process."""

    def round(self) -> float:
        """Do the work once and return what it cost."""

    def wrong(self) -> str | None:
        """What is wrong with all that was done; None: nothing."""

    def values(self) -> Mapping[str, float]:
        """What else there is to tell of it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The rounds of one size, what was wrong with it, and what else it told."""

    costs: Sequence[float]
    values: Mapping[str, float]
    wrong: str | None

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)


def in_turns(sizes: Mapping[str, Callable[[], Size]], *, rounds: int) -> dict[str, Measured]:
    """Measure *sizes* in turns. Each is made by its callable (a module's function, or a partial of one) in its process."""
    subjects = {name: _Subject(make) for name, make in sizes.items()}
    try:
        for subject in subjects.values():
            subject.ask("ready")
        costs = [{name: subject.ask("round") for name, subject in subjects.items()} for _ in range(rounds)]
        return {
            name: Measured(costs=[each[name] for each in costs], values=subject.ask("values"), wrong=subject.ask("wrong"))
            for name, subject in subjects.items()
        }
    finally:
        for subject in subjects.values():
            subject.end()


def ratio(one: Measured, other: Measured) -> float:
    """How many times the cost of *one* that of *other* is: the middle of the rounds' ratios."""
    return statistics.median(b / a for a, b in zip(one.costs, other.costs, strict=True))


class _Subject:
    def __init__(self, make: Callable[[], Size]) -> None:
        self._pipe, theirs = _processes.Pipe()
        self._process = _processes.Process(target=_serve, args=(make, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, what: str):
        """Raises EOFError where the process has died; it has said why."""
        self._pipe.send(what)
        return self._pipe.recv()

    def end(self) -> None:
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(make: Callable[[], Size], pipe: Connection) -> None:
    size = make()
    asked = {"ready": lambda: None, "round": size.round, "values": lambda: dict(size.values()), "wrong": size.wrong}
    while True:
        try:
            what = pipe.recv()
        except EOFError:
            return
        pipe.send(asked[what]())
