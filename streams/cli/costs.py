"""`leadstream costs`: what advertising cost, by day, from a file."""

from argparse import Namespace

from streams.cli.arguments import Parser
from streams.errors import Misconfigured

COLUMNS = ("day", "channel", "cost", "currency")
OTHERS = ("campaign",)
TOLD_MAX = 20


def declare(parser: Parser) -> None:
    parser.teach(
        "Import what advertising cost: a CSV file with the columns day (2026-05-31), channel (as in the views: paid_search, social),\n"
        "cost, currency (EUR) and, where known, campaign. A day that is told again, for a channel and campaign, replaces what was\n"
        "told before. The view `cost_per_conversion` sets it against what each channel earned. Nothing is imported while a row is wrong.",
        examples="""\
  leadstream costs ads-may.csv --local
  leadstream costs ads-may.csv --json | jq .days""",
    )
    parser.add_argument("file", metavar="FILE", help="a .csv or .tsv file, also .gz; - is standard input")
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    from sinks.costs import put
    from streams.cli.installation import installation
    from streams.cli.output import as_json, counted, note
    from streams.clickhouse import connected
    from streams.sending.costs import read

    costs, problems = read(asked.file)
    if problems:
        more = f"\n  and {len(problems) - TOLD_MAX} more" if len(problems) > TOLD_MAX else ""
        raise Misconfigured(f"{asked.file}: nothing was imported:\n  " + "\n  ".join(problems[:TOLD_MAX]) + more)
    with connected(installation(asked).settings) as client:
        put(client, costs)
    days = len({cost.day for cost in costs})
    if asked.json:
        print(as_json({"rows": len(costs), "days": days}))
    else:
        note(f"{counted(len(costs), 'row', 'rows')} of {counted(days, 'day', 'days')} imported")
    return 0
