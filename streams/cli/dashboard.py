"""`leadstream dashboard`: one page to look at."""

from argparse import Namespace

from streams.cli.arguments import Parser


def declare(parser: Parser) -> None:
    parser.teach(
        "Serve a page with the funnel, what each channel earned, the leads and why they are where they are, and whether stream and\n"
        "tables agree. It reads ClickHouse and changes nothing. It shows personal data and asks nobody who he is: it listens on\n"
        "127.0.0.1 (LEADSTREAM_DASHBOARD_HOST, LEADSTREAM_DASHBOARD_PORT); put a proxy that knows your people before it.",
        examples="""\
  leadstream dashboard --local
  LEADSTREAM_DASHBOARD_PORT=9000 leadstream dashboard""",
    )
    parser.takes_local()


def run(asked: Namespace) -> int:
    import asyncio
    import logging
    import signal
    import sys

    from streams.cli.installation import settings_of
    from streams.dashboard.server import serve

    settings = settings_of(asked)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")

    async def until_told() -> None:
        told = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, told.set)
        await serve(settings, told)

    asyncio.run(until_told())
    return 0
