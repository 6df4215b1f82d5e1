"""`leadstream replay NAME`: decide the past anew, beside the present."""

import asyncio
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from streams.cli.arguments import Parser
from streams.cli.output import as_json, counted, note, printable

if TYPE_CHECKING:
    from streams.cli.installation import Installation
    from streams.replay import Span
    from streams.replay_check import Comparison, Difference

SHOWN = 5


def declare(parser: Parser) -> None:
    parser.teach(
        "Decide everything in leads.inbox anew, up to its end as of now, into topics of its own: leads.events.NAME,\n"
        "leads.transitions.NAME, leads.profiles.NAME, leads.state.NAME. The live topics are only read. With --check, compare\n"
        "facts and transitions with the live ones, ids and bytes. Interrupted, it goes on where it stopped; a name that has\n"
        "been replayed goes on with what has come since.",
        examples="""\
  leadstream replay may --check              does this release decide as it did live?
  leadstream tail events --replay may        what it told
  leadstream replay may --check --json | jq .different""",
    )
    parser.add_argument("replay", metavar="NAME", help="ends the names of its topics: lower case letters, digits and dashes")
    parser.add_argument("--check", action="store_true", help="compare with the live topics; exit with 1 where they differ")
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    """Exit with 1 where a check finds a difference."""
    from streams.cli.installation import installation

    here = installation(asked)
    here.create_topics()
    counts: Counter[str] = Counter()
    with _progress(shown=not asked.json) as progress:
        spans, found = asyncio.run(_replay(here, counts, progress=progress, check=asked.check))
    records = sum(span.end - span.start for span in spans.values())
    if asked.json:
        checked = {} if found is None else {"same": found.same, "different": found.different, "first": [_plain(each) for each in found.first]}
        print(as_json({"replay": asked.replay, "records": records, "outcomes": dict(counts), **checked}))
    else:
        outcomes = ", ".join(f"{outcome} {number}" for outcome, number in sorted(counts.items()))
        print(f"{counted(records, 'record', 'records')} of the inbox decided anew" + (f": {outcomes}" if outcomes else ""))
        if found is not None:
            print("\n".join(_lines(found)))
    return 0 if found is None or not found.different else 1


async def _replay(
    here: "Installation", counts: Counter[str], *, progress: Callable[[int, int], None], check: bool
) -> "tuple[Mapping[int, Span], Comparison | None]":
    from streams.reading import reader
    from streams.replay import Replay, live_end
    from streams.replay_check import CHECKED, compare

    def count(_hop: str, outcome: str, records: int) -> None:
        counts[outcome] += records

    spans = await Replay(here.bootstrap, here.names, count=count).run(progress=progress)
    if not check:
        return spans, None
    until = await live_end(here.bootstrap, here.names, spans)
    behind = sum(spans[partition].end - end for partition, end in until.items())
    if behind:
        note(f"the live hop has yet to decide {counted(behind, 'record', 'records')} of these: what they lead to is not compared")
    async with reader(here.bootstrap, tuple(here.names.topic(topic) for topic in CHECKED)) as consumer:
        return spans, await compare(consumer, here.names, until)


def _lines(found: "Comparison") -> Iterator[str]:
    yield ", ".join(f"{topic}: {number} identical" for topic, number in found.same.items())
    if found.different:
        yield f"{counted(found.different, 'record differs', 'records differ')}; the first:"
    for each in found.first[:SHOWN]:
        side = "only live" if each.replayed is None else "only in the replay" if each.live is None else f"other {', '.join(each.fields)}"
        yield printable(f"  {each.topic} {each.id}: {side}")
        for name, row in (("live", each.live), ("replay", each.replayed)):
            if row is not None:
                yield f"    {name:<7} [{row['partition']}]@{row['offset']} {_words(each.topic, row)}"


def _words(topic: str, row: dict[str, Any]) -> str:
    from streams.cli.lines import line_of

    return f"{printable(row['lead_id'])}  {line_of(topic, None, row)}"


def _plain(each: "Difference") -> dict[str, Any]:
    return {"topic": each.topic, "id": each.id, "fields": each.fields, "live": each.live, "replayed": each.replayed}


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, for people at a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done, _whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("deciding anew", total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
