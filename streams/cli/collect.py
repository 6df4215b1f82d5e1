"""`leadstream collect`: the collector."""

from argparse import Namespace

from streams.cli.arguments import Parser
from streams.cli.service import prepare, takes_supervision


def declare(parser: Parser) -> None:
    parser.teach(
        "Take HTTP requests from snippets, Segment libraries, email tools, ad platforms and CRMs, and write touchpoints. A 200\n"
        "means that Kafka has acknowledged; while Kafka is away the answer is 503 with Retry-After, and senders try again.\n"
        "A door is open once its key is set: LEADSTREAM_WRITE_KEYS, LEADSTREAM_SENDGRID_PUBLIC_KEY, LEADSTREAM_GOOGLE_ADS_KEY,\n"
        "LEADSTREAM_EVENTS_SECRET. /live, /ready and /metrics are served on LEADSTREAM_OPS_PORT; the public port tells\n"
        "load balancers yes or no at /live and /ready, and nothing else.",
        examples="""\
  leadstream collect
  LEADSTREAM_COLLECTOR_HOST=0.0.0.0 LEADSTREAM_COLLECTOR_PORT=80 leadstream collect""",
    )
    parser.takes_local()
    takes_supervision(parser)


def run(asked: Namespace) -> int:
    from streams.cli.installation import settings_of
    from streams.collect import run as collect

    settings = settings_of(asked)
    prepare(asked)
    return collect(settings)
