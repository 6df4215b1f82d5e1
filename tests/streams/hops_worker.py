"""A worker process for tests: `python hops_worker.py BOOTSTRAP PREFIX HOP...`; prints nothing, ends by signal."""

import sys
from datetime import timedelta

from streams.app import run
from streams.identify import identify_hop
from streams.lane.hop import Pace
from streams.score import Home, score_hop
from streams.topics import Names


def main(bootstrap: str, prefix: str, *hops: str) -> int:
    names = Names(prefix=prefix)
    pace = Pace(commit_every=timedelta(milliseconds=300))

    def count(hop: str, outcome: str, records: int) -> None:
        """Metrics are tested elsewhere."""

    built = []
    for hop in hops:
        if hop == "identify":
            built.append(identify_hop(bootstrap, names=names, count=count, pace=pace))
        else:
            home = Home(bootstrap=bootstrap, names=Names(prefix=prefix, replay=hop.partition(":")[2]), count=count)
            built.append(score_hop(home, pace=pace))
    return run(built, bootstrap=bootstrap)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
