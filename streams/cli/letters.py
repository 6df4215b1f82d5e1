"""Which dead letters a command is about: by reason, hop, source and age, or by the beginning of an id."""

import asyncio
import re
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser
from streams.cli.output import counted, note

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter

_SPANS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000}
_SPAN: Final = re.compile(r"(\d{1,6})(d|h|min)")


def takes_choice(parser: Parser) -> None:
    """Take --reason, --hop, --source and --since."""
    parser.add_argument("--reason", metavar="WORD", help="only for this reason")
    parser.add_argument("--hop", metavar="HOP", help="only from collect, identify, score or deliver")
    parser.add_argument("--source", metavar="NAME", help="only from this adapter or topic")
    parser.add_argument("--since", type=_since, metavar="SPAN|INSTANT", help="only from then on: 30min, 2h, 3d, or 2025-01-31T12:00")


def chosen(asked: Namespace) -> "list[DeadLetter]":
    """Read the letters that *asked* chooses, in the order they were received."""
    since = _instant(asked.since)
    return [letter for letter in _read(asked, since=since) if _wanted(letter, asked, since)]


def named(asked: Namespace, beginning: str) -> "DeadLetter | None":
    """Find the one letter whose id begins so; say it where there is none, or several."""
    found = [letter for letter in _read(asked) if letter.letter_id.startswith(beginning.lower())]
    if len(found) == 1:
        return found[0]
    note(f"no dead letter has an id beginning with {beginning!r}" if not found else f"{len(found)} dead letters have an id beginning so: give more of it")
    return None


def _since(said: str) -> "int | str":
    """An instant in ms, or a span as it was written: what it is counted from is known when the command runs."""
    if _SPAN.fullmatch(said):
        return said
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise ArgumentTypeError("give a span as in 30min, 2h or 3d, or an instant as in 2025-01-31T12:00 (UTC)") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _instant(said: "int | str | None") -> int | None:
    from streams.clock import now_ms

    if not isinstance(said, str):
        return said
    parts = _SPAN.fullmatch(said)
    assert parts is not None
    return now_ms() - int(parts[1]) * _SPANS_MS[parts[2]]


def _wanted(letter: "DeadLetter", asked: Namespace, since: int | None) -> bool:
    is_named = all(getattr(asked, name) in (None, getattr(letter, name)) for name in ("reason", "hop", "source"))
    return is_named and (since is None or letter.received_at >= since)


def _read(asked: Namespace, *, since: int | None = None) -> "list[DeadLetter]":
    """Read the letters that the topic holds, each once, in the order they were received; skip what is no letter."""
    from schemas.avro import Undecodable, decode_dead_letter
    from streams.cli.installation import installation
    from streams.reading import Start, partitions_of, read, reader
    from streams.topics import DEAD_LETTERS

    here, letters, unreadable = installation(asked), dict[str, "DeadLetter"](), 0

    async def collect() -> None:
        nonlocal unreadable
        async with reader(here.bootstrap, (here.names.topic(DEAD_LETTERS),)) as consumer:
            # A letter is written after what it is about was received, so those before *since* in the log are too old.
            async for batch in read(consumer, partitions_of(here.names, (DEAD_LETTERS,)), start=Start(since=since)):
                for record in batch:
                    try:
                        letter = decode_dead_letter(record.value)
                        letters[letter.letter_id] = letter
                    except Undecodable:
                        unreadable += 1

    asyncio.run(collect())
    if unreadable:
        note(f"{counted(unreadable, 'record', 'records')} of {DEAD_LETTERS} cannot be read by this release: leadstream tail {DEAD_LETTERS} shows where")
    return sorted(letters.values(), key=lambda letter: (letter.received_at, letter.letter_id))
