"""`leadstream sink`: a worker with the hop that writes into ClickHouse."""

from argparse import Namespace

from streams.cli.arguments import Parser
from streams.cli.service import takes_supervision
from streams.cli.work import serve


def declare(parser: Parser) -> None:
    parser.teach(
        "Write touchpoints, facts, transitions, profiles and dead letters into ClickHouse: the same as `leadstream work --hops\n"
        "deliver`. Creates the database, its tables and views, or brings them to this release. While ClickHouse is away it\n"
        "waits, and says so at /ready; nothing is lost and nothing is there twice.",
        examples="""\
  leadstream sink
  LEADSTREAM_CLICKHOUSE_HOST=ch.internal LEADSTREAM_OPS_PORT=8083 leadstream sink""",
    )
    parser.takes_local()
    takes_supervision(parser)


def run(asked: Namespace) -> int:
    return serve(asked, ("deliver",))
