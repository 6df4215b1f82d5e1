"""`leadstream channels check | show | of`: which road is which channel, by the table that marketing edits."""

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser
from streams.cli.output import as_json, counted, printable

if TYPE_CHECKING:
    from processors.attribution.roads import Channels

VARIABLE: Final = "LEADSTREAM_CHANNELS"


def declare(parser: Parser) -> None:
    parser.teach(
        "Check a table of channels, show the one in force, ask it about an address. The table is a YAML file that says what UTM\n"
        f"parameters, click ids and referrers mean; {VARIABLE} names it, and what it does not say, the shipped one does.\n"
        "Collectors read it when they start. What was recorded keeps the channel it was given.",
        examples="""\
  leadstream channels check mine.yaml        every problem, or what is different from the shipped table
  leadstream channels show                   everything that is known, to look a word up
  leadstream channels of 'https://you.example/?utm_source=g2&utm_medium=cpc' --referrer https://www.g2.com/ --table mine.yaml""",
    )
    actions = parser.takes_actions(
        ("check", "read a table: every problem at once, or what it changes"),
        ("show", "the whole table: one's own words and, behind them, the shipped ones"),
        ("of", "which channel a visit would be, and why"),
    )
    actions["check"].add_argument("table", metavar="FILE", help="a YAML file")
    actions["of"].add_argument("url", metavar="URL", help="the address of the page that was opened")
    actions["of"].add_argument("--referrer", metavar="URL", help="the page that led there")
    for name in ("show", "of"):
        actions[name].add_argument("--table", metavar="FILE", help=f"a YAML file (default: the one that {VARIABLE} names, else the shipped one)")
    for action in actions.values():
        action.takes_json()


def run(asked: Namespace) -> int:
    return {"check": _check, "show": _show, "of": _of}[asked.action](asked)


def _check(asked: Namespace) -> int:
    """Exit with 65 for a table with problems."""
    from processors.attribution.roads import shipped
    from processors.attribution.table_file import SECTIONS
    from streams.channels import table_in
    from streams.errors import Refused

    try:
        table = table_in(asked.table)
    except Refused as refused:
        if asked.json:
            print(as_json({"ok": False, "problems": str(refused).splitlines()}))
        raise
    known = shipped().table
    changed = {
        name: {word: [getattr(known, name).get(word), channel] for word, channel in getattr(table, name).items() if getattr(known, name).get(word) != channel}
        for name in SECTIONS
    }  # fmt: skip
    if asked.json:
        print(as_json({"ok": True, "channels": list(table.own), "cases": len(table.cases), "changes": changed}))
        return 0
    print(f"{counted(len(table.cases), 'case', 'cases')} asked before all others")
    for name, words in changed.items():
        for word, (before, now) in words.items():
            print(printable(f"{name}: {word} is {now}" + (f", not {before}" if before else "")))
    return 0


def _show(asked: Namespace) -> int:
    from processors.attribution.table_file import dump

    text = dump(_channels(asked).table)
    print(as_json({"table": text}) if asked.json else "\n".join(map(printable, text.splitlines())))
    return 0


def _of(asked: Namespace) -> int:
    road = _channels(asked).road(url=asked.url, referrer=asked.referrer)
    if asked.json:
        print(as_json({"channel": road.channel, "campaign": road.campaign, "marks": dict(road.marks), "because": road.because}))
        return 0
    print(printable(f"{road.channel}: {road.because}"))
    if road.campaign:
        print(printable(f"campaign {road.campaign}"))
    return 0


def _channels(asked: Namespace) -> "Channels":
    from streams.channels import channels_in
    from streams.settings import single

    return channels_in(asked.table if asked.table is not None else single("channels"))
