"""What a bench that is no race found: one line of the README's table, and its figures for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
        return {"bench": self.bench, "what": self.what, "target": self.target, **self.values, "output_ok": self.wrong is None}

    def line(self) -> str:
        return f"| {self.what} | {self.target or '–'} | {self.measured} | {'checked' if self.wrong is None else f'WRONG: {self.wrong}'} |"


def table(findings: Sequence[Finding]) -> str:
    return "\n".join([HEAD, *(finding.line() for finding in findings)])
