"""The quarter: everybody's messages from the first Monday to the last Sunday, in order. A pure function of a seed and a size."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streams.demo import mailings, sales, visits
from streams.demo.messages import Message
from streams.demo.people import WEEK_MS, Person, person

WEEKS: Final = 13
VISITORS: Final = 2_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """What is played: *visitors* people of the thirteen weeks before the instant *end*."""

    seed: int
    end: int
    visitors: int = VISITORS
    google_key: str

    @property
    def start(self) -> int:
        return self.end - WEEKS * WEEK_MS

    @property
    def import_id(self) -> str:
        return f"demo-{self.seed}-{self.end // 1000}-{self.visitors}"

    def people(self) -> Iterator[Person]:
        return (person(self.seed, number) for number in range(self.visitors))

    def messages(self) -> list[Message]:
        """All that happened before the end, in the order in which it left its sender."""
        told = [message for each in self.people() for message in _life(each, self) if message.at < self.end]
        return sorted((_in_time(message, self.end) for message in told), key=lambda message: (message.sent_at, message.door, message.packet, message.at))


def _life(each: Person, quarter: Quarter) -> Iterator[Message]:
    """Everything that one person leads to."""
    made = visits.visits(each, quarter.start, quarter.end)
    for visit in made:
        yield from visits.messages(each, visit)
    known = visits.known_at(made)
    if known is None:
        return
    yield from mailings.messages(each, known, quarter.end)
    request = visits.request_of(made)
    if request is None:
        yield from sales.cold_call(each, known)
        return
    form, asked_at = request
    if form == visits.LEAD_FORM:
        yield sales.lead_form(each, asked_at, google_key=quarter.google_key)
    yield from sales.messages(each, asked_at)


def _in_time(message: Message, end: int) -> Message:
    """What would leave its sender after the end leaves it just before."""
    return message if message.sent_at < end else message._replace(sent_at=end - 1)
