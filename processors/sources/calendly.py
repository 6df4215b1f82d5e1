"""Calendly's webhooks: demos and meetings booked, moved, canceled and missed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from processors.attribution.roads import Channels, shipped
from processors.email import read_email
from processors.sources import event_lists, families
from processors.sources.answers import Answer, Answers, read_answers, read_meanings
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.timed_signatures import timed_refusal
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "calendly"
PATHS: Final = ("/webhooks/calendly",)
family = families.by_kind
alone = event_lists.as_it_came
SIGNATURE: Final = "calendly-webhook-signature"

_BOOKED: Final = "invitee.created"
_CANCELED: Final = "invitee.canceled"
_MISSED: Final = "invitee_no_show.created"
_FORM: Final = "routing_form_submission.created"
_KNOWN: Final = (_BOOKED, _CANCELED, _MISSED, _FORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendlySettings:
    """The signing keys of the subscriptions; the event types that are demos (none: all); what their questions ask for.

    `demo_names` are words of the event types' names, in any case; `meanings` are `question=attribute`.
    """

    secrets: tuple[str, ...]
    identity_key: bytes
    window_s: int = 300
    demo_names: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    channels: Channels = field(default_factory=shipped)


class _Event(msgspec.Struct, gc=False):
    event: str | None = None
    created_at: Any = None
    payload: dict[str, Any] | None = None


_event = msgspec.json.Decoder(_Event)


def adapt(signal: Signal, settings: CalendlySettings) -> Outcome:
    """Read one event, once its signature proves it."""
    refusal = timed_refusal(signal, SIGNATURE, secrets=settings.secrets, window_s=settings.window_s, setting="LEADSTREAM_CALENDLY_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(decode_one(_event, signal.body), signal, settings), signal.body)


def _turn(event: _Event, signal: Signal, settings: CalendlySettings) -> Touchpoint | Ignored:
    if not event.event:
        raise Unusable("event", "no_kind", "event: is missing; it says what happened, for example invitee.created")
    if event.event not in _KNOWN:
        return Ignored(index=0, reason="other_event")
    if event.payload is None:
        raise Unusable("payload", "no_object", "payload: is missing; it says who booked what")
    if event.event == _CANCELED and event.payload.get("rescheduled") is True:
        return Ignored(index=0, reason="rescheduled")  # the new invitee tells it
    return _touchpoint(event, event.event, event.payload, signal=signal, settings=settings)


def _touchpoint(event: _Event, what: str, invitee: Mapping[str, Any], *, signal: Signal, settings: CalendlySettings) -> Touchpoint:
    booked = what in (_BOOKED, _FORM)
    said_at = (invitee.get("created_at") or event.created_at) if booked else (event.created_at or invitee.get("updated_at"))
    at, readable = occurred_at(said_at, signal, field="payload.created_at" if booked else "created_at")
    answers = read_answers(_answers(invitee), read_meanings(settings.meanings), "payload.questions_and_answers", at=at)
    said = invitee.get("email") or answers.email
    email = read_email(said, settings.identity_key) if isinstance(said, str) else None
    referred = _uri_end(invitee.get("invitee")) if what == _MISSED else None
    if email is None and referred is None:
        raise Unusable("payload.email", "no_identity", "payload.email: must be the invitee's address")
    uri = identifier(referred or _uri_end(invitee.get("uri")), "payload.uri")
    if uri is None:
        raise Unusable("payload.uri", "no_id", "payload.uri: is missing; it tells a re-send from a new booking")
    tracking = section(invitee, "tracking")
    way = settings.channels.road(said=tracking)
    texts = _texts(invitee, answers, way.marks)
    if not readable:
        texts.entries["created_at_unreadable"] = "created_at"
    crm_said = tracking.get("salesforce_uuid")
    return Touchpoint(
        event_id=derive(SOURCE, what, uri),
        source=SOURCE,
        kind=_kind(what, invitee, settings),
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        # Who did not come may be told by the invitee's address of the API alone: the booking's joins it to the person.
        visitor_id=f"{SOURCE}.{uri}"[:128],
        crm_id=identifier(crm_said, "payload.tracking.salesforce_uuid") if isinstance(crm_said, str) else None,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=answers.profile,
        contact=answers.contact | _contact(invitee) | ({} if email is None else {"email": email.address}),
        import_id=signal.import_id,
    )


def _kind(what: str, invitee: Mapping[str, Any], settings: CalendlySettings) -> str:
    if what == _FORM:
        return "form_submitted"
    name = str(section(invitee, "scheduled_event").get("name") or "").casefold()
    demo = not settings.demo_names or any(word.casefold() in name for word in settings.demo_names)
    moved = "rescheduled" if invitee.get("old_invitee") else "booked"
    done = {_BOOKED: moved, _CANCELED: "canceled", _MISSED: "missed"}[what]
    return f"{'demo' if demo else 'meeting'}_{done}"


def _uri_end(said: object) -> str | None:
    """The last parts of an address of the API: what tells one invitee of one event from all others."""
    return "/".join(said.rstrip("/").rsplit("/", 3)[-3:]) if isinstance(said, str) else None


def _answers(invitee: Mapping[str, Any]) -> Iterator[Answer]:
    said = invitee.get("questions_and_answers")
    for each in said if isinstance(said, list) else ():
        found = section(each)
        yield Answer((found.get("question"), found.get("question_uuid")), found.get("answer"))


def _contact(invitee: Mapping[str, Any]) -> dict[str, str]:
    parts = (line(invitee.get(name), f"payload.{name}") for name in ("first_name", "last_name"))
    said = {"name": invitee.get("name") or " ".join(filter(None, parts)), "phone": invitee.get("text_reminder_number")}
    return {name: text for name, value in said.items() if (text := line(value, f"payload.{name}")) is not None}


def _texts(invitee: Mapping[str, Any], answers: Answers, marks: Mapping[str, str]) -> Texts:
    texts = Texts("payload")
    meeting, cancellation = section(invitee, "scheduled_event"), section(invitee, "cancellation")
    for name, value in (
        ("event_name", meeting.get("name")),
        ("start_time", meeting.get("start_time")),
        ("location", section(meeting, "location").get("type")),
        ("timezone", invitee.get("timezone")),
        ("canceler", cancellation.get("canceler_type")),
        ("reason", cancellation.get("reason")),
        ("amount", section(invitee, "payment").get("amount")),
        ("currency", section(invitee, "payment").get("currency")),
    ):
        texts.put(name, line(value, f"payload.{name}", 1024))
    texts.take(marks)
    texts.take(answers.rest)
    return texts
