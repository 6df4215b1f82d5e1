"""`leadstream dead-letters replay`: dead letters back in, after a look at what would come of it."""

import asyncio
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser, Refusal
from streams.cli.letters import chosen, named, takes_choice
from streams.cli.output import as_json, counted, note, printable, table

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter
    from streams.cli.installation import Installation
    from streams.putting_back.account import Account
    from streams.putting_back.plan import Plan

MOST: Final = 1_000


def declare(parser: Parser) -> None:
    parser.teach(
        "Put dead letters back in, once their cause is mended: by another release, a setting, a table. Requests go through their\n"
        "door's adapter again, touchpoints to identify, rows into ClickHouse. What still cannot be used stays a dead letter, and no\n"
        "new one is written. Without --yes nothing is changed. Doing it twice counts nothing twice: touchpoints keep their event\n"
        "ids and rows their positions. The letters themselves stay in their topic for its 30 days.",
        examples="""\
  leadstream dead-letters replay                              what would become of the oldest 1,000
  leadstream dead-letters replay --hop collect --reason unknown_kind --since 2d
  leadstream dead-letters replay --hop collect --reason unknown_kind --since 2d --yes
  leadstream dead-letters replay 014b93 --yes                 one letter; the beginning of its id is enough""",
    )
    parser.add_argument("letter", nargs="?", metavar="ID", help="one letter: its id, or the beginning of it; instead of choosing by the options")
    takes_choice(parser)
    parser.add_argument("--max", type=int, default=MOST, metavar="N", help="the oldest N of those chosen (%(default)s)")
    parser.add_argument("--yes", action="store_true", help="do it; otherwise only show what would be done")


def run(asked: Namespace) -> int:
    """Exit with 1 where the letter that was named does not exist."""
    if asked.max < 1:
        raise Refusal("--max takes a number from 1 up")
    if asked.letter is not None and any((asked.reason, asked.hop, asked.source, asked.since)):
        raise Refusal("give a letter's ID, or choose by --reason, --hop, --source and --since, not both")
    from streams.cli.installation import installation
    from streams.putting_back.account import account

    here = installation(asked)
    if asked.letter is None:
        found = chosen(asked)
    else:
        one = named(asked, asked.letter)
        if one is None:
            return 1
        found = [one]
    planned = _plans(found[: asked.max], here)
    refused = _do(planned, here) if asked.yes else {}
    _tell(asked, account(planned, names=here.names, refused=refused), letters=len(planned), more=len(found) - len(planned))
    return 0


def _plans(letters: "Sequence[DeadLetter]", here: "Installation") -> "list[tuple[DeadLetter, Plan]]":
    from streams.collecting.doors import doors
    from streams.putting_back.plan import plan

    by_source = {door.source: door for door in doors(here.settings)}
    return [(letter, plan(letter, names=here.names, doors=by_source)) for letter in letters]


def _do(planned: "Sequence[tuple[DeadLetter, Plan]]", here: "Installation") -> Mapping[int, str]:
    """Do it. Return what ClickHouse refuses, by the letter's place."""
    from streams.clickhouse import connected
    from streams.putting_back import doing
    from streams.putting_back.plan import Record, Send

    places = [(place, what) for place, (_, what) in enumerate(planned) if isinstance(what, Record)]
    refused: dict[int, str] = {}
    if places:
        with connected(here.settings) as client:
            told = doing.record(client, [what for _, what in places])
            refused = {places[number][0]: detail for number, detail in told.items()}
    records = [record for _, what in planned if isinstance(what, Send) for record in what.records]
    if records:
        asyncio.run(doing.send(here.bootstrap, records))
    return refused


def _tell(asked: Namespace, told: "Account", *, letters: int, more: int) -> None:
    back, stays = sorted(told.back.items()), sorted(told.stays.items())
    if asked.json:
        print(as_json({
            "done": asked.yes, "letters": letters, "more": more,
            "back": [{"hop": hop, "reason": reason, "to": to, "records": number} for (hop, reason, to), number in back],
            "stays": [{"hop": hop, "reason": reason, "why": why, "detail": told.details[why], "events": number} for (hop, reason, why), number in stays],
        }))  # fmt: skip
        return
    if back:
        table(("hop", "reason", "went to" if asked.yes else "would go to", "records"), [(*key, str(number)) for key, number in back], right=["records"])
    if stays:
        table(("hop", "reason", "stays, for", "events"), [(*key, str(number)) for key, number in stays], right=["events"])
    for why in sorted({why for _, _, why in told.stays}):
        note(printable(f"{why}: {told.details[why]}"))
    summary = f"{counted(letters, 'letter', 'letters')}: {counted(told.back.total(), 'record', 'records')} {'went' if asked.yes else 'would go'} back, {told.stays.total()} of no use still"
    note(summary if asked.yes else f"{summary}. Nothing was changed: add --yes to do it")
    if more:
        note(f"{counted(more, 'letter', 'letters')} more were chosen than --max {asked.max}: raise it, or narrow the choice")
