"""What a person sees: the funnel as it fills, week by week, and then where everything is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from schemas.transition import Transition
from streams.child import Role
from streams.demo.people import Person
from streams.demo.play import Answered
from streams.demo.watch import Seen
from streams.settings import Settings

STAGES: Final = ("visitor", "mql", "sql", "customer", "disqualified")
FUNNEL: Final = "SELECT * FROM funnel FORMAT PrettyCompact"
_COLUMNS: Final = ("week to", "sent", "accepted", "rejected", "leads", *STAGES, "transitions")

Cells = tuple[str, ...]


class Screen:
    """Tells the story of one demo on *console*; on a terminal the table grows in place, elsewhere line by line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[Cells] = []
        self._live: Live | None = None

    def say(self, sentence: str, *, style: str = "") -> None:
        self._console.print(sentence, style=style, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def funnel(self) -> Iterator[None]:
        """Show the table while the quarter is played."""
        if not self._console.is_terminal:
            self.say(_line(_COLUMNS))
            yield
            return
        with Live(_table(self._rows), console=self._console, auto_refresh=False) as self._live:
            yield
        self._live = None

    def week(self, until: int, answered: Answered, seen: Seen, *, over: bool) -> None:
        """Show the week up to *until*, under way or over: what was sent, and what all leads have come to."""
        row = _row(until, answered, seen)
        if over:
            self._rows.append(row)
        if self._live is not None:
            self._live.update(_table(self._rows, None if over else row), refresh=True)
        elif over:
            self.say(_line(row))

    def arrival(self, person: Person, transition: Transition, seconds: float) -> None:
        """Show that sales can know of a live lead."""
        self.say(f"  {person.first} {person.last} asked to be called: {transition.from_stage} → {transition.to_stage} by {transition.rule or transition.reason}, "
                 f"known {seconds * 1000:.0f} ms after the request left", style="green")  # fmt: skip

    def latencies(self, visitors: int, seconds: Sequence[float]) -> None:
        if seconds:
            self.say(f"live: {len(seconds)} of {visitors} visitors known to sales, the median {median(seconds) * 1000:.0f} ms after they asked, the slowest {max(seconds) * 1000:.0f} ms")
        elif visitors:
            self.say(f"live: none of {visitors} visitors is known to sales", style="red")

    def outcome(self, record: Mapping[str, Any], contradictions: Sequence[str]) -> None:
        """Show what came of it all, and whether it adds up."""
        rows = record["clickhouse"]
        self.say(f"\n{record['accepted']:,} events accepted = {record['counted']:,} counted + {record['duplicates']:,} duplicates"
                 f" + {record['dead_lettered']:,} dead letters; {record['rejected']:,} rejected at the door, all of them kept")  # fmt: skip
        self.say(f"{record['leads']:,} leads; ClickHouse holds {rows['touchpoints']:,} touchpoints and {rows['facts']:,} facts; "
                 f"no score drifts by more than {record['drift_max']:.1e}; {record['seconds']['total']:.1f} s in all")  # fmt: skip
        for sentence in contradictions:
            self.say(f"The ledger does not add up: {sentence}", style="red")

    def addresses(self, settings: Settings, wanted: Sequence[Role], *, clickhouse_url: str, data: Path) -> None:
        """Show every door, and what to paste into another terminal."""
        collector, key = wanted[0].door, min(settings.write_keys)
        database = settings.clickhouse_database
        rows = (
            ("Collector", f"{collector}/v1/track, /v1/batch, ... (Segment libraries: host {collector}, write key {key})"),
            ("Webhooks", f"{collector}/webhooks/sendgrid, {collector}/webhooks/google-ads, {collector}/v1/events (signed)"),
            ("Kafka", settings.kafka),
            ("ClickHouse", f"{settings.clickhouse_host}:{settings.clickhouse_port} native, {clickhouse_url} HTTP, database {database}"),
            ("Look", f"leadstream dashboard --local --data {data}   (a page: funnel, channels, leads and why, health)"),
            ("Metrics", ", ".join(f"{role.address}/metrics ({role.name})" for role in wanted)),
            ("Try", f"""curl {collector}/v1/track -u {key}: -d '{{"anonymousId":"me","event":"Demo Booked"}}'"""),
            ("", f"curl '{clickhouse_url}/?database={database}' -d '{FUNNEL}'"),
            ("", f"leadstream tail leads.events --local --data {data}"),
        )
        self.say("")
        for name, address in rows:
            self.say(f"  {name:<11}{address}")
        self.say("")

    def transition(self, made: Transition) -> None:
        """Show a change of stage."""
        self.say(f"  {made.lead_id}: {made.from_stage} → {made.to_stage} by {made.rule or made.reason}", style="green")


def _table(rows: Sequence[Cells], under_way: Cells | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title="Leads in each stage, week by week", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == _COLUMNS[0] else "right")
    for row in rows:
        table.add_row(*row)
    if under_way is not None:
        table.add_row(*under_way, style="dim")
    return table


def _row(until: int, answered: Answered, seen: Seen) -> Cells:
    stages = seen.by_stage()
    day = datetime.fromtimestamp(until / 1000, UTC).strftime("%Y-%m-%d")
    counts = (answered.sent, answered.accepted, answered.rejected, stages.total(), *(stages[stage] for stage in STAGES), seen.stage_changes)
    return (day, *(f"{count:,}" for count in counts))


def _line(cells: Cells) -> str:
    return "  ".join(f"{cell:>{max(10, len(name))}}" for cell, name in zip(cells, _COLUMNS, strict=True))
