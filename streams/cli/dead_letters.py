"""`leadstream dead-letters ls | show`: what could not be used, and why."""

import asyncio
import re
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streams.cli.arguments import Parser, Refusal
from streams.cli.output import as_json, counted, instant, note, printable, table

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter

SHOWN: Final = 50
_SPANS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000}
_SPAN: Final = re.compile(r"(\d{1,6})(d|h|min)")


def declare(parser: Parser) -> None:
    parser.teach(
        "Look at what could not be used: requests that the collector refused in part, records that a hop could not read. Each\n"
        "letter keeps the original bytes, where they came from and the reason. The body may hold personal data: it is shown\n"
        "only when asked for, and never steers the terminal.",
        examples="""\
  leadstream dead-letters ls                              the newest, and how many of each reason
  leadstream dead-letters ls --since 2h --hop collect
  leadstream dead-letters show 014b93 --body              one letter; the beginning of its id is enough
  leadstream dead-letters show 014b93 --raw > body.bin    its original bytes""",
    )
    actions = parser.takes_actions(("ls", "list letters, the newest last"), ("show", "show one letter"))
    listing, showing = actions["ls"], actions["show"]
    listing.add_argument("--reason", metavar="WORD", help="only for this reason")
    listing.add_argument("--hop", metavar="HOP", help="only from collect, identify, score or deliver")
    listing.add_argument("--source", metavar="NAME", help="only from this adapter or topic")
    listing.add_argument("--since", type=_since, metavar="SPAN|INSTANT", help="only from then on: 30min, 2h, 3d, or 2025-01-31T12:00")
    listing.add_argument("--max", type=int, default=SHOWN, metavar="N", help="list the newest N (%(default)s)")
    showing.add_argument("letter", metavar="ID", help="the letter's id, or the beginning of it")
    showing.add_argument("--body", action="store_true", help="show the body too, whatever is not printable escaped")
    showing.add_argument("--raw", action="store_true", help="write the body to stdout byte for byte, and nothing else")
    for action in actions.values():
        action.takes_json()
        action.takes_local()


def _since(said: str) -> "int | str":
    """An instant in ms, or a span as it was written: what it is counted from is known when the command runs."""
    if _SPAN.fullmatch(said):
        return said
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise ArgumentTypeError("give a span as in 30min, 2h or 3d, or an instant as in 2025-01-31T12:00 (UTC)") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def run(asked: Namespace) -> int:
    if asked.action == "ls" and asked.max < 0:
        raise Refusal("--max takes a number from 0 up")
    return _list(asked) if asked.action == "ls" else _show(asked)


def _list(asked: Namespace) -> int:
    since = _instant(asked.since)
    letters = [letter for letter in _read(asked, since=since) if _wanted(letter, asked, since)]
    newest = letters[max(0, len(letters) - asked.max) :]
    if asked.json:
        for letter in newest:
            print(as_json(_described(letter)))
        return 0
    rows = [(letter.letter_id[:12], instant(letter.received_at), letter.hop, letter.source, letter.reason, letter.detail) for letter in newest]
    if rows:
        table(("id", "received", "hop", "source", "reason", "detail"), rows)
    reasons = {reason: sum(letter.reason == reason for letter in letters) for reason in sorted({letter.reason for letter in letters})}
    summary = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    note(counted(len(letters), "dead letter", "dead letters") + (f": {summary}" if summary else ""))
    return 0


def _show(asked: Namespace) -> int:
    """Exit with 1 where there is no such letter."""
    found = [letter for letter in _read(asked) if letter.letter_id.startswith(asked.letter.lower())]
    if len(found) != 1:
        note(f"no dead letter has an id beginning with {asked.letter!r}" if not found else f"{len(found)} dead letters have an id beginning so: give more of it")
        return 1
    letter = found[0]
    if asked.raw:
        import sys

        sys.stdout.buffer.write(letter.body)
    elif asked.json:
        print(as_json(_described(letter) | ({"body": letter.body, "key": letter.key} if asked.body else {})))
    else:
        for name, value in _described(letter).items():
            shown = instant(value) if name == "received_at" and isinstance(value, int) else value
            if shown not in (None, {}):
                print(f"{name:<12}{printable(str(shown))}")
        if asked.body:
            print(f"\n{_escaped(letter.body)}")
    return 0


def _escaped(body: bytes) -> str:
    """Text as it is, line by line; other bytes escaped."""
    return "\n".join(map(printable, body.decode(errors="backslashreplace").splitlines()))


def _described(letter: "DeadLetter") -> dict[str, object]:
    """Everything but what may hold personal data: body and key."""
    names = [name for name in letter.__struct_fields__ if name not in ("body", "key")]
    return {name: getattr(letter, name) for name in names} | {"body_bytes": len(letter.body)}


def _wanted(letter: "DeadLetter", asked: Namespace, since: int | None) -> bool:
    named = all(getattr(asked, name) in (None, getattr(letter, name)) for name in ("reason", "hop", "source"))
    return named and (since is None or letter.received_at >= since)


def _instant(said: "int | str | None") -> int | None:
    from streams.clock import now_ms

    if not isinstance(said, str):
        return said
    parts = _SPAN.fullmatch(said)
    assert parts is not None
    return now_ms() - int(parts[1]) * _SPANS_MS[parts[2]]


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
