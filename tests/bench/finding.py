"""What a bench that is no race found: one line of the README's table, and its figures for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HEAD = """\
| what | target | measured | output |
|---|---|---|---|"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing measured. `wrong` says why the answer behind it is not right: then the figure is none."""

    bench: str  # the module that measured it: collector, latency, sink, growth, replay
    what: str
    target: str  # as DESIGN §7 says it; empty where it has none
    measured: str
    values: Mapping[str, float] = field(default_factory=dict)  # unit last: events_per_s, p99_ms
    wrong: str | None = None

    def json(self) -> dict[str, object]:
        told = {"bench": self.bench, "what": self.what, "target": self.target, "measured": self.measured}
        return {**told, **self.values, "output_ok": self.wrong is None, "wrong": self.wrong}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Finding":
        """The finding that told *said* by `json`."""
        told = {name: said[name] for name in ("bench", "what", "target", "measured", "wrong")}
        return cls(**told, values={name: value for name, value in said.items() if name not in told and name != "output_ok"})

    def line(self) -> str:
        return f"| {self.what} | {self.target or '–'} | {self.measured} | {'checked' if self.wrong is None else f'WRONG: {self.wrong}'} |"


def table(findings: Sequence[Finding]) -> str:
    return "\n".join([HEAD, *(finding.line() for finding in findings)])
