"""`leadstream work`: a worker that runs any of the hops."""

from argparse import Namespace

from streams.cli.arguments import Parser, Refusal
from streams.cli.service import prepare, takes_supervision

HOPS = ("identify", "score", "deliver")


def declare(parser: Parser) -> None:
    parser.teach(
        "Run hops in one process: `identify` names the lead of each touchpoint, `score` decides, `deliver` writes into\n"
        "ClickHouse. Start as many workers as you like, they share the partitions; one that is killed is replaced by the\n"
        "others within seconds, and nothing is counted twice. SIGTERM lets it finish and commit. The topics must exist:\n"
        "leadstream topics. /live, /ready and /metrics are served on LEADSTREAM_OPS_PORT.",
        examples="""\
  leadstream work                            all hops
  leadstream work --hops score               one of them
  LEADSTREAM_OPS_PORT=8082 leadstream work --hops identify,score""",
    )
    parser.add_argument("--hops", default=",".join(HOPS), metavar="HOP,...", help="which hops (%(default)s)")
    parser.takes_local()
    takes_supervision(parser)


def run(asked: Namespace) -> int:
    wanted = tuple(dict.fromkeys(name.strip() for name in asked.hops.split(",") if name.strip()))
    if not wanted or set(wanted) - set(HOPS):
        raise Refusal(f"--hops takes some of {', '.join(HOPS)}, not {asked.hops!r}")
    return serve(asked, wanted)


def serve(asked: Namespace, wanted: tuple[str, ...]) -> int:
    """Run the hops in *wanted* until told to stop."""
    from streams.cli.installation import settings_of

    settings = settings_of(asked)
    prepare(asked)

    from streams.work import work

    return work(settings, wanted)
