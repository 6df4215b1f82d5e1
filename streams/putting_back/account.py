"""What was planned or done with many dead letters, in numbers: what goes back where, and what stays, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from schemas.dead_letter import DeadLetter
from streams.putting_back.plan import Plan, Record, Send, Stay
from streams.topics import Names
from streams.usable import Unusable

Key: TypeAlias = tuple[str, str, str]  # hop and reason of the letters; where they go, or why they stay


@dataclass(frozen=True, slots=True)
class Account:
    """Records that go back, and events that stay; a whole body's letter may hold many of both. `details`: the whys in words."""

    back: Counter[Key] = field(default_factory=Counter)
    stays: Counter[Key] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)

    def stay(self, letter: DeadLetter, why: Unusable) -> None:
        self.stays[letter.hop, letter.reason, why.reason] += 1
        self.details.setdefault(why.reason, why.detail)


def account(planned: Sequence[tuple[DeadLetter, Plan]], *, names: Names, refused: Mapping[int, str]) -> Account:
    """Count what became of each letter; *refused*: what ClickHouse says of the rows at these places."""
    told = Account()
    for place, (letter, what) in enumerate(planned):
        match what:
            case Send():
                for topic, *_ in what.records:
                    told.back[letter.hop, letter.reason, names.base(topic)] += 1
                for why in what.left:
                    told.stay(letter, why)
            case Record() if place in refused:
                told.stay(letter, Unusable("refused_by_clickhouse", refused[place]))
            case Record():
                told.back[letter.hop, letter.reason, f"ClickHouse {what.table.name}"] += 1
            case Stay():
                told.stay(letter, what.why)
            case _:
                assert_never(what)
    return told
