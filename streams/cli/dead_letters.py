"""`leadstream dead-letters ls | show | replay`: what could not be used, why, and another try."""

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from streams.cli import dead_letters_replay
from streams.cli.arguments import Parser, Refusal
from streams.cli.letters import chosen, named, takes_choice
from streams.cli.output import as_json, counted, instant, note, printable, table

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter

SHOWN: Final = 50


def declare(parser: Parser) -> None:
    parser.teach(
        "Look at what could not be used: requests that the collector refused in part, records that a hop could not read. Each\n"
        "letter keeps the original bytes, where they came from and the reason. The body may hold personal data: it is shown\n"
        "only when asked for, and never steers the terminal.",
        examples="""\
  leadstream dead-letters ls                              the newest, and how many of each reason
  leadstream dead-letters ls --since 2h --hop collect
  leadstream dead-letters show 014b93 --body              one letter; the beginning of its id is enough
  leadstream dead-letters show 014b93 --raw > body.bin    its original bytes
  leadstream dead-letters replay --reason unknown_kind    what would come of another try; nothing is changed
  leadstream dead-letters replay --reason unknown_kind --yes""",
    )
    actions = parser.takes_actions(
        ("ls", "list letters, the newest last"), ("show", "show one letter"), ("replay", "put letters back in; without --yes only show what would be done")
    )  # fmt: skip
    listing, showing = actions["ls"], actions["show"]
    takes_choice(listing)
    listing.add_argument("--max", type=int, default=SHOWN, metavar="N", help="list the newest N (%(default)s)")
    showing.add_argument("letter", metavar="ID", help="the letter's id, or the beginning of it")
    showing.add_argument("--body", action="store_true", help="show the body too, whatever is not printable escaped")
    showing.add_argument("--raw", action="store_true", help="write the body to stdout byte for byte, and nothing else")
    dead_letters_replay.declare(actions["replay"])
    for action in actions.values():
        action.takes_json()
        action.takes_local()


def run(asked: Namespace) -> int:
    if asked.action == "replay":
        return dead_letters_replay.run(asked)
    if asked.action == "ls" and asked.max < 0:
        raise Refusal("--max takes a number from 0 up")
    return _list(asked) if asked.action == "ls" else _show(asked)


def _list(asked: Namespace) -> int:
    letters = chosen(asked)
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
    letter = named(asked, asked.letter)
    if letter is None:
        return 1
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
