"""What the rounds of a row came to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.race import Pace
from tests.bench.rows import Row


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the middle and the most of what the rounds measured."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, measured: Sequence[float]) -> "Spread":
        return cls(min(measured), statistics.median(measured), max(measured)) if measured else cls(0.0, 0.0, 0.0)

    def __str__(self) -> str:
        return f"{self.least:,.0f} / **{self.median:,.0f}** / {self.most:,.0f}"


@dataclass(kw_only=True)
class Outcome:
    """A row's rounds. `wrong` says what was wrong in the first round that was."""

    row: Row
    records: int
    paces: list[Pace] = field(default_factory=list)
    wrong: str | None = None

    @property
    def output_ok(self) -> bool:
        return self.wrong is None and bool(self.paces)

    @property
    def records_per_s(self) -> Spread:
        return Spread.of([pace.records_per_s for pace in self.paces])

    @property
    def records_per_cpu_s(self) -> Spread:
        return Spread.of([pace.records_per_cpu_s for pace in self.paces])

    @property
    def rss_mib(self) -> Spread:
        return Spread.of([pace.rss_mib for pace in self.paces])

    def json(self) -> dict[str, object]:
        return {
            "engine": self.row.engine,
            "hop": self.row.hop,
            "records_per_s": round(self.records_per_s.median),
            "records_per_cpu_s": round(self.records_per_cpu_s.median),
            "rss_mib": round(self.rss_mib.median),
            "output_ok": self.output_ok,
        }
