"""`make hostile`: a collector under requests that no well-behaved client sends; it must answer, forge nothing and lose nothing.

    make hostile ARGS="--requests 10000 --seed 1 --json"
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from tests.hostile.siege import besiege


def main() -> int:
    parser = argparse.ArgumentParser(prog="make hostile ARGS=...", description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            found = besiege(start(stack, "kafka").kafka_address, prefix="siege.", requests=asked.requests, seed=asked.seed)
        finally:
            down(stack)
    print(f"{found.requests:,} requests: {', '.join(f'{count:,} answered {status}' for status, count in sorted(found.statuses.items()))}; "
          f"{found.accepted:,} events accepted, {found.rejected:,} among the dead letters; {found.rss_mib[0]} MiB once warm, {found.rss_mib[1]} MiB at the end")  # fmt: skip
    for each in found.wrong:
        print(f"WRONG: {each}")
    if asked.json:
        print(json.dumps(found.json()))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
