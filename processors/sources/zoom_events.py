"""What one of Zoom's events becomes: a registration, or somebody's coming. Fields as in Zoom's own library, @zoom/rivet."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from processors.attribution import channels
from processors.attribution.roads import Channels, Road
from processors.email import Email, read_email
from processors.sources.answers import Answer, read_answers, read_meanings
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import section
from processors.sources.signal import Ignored, Signal, Unusable
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "zoom"

_REGISTRATIONS: Final = {
    "webinar.registration_created": "webinar_registered", "meeting.registration_created": "meeting_booked",
    "webinar.registration_cancelled": "webinar_canceled", "meeting.registration_cancelled": "meeting_canceled",
}  # fmt: skip
_JOINS: Final = {"webinar.participant_joined": "webinar_attended", "meeting.participant_joined": "meeting_held"}
_FIELDS: Final = {
    "email": "email", "first_name": "first_name", "last_name": "last_name", "user_name": "name", "phone": "phone", "org": "company",
    "job_title": "job_title", "industry": "industry", "country": "country", "no_of_employees": "size", "purchasing_time_frame": "timeframe",
    "role_in_purchase_process": None, "comments": None,
}  # fmt: skip
"""Fields of registrants and participants, and what they tell. The others are addresses, links and pin codes: kept nowhere."""

_WITHIN_A_MONTH: Final = "Within a month"
"""The one timeframe of Zoom's list that names no number."""


class Event(msgspec.Struct, gc=False):
    """One event, of whatever kind."""

    event: str | None = None
    event_ts: Any = None
    payload: dict[str, Any] | None = None


class People(NamedTuple):
    """What settings say of people: the key of their addresses' hash, what questions ask for, who is a colleague; and the roads."""

    identity_key: bytes
    meanings: tuple[str, ...]
    own_domains: tuple[str, ...]
    channels: Channels


def turn(event: Event, signal: Signal, people: People) -> Touchpoint | Ignored:
    """The touchpoint of a registration or a coming; of hosts, colleagues and guests who only typed a name, none."""
    if not event.event:
        raise Unusable("event", "no_kind", "event: is missing; it says what happened, for example webinar.registration_created")
    came = event.event in _JOINS
    kind = _JOINS.get(event.event) or _REGISTRATIONS.get(event.event)
    if kind is None:
        return Ignored(index=0, reason="other_event")
    meeting, role = section(event.payload, "object"), "participant" if came else "registrant"
    who, field = section(meeting, role), f"payload.object.{role}"
    if not who:
        raise Unusable(field, "no_object", f"{field}: is missing; it says who it was")
    if came and who.get("id") and who.get("id") == meeting.get("host_id"):
        return Ignored(index=0, reason="host")
    at, readable = occurred_at(_instant(event, who, came=came), signal, field=f"{field}.join_time" if came and who.get("join_time") else "event_ts")
    answers = read_answers(_answers(who), read_meanings(people.meanings), field, at=at)
    email = read_email(answers.email, people.identity_key) if isinstance(answers.email, str) else None
    if email is not None and email.domain in people.own_domains:
        return Ignored(index=0, reason="colleague")
    number = _number(who, field, came=came)
    if number is None and email is None:
        return Ignored(index=0, reason="nobody_known")
    way = _road(kind, people.channels.road(said={"utm_source": section(who, "tracking_source").get("source_name")}))
    texts = _texts(meeting, who, way)
    texts.take(answers.rest)
    if not readable:
        texts.entries["event_ts_unreadable"] = "event_ts"
    return Touchpoint(
        event_id=_event_id(event, kind, meeting, number or ("" if email is None else email.hash)),
        source=SOURCE,
        kind=kind,
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        # A registration's number comes back with whoever comes by its link, with or without an address.
        visitor_id=None if number is None else f"{SOURCE}.{number}"[:128],
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=answers.profile,
        contact=_contact(answers.contact, email),
        import_id=signal.import_id,
    )


def _instant(event: Event, who: Mapping[str, Any], *, came: bool) -> object:
    return (who.get("join_time") if came else None) or event.event_ts


def _number(who: Mapping[str, Any], field: str, *, came: bool) -> str | None:
    """The registration's id, else the account's."""
    said = ((who.get("registrant_id") if came else None) or who.get("id")) or None
    return identifier(said, f"{field}.id") if isinstance(said, str) else None


def _answers(who: Mapping[str, Any]) -> Iterator[Answer]:
    for name, meaning in _FIELDS.items():
        if (value := who.get(name)) not in (None, ""):
            yield Answer((name,), "1 month" if value == _WITHIN_A_MONTH else value, meaning)
    said = who.get("custom_questions")
    for each in said if isinstance(said, list) else ():
        yield Answer((section(each).get("title"),), section(each).get("value"))


def _road(kind: str, way: Road) -> Road:
    """A registration came by the link that Zoom tracks; who comes to a webinar is reached by it."""
    if kind == "webinar_attended":
        return way._replace(channel=channels.EVENT)
    return way if kind in ("webinar_registered", "meeting_booked") else way._replace(channel=channels.CRM)


def _contact(contact: dict[str, str], email: Email | None) -> dict[str, str]:
    return contact if email is None else contact | {"email": email.address}


def _texts(meeting: Mapping[str, Any], who: Mapping[str, Any], way: Road) -> Texts:
    texts = Texts("payload.object")
    for name in ("topic", "id", "start_time", "duration", "timezone"):
        texts.put(f"meeting_{name}" if name == "id" else name, line(meeting.get(name), f"payload.object.{name}", 1024))
    texts.put("registration", line(who.get("status"), "payload.object.registrant.status"))
    texts.take(way.marks)
    return texts


def _event_id(event: Event, kind: str, meeting: Mapping[str, Any], who: str) -> str:
    """Coming counts once for each time that a meeting is held, however often the connection broke; a registration by its instant."""
    number, held = (line(meeting.get(name), f"payload.object.{name}") for name in ("id", "uuid"))
    if event.event in _JOINS:
        return derive(SOURCE, kind, held or number or "", who)
    return derive(SOURCE, kind, number or held or "", who, line(event.event_ts, "event_ts") or "")
