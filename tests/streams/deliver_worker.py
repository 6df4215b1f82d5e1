"""A worker process for tests: `python deliver_worker.py BOOTSTRAP PREFIX HOST PORT DATABASE ROWS_MAX WRITE_EVERY_MS`; ends by signal."""

import logging
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sinks.clickhouse import connect
from streams import deliver
from streams.app import run
from streams.recorder import Bounds
from streams.topics import Names


def main(*told: str) -> int:
    bootstrap, prefix, host, port, database, rows_max, write_every_ms = told
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)

    def count(hop: str, outcome: str, records: int) -> None:
        """Metrics are tested elsewhere."""

    hop = deliver.deliver_hop(
        bootstrap,
        names=Names(prefix=prefix),
        connect=partial(connect, host=host, port=int(port), database=database),
        count=count,
        pace=replace(deliver.PACE, commit_every=timedelta(milliseconds=200), retry_longest=timedelta(seconds=1)),
        bounds=Bounds(
            write_every=timedelta(milliseconds=int(write_every_ms)),
            rows_max=int(rows_max),
            retry_longest=timedelta(seconds=1),
        ),
    )
    return run([hop], bootstrap=bootstrap)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
