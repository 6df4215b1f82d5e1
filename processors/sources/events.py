"""Signed JSON for everything else: CRM events (deals, calls, meetings, verdicts), and imports of history.

Signed as Standard Webhooks are, so libraries for signing exist in every language.
"""

import difflib
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, get_args

import msgspec

from processors.attribution import channels
from processors.attribution.roads import Channels, Road, shipped
from processors.email import Email, read_email
from processors.model.scoring_model import VerdictName
from processors.profile.coding import code
from processors.sources import families
from processors.sources.batches import adapt_each, too_many
from processors.sources.bounds import Texts, clean, identifier, line
from processors.sources.event_names import snake_case
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import BOM, decode, decode_each, decode_one, take_apart
from processors.sources.signal import Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.signatures import standard_key, standard_proves, within
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "events"
PATHS: Final = ("/v1/events",)
family = families.by_kind
ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
KIND_CHARS_MAX: Final = 64

Id: TypeAlias = str | int | None
Values: TypeAlias = dict[str, Any] | None

_CONTACT: Final = ("name", "phone", "company")
_VERDICTS: Final = get_args(VerdictName)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSettings:
    """The shared secret (`whsec_...`), and how far its signed timestamp may be from now."""

    secret: str
    identity_key: bytes
    window_s: int = 300
    events_max: int = 5_000
    channels: Channels = field(default_factory=shipped)


class Event(msgspec.Struct, gc=False):
    """One event. `source` names the system it comes from, where several send through this door."""

    id: Id = None
    kind: str | None = None
    at: Any = None
    visitor_id: Id = None
    crm_id: Id = None
    email: str | None = None
    channel: str | None = None
    campaign: str | int | None = None
    source: str | None = None
    properties: Values = None
    profile: Values = None
    contact: Values = None


class Body(Event, gc=False):
    """Many events, or else a single one."""

    events: list[Event] | None = None


_event = msgspec.json.Decoder(Event)
_body = msgspec.json.Decoder(Body)


def alone(_path: str, event: bytes) -> bytes:
    """The body that holds nothing but *event*, which may have been a body itself."""
    return b'{"events":[%b]}' % event.removeprefix(BOM)


def adapt(signal: Signal, settings: EventsSettings) -> Outcome:
    """Read one event, or `{"events": [...]}`, once the signature proves it."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        events, many = _read(signal.body)
    except Unusable as problem:
        return whole_body(signal, problem)
    if len(events) > settings.events_max:
        return whole_body(signal, too_many(len(events), "events", settings.events_max))
    return adapt_each(
        events,
        lambda event, _index: touchpoint_of(event, signal, settings),
        lambda: take_apart(signal.body, "events").elements if many else [signal.body],
    )


def _refusal(signal: Signal, settings: EventsSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    key = standard_key(settings.secret) if settings.secret else None
    if key is None:
        return "the secret of this door is not configured here: set LEADSTREAM_EVENTS_SECRET"
    message_id, timestamp, signatures = (signal.headers.get(name) for name in (ID, TIMESTAMP, SIGNATURE))
    if not message_id or not timestamp or not signatures:
        return f"headers {ID}, {TIMESTAMP} and {SIGNATURE} are needed, as Standard Webhooks have them"
    if not standard_proves(signal.body, signatures, message_id=message_id, timestamp=timestamp, key=key):
        return f"header {SIGNATURE} does not match the body and the secret configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, settings.window_s):
        return f"header {TIMESTAMP} lies further than {settings.window_s} s from now; set the sender's clock"
    return None


def _read(body: bytes) -> tuple[list[Event | Unusable], bool]:
    """The events of *body*, and whether it holds a list of them."""
    try:
        found = decode(_body, body)
    except (msgspec.ValidationError, RecursionError):
        try:
            parts = take_apart(body, "events")
        except Unusable:
            decode_one(_body, body)
            raise
        each = decode_each(_event, parts)
        return list(each), True
    return ([found], False) if found.events is None else (list(found.events), True)


def touchpoint_of(event: Event, signal: Signal, settings: EventsSettings) -> Touchpoint:
    """Turn *event* into a touchpoint. Raises Unusable, naming the field."""
    kind = _kind(event)
    email = _email(event, settings.identity_key)
    visitor_id, crm_id = identifier(event.visitor_id, "visitor_id"), identifier(event.crm_id, "crm_id")
    if visitor_id is None and crm_id is None and email is None:
        raise Unusable("visitor_id", "no_identity", "visitor_id, crm_id, email: one of them must say who it was")
    at, readable = occurred_at(event.at, signal, field="at")
    texts = Texts("properties")
    texts.take(event.properties or {})
    if kind == kinds.SALES_VERDICT and texts.entries.get("verdict") not in _VERDICTS:
        raise Unusable("properties.verdict", "unknown_verdict", f"properties.verdict: must be one of {', '.join(_VERDICTS)}")
    if not readable:
        texts.entries["at_unreadable"] = "at"
    way = _road(event, kind, texts.entries, settings.channels)
    return Touchpoint(
        event_id=_event_id(event, kind, visitor_id or crm_id or (email.hash if email is not None else "")),
        source=_name(event.source, "source") or SOURCE,
        kind=kind,
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=visitor_id,
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=code(event.profile, at=at) if event.profile else {},
        contact=_contact(event, email),
        import_id=signal.import_id,
    )


def _kind(event: Event) -> str:
    kind = event.kind
    if not kind:
        raise Unusable("kind", "no_kind", "kind: is missing; it says what was done, for example deal_won")
    if kind in kinds.KNOWN:
        return kind
    if kind.startswith(kinds.CUSTOM_PREFIX) and len(kind) <= KIND_CHARS_MAX and snake_case(kind) == kind:
        return kind
    near = difflib.get_close_matches(snake_case(kind), kinds.KNOWN, n=1)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(kinds.KNOWN))};"
    raise Unusable("kind", "unknown_kind", f"kind: is not known; {meant} Kinds of your own are {kinds.CUSTOM_PREFIX} and snake case")


def _email(event: Event, key: bytes) -> Email | None:
    said = event.email if event.email is not None else (event.contact or {}).get("email")
    if not said:
        return None
    email = read_email(said, key) if isinstance(said, str) else None
    if email is None:
        raise Unusable("email", "no_address", "email: is no email address")
    return email


def _road(event: Event, kind: str, entries: dict[str, str], table: Channels) -> Road:
    """The sender's word on channel and campaign comes first; for web kinds, their page and referrer speak too."""
    channel, campaign = _name(event.channel, "channel"), line(event.campaign, "campaign")
    if kind in kinds.WEB:
        way = table.road(url=entries.get("url"), referrer=entries.get("referrer"))
        return Road(channel or way.channel, campaign or way.campaign, way.marks)
    if kind in kinds.EMAIL:
        return Road(channel or channels.EMAIL, campaign, {})
    return Road(channel or (channels.PAID_SEARCH if kind in kinds.ADS else channels.CRM), campaign, {})


def _name(said: str | None, field: str) -> str | None:
    """A name that people chose, such as a channel's: its spaces and capitals evened out."""
    return None if not said else clean(line(said, field, KIND_CHARS_MAX) or "").lower().replace(" ", "_") or None


def _contact(event: Event, email: Email | None) -> dict[str, str]:
    said = event.contact or {}
    contact = {name: text for name in _CONTACT if (text := line(said.get(name), f"contact.{name}")) is not None}
    return contact if email is None else contact | {"email": email.address}


def _event_id(event: Event, kind: str, who: str) -> str:
    """By the sender's id, unique within its `source`; without one by who did what when."""
    source = event.source or ""
    if event.id is not None and event.id != "":
        return derive(SOURCE, source, str(event.id))
    if event.at is None:
        raise Unusable("id", "no_id", "id: is missing, and so is at; one of them must tell a re-send from a new event")
    content = msgspec.json.encode([event.at, event.properties], order="deterministic").decode()
    return derive(f"{SOURCE}.composed", source, kind, who, content)
