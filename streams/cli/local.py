"""`leadstream local up | down | status`: the local Kafka and ClickHouse, which need no Docker, root or Java."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from streams.cli.arguments import Parser
from streams.cli.output import as_json
from streams.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from deploy.local.stack import Stack

_PORTS = ("kafka", "clickhouse", "clickhouse-http")


def declare(parser: Parser) -> None:
    parser.teach(
        "Start, stop and look at the local servers: Apache Kafka and ClickHouse on the loopback address, with their data in\n"
        "one folder. The first start fetches Kafka's jars; from then on both are ready in a few seconds.",
        examples="""\
  leadstream local up                     start what is not running, print the addresses
  leadstream local up --kafka-port 0      on any free port
  leadstream local status --json          for scripts
  leadstream local down                   stop; the data stays for the next start""",
    )
    actions = parser.takes_actions(
        ("up", "start what is not running"), ("down", "stop what runs from this folder; its data stays"), ("status", "tell what runs")
    )
    for name, action in actions.items():
        action.add_argument("--data", type=Path, default=Path(".leadstream"), help="folder that keeps everything (%(default)s)")
        if name == "up":
            for server in _PORTS:
                action.add_argument(f"--{server}-port", type=int, default=None, metavar="PORT", help="0 picks a free one")
        action.takes_json()


def run(asked: Namespace) -> int:
    """Exit with 1 where `status` finds a server that does not run."""
    from deploy.local import errors, stack

    do = {"up": stack.up, "down": stack.down, "status": stack.status}[asked.action]
    try:
        now = do(_stack(asked))
    except errors.Misconfigured as error:
        raise Misconfigured(str(error)) from error
    except errors.LocalError as error:
        raise Unavailable(str(error)) from error
    print(as_json(now.described()) if asked.json else now.told())
    return 0 if now.running or asked.action != "status" else 1


def _stack(asked: Namespace) -> "Stack":
    """The stack in the folder asked for; what runs there keeps its ports unless others are asked for."""
    from deploy.local.ports import Ports
    from deploy.local.stack import Stack, status

    now = status(Stack(data=asked.data))
    known = {**now.kafka.ports, **now.clickhouse.ports}
    wanted = {name: getattr(asked, f"{name}_port", None) for name in ("kafka", "clickhouse", "clickhouse_http")}
    return Stack(data=asked.data, ports=Ports(**{name: known[name] if port is None else port for name, port in wanted.items()}))
