"""What is wrong with a scoring model's file: every problem at once, each with its place, a sentence and a way out."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

QUOTE_CHARS_MAX: Final = 60
COMPARISONS_MAX: Final = 20_000
"""Words compared for suggestions in one file: it is the slow part, and a hostile file may hold thousands of mistakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `path` is like rules[3].half_life (the first rule is 0); lines and columns start at 1."""

    path: str
    line: int
    column: int
    sentence: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: {self.path}: " if self.path else f"{self.line}:{self.column}: "
        return where + self.sentence + (f" ({self.suggestion})" if self.suggestion else "")


class ModelProblems(ValueError):
    """A scoring model that cannot be used; `problems` are all that were found, in the order of the file.

    The caller shows them and keeps the model that is in force.
    """

    def __init__(self, problems: Iterable[Problem], *, name_of_file: str) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        self.name_of_file = name_of_file
        super().__init__("\n".join(f"{name_of_file}:{problem}" for problem in self.problems))


class Placed(Protocol):
    """Anything that knows where in the file it stands."""

    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    path: str
    line: int
    column: int


@dataclass(slots=True)
class Findings:
    """The problems found so far in one file."""

    problems: list[Problem] = field(default_factory=list)
    comparisons_left: int = COMPARISONS_MAX

    def add(self, at: Placed, sentence: str, *, suggestion: str = "") -> None:
        self.problems.append(
            Problem(path=at.path, line=at.line, column=at.column, sentence=sentence, suggestion=suggestion)
        )

    def unknown(self, at: Placed, what: str, word: str, *, known: Iterable[str], remedy: str = "") -> None:
        """Report *word* as an unknown *what*, suggesting the most similar of *known*, else *remedy*."""
        candidates = tuple(known)
        self.comparisons_left -= len(candidates)
        like = similar(word, candidates) if self.comparisons_left >= 0 else None
        suggestion = f"did you mean {like}?" if like else remedy
        self.add(at, f"{what} {quoted(word)} is not known", suggestion=suggestion)


def quoted(word: str) -> str:
    """*word* in quotation marks, on one line and cut where it is long."""
    shown = " ".join(word.split())
    return f'"{shown}"' if len(shown) <= QUOTE_CHARS_MAX else f'"{shown[:QUOTE_CHARS_MAX]}…"'


def similar(word: str, known: tuple[str, ...]) -> str | None:
    """The one of *known* that *word* was probably meant to be."""
    asked = word[:QUOTE_CHARS_MAX].strip().lower()
    plain = asked.replace("-", "_").replace(" ", "_")
    for candidate in known:
        if candidate.lower() in (asked, plain):
            return candidate
    found = difflib.get_close_matches(plain, known, n=1, cutoff=0.7)
    return found[0] if found else None
