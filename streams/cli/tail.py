"""`leadstream tail TOPIC`: what a topic says, one line a record, for people and (with --json) for scripts."""

import asyncio
import signal
from argparse import Namespace
from collections.abc import Coroutine
from typing import Any, Final

from streams.cli.arguments import Parser, Refusal
from streams.topics import BY_NAME, TOUCHPOINTS

LAST: Final = 10
AGAIN_S: Final = 1.0
_SHORT: Final = {name.rpartition(".")[2]: (name,) for name in BY_NAME} | {"touchpoints": TOUCHPOINTS}


def declare(parser: Parser) -> None:
    parser.teach(
        "Read a topic, one line a record: the instant, the position, the key (mostly the lead), and what it says in words.\n"
        "Begins with the last few records of each partition and goes on until Ctrl-C. A record that this release cannot\n"
        "read is shown as such, and the reading goes on. Lines leave out personal data, --json does not.",
        examples="""\
  leadstream tail leads.transitions                       stage changes as they happen
  leadstream tail transitions --filter to_stage=sql       only those that sales waits for
  leadstream tail leads.events --lead ann@example.com     what happened to one lead
  leadstream tail touchpoints --filter 'properties.path=/pricing*' --max 20
  leadstream tail leads.events --from-beginning --no-follow --json | jq -r .value.fact | sort | uniq -c""",
    )
    parser.add_argument("topic", metavar="TOPIC", help=f"{', '.join(BY_NAME)}; `touchpoints` is all four of them, and the last word is enough")
    parser.add_argument("--from-beginning", action="store_true", help="begin with the oldest record there is")
    parser.add_argument("--last", type=int, default=LAST, metavar="N", help="begin with the last N of each partition (%(default)s)")
    parser.add_argument("--lead", metavar="ID|EMAIL", help="only records with this key: v:VISITOR, c:CRM-ID, e:HASH, or an address")
    parser.add_argument("--filter", action="append", default=[], metavar="FIELD=VALUE",
                        help="only records with this value; * stands for any text, a dot leads into a field; may be repeated")  # fmt: skip
    parser.add_argument("--max", type=int, metavar="N", help="end after N records shown")
    following = parser.add_mutually_exclusive_group()
    following.add_argument("--follow", dest="follow", action="store_true", help="wait for news (as it does unless told otherwise)")
    following.add_argument("--no-follow", dest="follow", action="store_false", help="end at the end of the topic")
    parser.add_argument("--replay", default="", metavar="NAME", help="the topics of this replay instead of the live ones")
    parser.takes_json()
    parser.takes_local()
    parser.set_defaults(follow=True)


def run(asked: Namespace) -> int:
    if asked.last < 0 or (asked.max is not None and asked.max < 1):
        raise Refusal("--last takes a number from 0 up, --max one from 1 up")
    wanted = (asked.topic,) if asked.topic in BY_NAME else _SHORT.get(asked.topic)
    if wanted is None:
        raise Refusal(f"there is no topic {asked.topic!r}, there are {', '.join(BY_NAME)}")

    from streams.cli.tailing import Tail, filter_of

    filters = [filter_of(text, wanted[0]) for text in asked.filter]
    asyncio.run(_until_interrupted(Tail(asked, wanted, filters).run()))
    return 0


async def _until_interrupted(doing: Coroutine[Any, Any, None]) -> None:
    """Do it. Raises KeyboardInterrupt on Ctrl-C, which asyncio passes on once only: aiokafka may swallow a cancellation that
    comes in the instant in which a fetch is answered, and then nothing would end it.
    """
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, told.set)
    task, interrupted = asyncio.create_task(doing), asyncio.create_task(told.wait())
    await asyncio.wait({task, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    interrupted.cancel()
    if task.done():
        return task.result()
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_S)
    raise KeyboardInterrupt
