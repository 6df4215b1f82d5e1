"""Any sender of Standard Webhooks, `{"type", "timestamp", "data"}`: products that have no adapter of their own.

What a sender's types mean, settings say; a type that nobody named becomes `custom_` and its snake case. Who it was is
looked for where such senders put it: in `data`, or in the one object within it that is a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from processors.attribution import channels
from processors.attribution.roads import Channels, Road, shipped
from processors.email import read_email
from processors.profile.coding import code
from processors.sources import event_lists, event_names, families
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.events import KIND_CHARS_MAX
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one
from processors.sources.person import form_fields, read_person
from processors.sources.signal import Outcome, Signal, Unauthorised, Unusable
from processors.sources.standard_signatures import message_id, standard_refusal
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "standard_webhooks"
PATHS: Final = ("/webhooks/standard",)
family = families.by_kind
alone = event_lists.as_it_came

_PEOPLE: Final = ("user", "customer", "contact", "person", "lead", "member", "attributes", "object")
_VISITOR_IDS: Final = ("visitor_id", "anonymous_id", "anonymousId")
_KNOWN: Final = kinds.KNOWN - kinds.NEEDS_A_SIGNATURE
"""A verdict moves a lead's stage: it comes by the door of the CRM, whose secret only the CRM has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardSettings:
    """The signing secrets (`whsec_...`), what types mean (`user.created=signed_up`), and fields that hold the CRM's id."""

    secrets: tuple[str, ...]
    identity_key: bytes
    window_s: int = 300
    kinds: tuple[str, ...] = ()
    crm_id_fields: tuple[str, ...] = ("crm_id", "user_id")
    channels: Channels = field(default_factory=shipped)


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    timestamp: Any = None
    created_at: Any = None
    data: dict[str, Any] | None = None


_event = msgspec.json.Decoder(_Event)


def adapt(signal: Signal, settings: StandardSettings) -> Outcome:
    """Read one event, once its signature proves it."""
    refusal = standard_refusal(signal, settings.secrets, window_s=settings.window_s, setting="LEADSTREAM_STANDARD_WEBHOOKS_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _touchpoint(decode_one(_event, signal.body), signal, settings), signal.body)


def _touchpoint(event: _Event, signal: Signal, settings: StandardSettings) -> Touchpoint:
    kind = _kind(event.type, settings)
    data = event.data or {}
    at_field = "timestamp" if event.timestamp is not None else "created_at"
    at, readable = occurred_at(getattr(event, at_field), signal, field=at_field)
    person = read_person(data, "data")
    within = [read_person(each, "data") for each in _people(data)]
    said = next((each for each in (person.email, *(one.email for one in within), *_addresses(data)) if isinstance(each, str) and each), None)
    email = None if said is None else read_email(said, settings.identity_key)
    if said is not None and email is None:
        raise Unusable("data.email", "no_address", "data.email: is no email address")
    visitor_id = identifier(_first(data, _VISITOR_IDS), "data.visitor_id")
    crm_id = identifier(_first(data, settings.crm_id_fields), "data.crm_id")
    if visitor_id is None and crm_id is None and email is None:
        raise Unusable("data", "no_identity", "data: must hold an email, a visitor_id, or the person's id in the CRM")
    texts = Texts("data")
    texts.take({name: value for name, value in person.rest.items() if name not in _PEOPLE and name != "email_addresses"})
    if not readable:
        texts.entries["timestamp_unreadable"] = at_field
    way = _road(kind, data, texts.entries, settings.channels)
    contact = {name: text for one in (*reversed(within), person) for name, text in one.contact.items()}
    return Touchpoint(
        event_id=_event_id(event, signal, kind),
        source=SOURCE,
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
        profile=code(form_fields(data), at=at),
        contact=contact if email is None else contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _kind(said: str | None, settings: StandardSettings) -> str:
    if not said or not event_names.snake_case(said):
        raise Unusable("type", "no_kind", "type: is missing; it says what happened, for example user.created")
    for entry in settings.kinds:
        name, _, kind = entry.rpartition("=")
        if name == said:
            return kind
    kind = event_names.kind_of(said)
    return kind if kind in _KNOWN else (kinds.CUSTOM_PREFIX + kind)[:KIND_CHARS_MAX].rstrip("_")


def _people(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects within *data* that may be the person it is about."""
    for name in _PEOPLE:
        if isinstance(found := data.get(name), Mapping):
            yield found


def _addresses(data: Mapping[str, Any]) -> Iterator[object]:
    """Addresses in a list of objects, as identity services have them; the first is the one that counts."""
    said = data.get("email_addresses")
    for each in said if isinstance(said, list) else ():
        yield each.get("email_address", each.get("email")) if isinstance(each, Mapping) else each


def _first(data: Mapping[str, Any], names: tuple[str, ...]) -> str | int | None:
    for place in (data, *_people(data)):
        for name in names:
            if isinstance(found := place.get(name), str | int) and not isinstance(found, bool):
                return found
    return None


def _road(kind: str, data: Mapping[str, Any], entries: dict[str, str], table: Channels) -> Road:
    campaign = line(data.get("campaign"), "data.campaign")
    if kind in kinds.WEB:
        way = table.road(url=entries.get("url"), referrer=entries.get("referrer"))
        return Road(way.channel, campaign or way.campaign, way.marks)
    return Road(channels.EMAIL if kind in kinds.EMAIL else channels.CRM, campaign, {})


def _event_id(event: _Event, signal: Signal, kind: str) -> str:
    """By the message's id, which is the same however often it is sent; without headers by what it says."""
    own = message_id(signal)
    if own is not None:
        return derive(SOURCE, own)
    content = msgspec.json.encode([event.timestamp, event.created_at, event.data], order="deterministic").decode()
    return derive(f"{SOURCE}.composed", kind, content)
