"""What a person sees: the funnel as it fills, week by week, and then where everything is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Final

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from schemas.transition import Transition
from streams.demo.people import Person
from streams.demo.play import Answered
from streams.demo.watch import Seen

STAGES: Final = ("visitor", "mql", "sql", "customer", "disqualified")
_SENT: Final = ("week to", "sent", "accepted", "rejected")
_COLUMNS: Final = (*_SENT, "leads", *STAGES, "transitions")

Cells = tuple[str, ...]


class Screen:
    """Tells the story of one demo on *console*; on a terminal the table grows in place, elsewhere line by line.

    While one week is sent, the one before is decided: so there are up to two rows that change.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[Cells] = []
        self._deciding: Cells | None = None  # the week that was sent last
        self._decided: Cells = ()
        self._sending: Cells | None = None
        self._live: Live | None = None

    def say(self, sentence: str, *, style: str = "") -> None:
        self._console.print(sentence, style=style, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def funnel(self) -> Iterator[None]:
        """Show the table while the quarter is played."""
        if not self._console.is_terminal:
            self.say(_line(_COLUMNS))
            yield
        else:
            with Live(self._table(), console=self._console, auto_refresh=False) as self._live:
                yield
                self._close_row()
        self._close_row()
        self._live = None

    def sending(self, until: int, answered: Answered, seen: Seen) -> None:
        """Show how far the week up to *until* has been sent, and what the one before has come to."""
        self._sending = _sent(until, answered)
        self.decided(seen)

    def sent(self) -> None:
        """The week has been sent; what is decided from here on is its own."""
        self._close_row()
        self._deciding, self._sending = self._sending, None

    def decided(self, seen: Seen) -> None:
        """Show where leads stand."""
        stages = seen.by_stage()
        self._decided = tuple(f"{count:,}" for count in (stages.total(), *(stages[stage] for stage in STAGES), seen.transitions.total()))
        self._refresh()

    def arrival(self, person: Person, transition: Transition, seconds: float) -> None:
        """Show that sales can know of a live lead."""
        self.say(f"  {person.first} {person.last} asked to be called: {transition.from_stage} → {transition.to_stage} by {transition.rule or transition.reason}, "
                 f"known {seconds * 1000:.0f} ms after the request left", style="green")  # fmt: skip

    def latencies(self, visitors: int, seconds: Sequence[float]) -> None:
        if seconds:
            self.say(f"live: {len(seconds)} of {visitors} visitors known to sales, the median {median(seconds) * 1000:.0f} ms after they asked, the slowest {max(seconds) * 1000:.0f} ms")
        elif visitors:
            self.say(f"live: none of {visitors} visitors is known to sales", style="red")

    def doors(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show every address, and what to paste."""
        width = max(len(name) for name, _ in rows)
        self.say("")
        for name, address in rows:
            self.say(f"  {name:<{width}}  {address}".rstrip())
        self.say("")

    def _close_row(self) -> None:
        if self._deciding is None:
            return
        self._rows.append((*self._deciding, *self._decided))
        self._deciding = None
        self._refresh()
        if self._live is None:
            self.say(_line(self._rows[-1]))

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title="Leads in each stage, week by week", title_justify="left")
        for column in _COLUMNS:
            table.add_column(column, justify="left" if column == _COLUMNS[0] else "right")
        for row in self._rows:
            table.add_row(*row)
        if self._deciding is not None:
            table.add_row(*self._deciding, *self._decided)
        if self._sending is not None:
            table.add_row(*self._sending, style="dim")
        return table


def _sent(until: int, answered: Answered) -> Cells:
    day = datetime.fromtimestamp(until / 1000, UTC).strftime("%Y-%m-%d")
    return (day, *(f"{count:,}" for count in (answered.sent, answered.accepted, answered.rejected)))


def _line(cells: Cells) -> str:
    return "  ".join(f"{cell:>{max(10, len(name))}}" for cell, name in zip(cells, _COLUMNS, strict=True))
