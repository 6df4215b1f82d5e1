"""`python -m deploy.local up | down | status`: the local servers without the rest of leadstream."""

import argparse
import json
import sys
from pathlib import Path

from deploy.local import stack
from deploy.local.errors import LocalError
from deploy.local.ports import Ports

ACTIONS = {"up": stack.up, "down": stack.down, "status": stack.status}


def main(argv: list[str] | None = None) -> int:
    asked = _arguments().parse_args(argv)
    ports = Ports(kafka=asked.kafka_port, clickhouse=asked.clickhouse_port, clickhouse_http=asked.clickhouse_http_port)
    try:
        now = ACTIONS[asked.action](stack.Stack(data=asked.data, ports=ports))
    except LocalError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(now.described()) if asked.json else now.told())  # noqa: T201
    return 0


def _arguments() -> argparse.ArgumentParser:
    usual = Ports()
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--data", type=Path, default=Path(".leadstream"), help="folder that keeps everything (%(default)s)")
    parser.add_argument("--kafka-port", type=int, default=usual.kafka, help="%(default)s; 0 picks a free one")
    parser.add_argument("--clickhouse-port", type=int, default=usual.clickhouse, help="%(default)s; 0 picks a free one")
    parser.add_argument("--clickhouse-http-port", type=int, default=usual.clickhouse_http, help="%(default)s; 0 picks a free one")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of prose")
    return parser


if __name__ == "__main__":
    sys.exit(main())
