"""Mail to those who left an address, as SendGrid's event webhook tells what became of it."""

from collections.abc import Iterator
from typing import Any, Final

from streams.demo.chance import Chance
from streams.demo.messages import Message
from streams.demo.people import DAY_MS, HOUR_MS, Person, weekday

_NEWSLETTER_DAY: Final = 1  # Tuesday
_NURTURE: Final = ((1, "welcome"), (4, "how-it-works"), (9, "customers-like-you"))
_MINUTE_MS: Final = 60_000


def messages(person: Person, known_at: int, end: int) -> Iterator[Message]:
    """Everything that mail to *person* leads to, from when the address is known until *end* or a farewell."""
    for at, campaign in sorted(_mailings(known_at, end)):
        chance = person.chance.of("mail", at)
        mail = _Mail(person, campaign, chance)
        yield from (message for message in mail.life(at) if message.at < end)
        if mail.farewell:
            return


def _mailings(known_at: int, end: int) -> Iterator[tuple[int, str]]:
    for days, name in _NURTURE:
        yield known_at + days * DAY_MS + HOUR_MS, name
    day = known_at // DAY_MS * DAY_MS + DAY_MS
    for at in range(day, end, DAY_MS):
        if weekday(at) == _NEWSLETTER_DAY:
            yield at + 9 * HOUR_MS, "weekly"


class _Mail:
    """One mail to one person."""

    def __init__(self, person: Person, campaign: str, chance: Chance) -> None:
        self._person = person
        self._campaign = campaign
        self._chance = chance
        self._id = chance.name()
        self.farewell = False

    def life(self, at: int) -> Iterator[Message]:
        chance = self._chance
        yield self._event("processed", at)
        if chance.happens(0.012):
            self.farewell = True
            yield self._event("bounce", at + 4_000, {"reason": "550 5.1.1 no such mailbox", "type": "bounce", "status": "5.1.1"})
            return
        yield self._event("delivered", at + chance.whole(1, 40) * 1000, {"response": "250 OK"})
        if not chance.happens(0.42):
            return
        opened = at + int(chance.wait(7 * HOUR_MS)) + _MINUTE_MS
        machine = chance.happens(0.45)
        yield self._event("open", opened, {"sg_machine_open": machine, "useragent": "Mozilla/5.0"})
        if machine or not chance.happens(0.2):
            return
        yield self._event("click", opened + 20_000, {"url": "https://www.northbeam-sensors.example/blog/retrofit"})
        if chance.happens(0.05):
            self.farewell = True
            yield self._event(chance.weigh({"unsubscribe": 9.0, "spamreport": 1.0}), opened + 90_000)

    def _event(self, event: str, at: int, more: dict[str, Any] | None = None) -> Message:
        body = {
            "email": self._person.email, "timestamp": at // 1000, "event": event, "sg_event_id": self._chance.of(event).name(),
            "sg_message_id": f"{self._id}.filter", "category": ["demo"], "campaign": self._campaign, **(more or {}),
        }  # fmt: skip
        # The provider gathers what happens within two hours, of all mail.
        packet = at // (2 * HOUR_MS)
        return Message(at // 1000 * 1000, (packet + 1) * 2 * HOUR_MS, "sendgrid", str(packet), body)
