"""What sales does with those who ask to be called, as the CRM tells it: contacts, calls, verdicts, meetings, deals."""

from collections.abc import Iterator
from typing import Any, Final

from streams.demo.messages import Message, iso
from streams.demo.people import DAY_MS, HOUR_MS, Interest, Person

SOURCE: Final = "crm"
_MINUTE_MS: Final = 60_000
_VERDICTS: Final = {"accepted": 0.74, "rejected": 0.1, "recycled": 0.09, "disqualified": 0.05, "": 0.02}
_ENDS: Final = {"deal_won": 0.6, "deal_lost": 0.32, "": 0.08}


def messages(person: Person, asked_at: int) -> Iterator[Message]:
    """What follows when *person* asks to be called at *asked_at*."""
    chance = person.chance.of("sales")
    crm = _Crm(person)
    at = asked_at + chance.whole(3, 240) * _MINUTE_MS
    yield crm.event("contact_created", at, {}, who={"email": person.email, "profile": person.profile(), "contact": {"name": f"{person.first} {person.last}"}})
    at += chance.whole(1, 30) * HOUR_MS
    if chance.happens(0.7):
        yield crm.event("phone_call", at, {"seconds": chance.whole(20, 1800)})
    verdict = chance.weigh(_VERDICTS)
    if verdict:
        yield crm.event("sales_verdict", at + 10 * _MINUTE_MS, {"verdict": verdict})
    if verdict != "accepted":
        return
    at += chance.whole(2, 9) * DAY_MS
    yield crm.event("meeting_booked", at - DAY_MS, {"type": "demo"})
    yield crm.event("meeting_held", at, {"type": "demo"})
    amount = chance.whole(8, 120) * 1000
    yield crm.event("deal_opened", at + 2 * HOUR_MS, {"amount": amount})
    end = chance.weigh(_ENDS)
    if end:
        yield crm.event(end, at + chance.whole(4, 21) * DAY_MS + 3 * HOUR_MS, {"amount": amount})


def cold_call(person: Person, known_at: int) -> Iterator[Message]:
    """A call by sales to someone who only left an address; now and then one listens."""
    chance = person.chance.of("cold call")
    if person.interest is not Interest.RESEARCH or not chance.happens(0.06):
        return
    crm = _Crm(person)
    at = known_at + chance.whole(2, 20) * DAY_MS
    yield crm.event("contact_created", at, {}, who={"email": person.email, "profile": person.profile()})
    yield crm.event("phone_call", at + HOUR_MS, {"seconds": chance.whole(20, 600)})
    yield crm.event("sales_verdict", at + 2 * HOUR_MS, {"verdict": chance.weigh({"rejected": 3.0, "recycled": 2.0, "accepted": 1.0})})


def lead_form(person: Person, at: int, *, google_key: str) -> Message:
    """A lead form of Google Ads, filled in by *person*."""
    chance = person.chance.of("lead form")
    answers = {
        "FULL_NAME": f"{person.first} {person.last}", "WORK_EMAIL": person.email, "COMPANY_NAME": person.domain.partition(".")[0],
        "JOB_TITLE": person.title, "COMPANY_SIZE": person.employees, "COUNTRY": person.country,
    }  # fmt: skip
    lead_id = "lead-" + chance.name()
    body = {
        "google_key": google_key, "lead_id": lead_id, "form_id": 41000000101, "campaign_id": 20250000017,
        "gcl_id": "EAIaIQ" + chance.name()[:12], "lead_submit_time": iso(at),
        "user_column_data": [{"column_id": name, "string_value": value} for name, value in answers.items()],
    }  # fmt: skip
    return Message(at, at + 2_000, "google_ads", lead_id, body)


class _Crm:
    """The CRM's webhook, about one person; after the first event it knows them by its own id alone."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def event(self, kind: str, at: int, properties: dict[str, Any], *, who: dict[str, Any] | None = None) -> Message:
        person = self._person
        body = {
            "id": f"{person.crm_id}-{kind}-{at}", "kind": kind, "at": iso(at), "source": SOURCE, "crm_id": person.crm_id,
            "properties": properties, **(who or {}),
        }  # fmt: skip
        # A webhook an hour, of all that happened in it.
        hour = at // HOUR_MS
        return Message(at, (hour + 1) * HOUR_MS, "events", str(hour), body)
