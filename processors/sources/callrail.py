"""CallRail's webhooks: who called which tracking number, and filled-in forms; its older fields in a form, its newer in JSON."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from processors.attribution.roads import Channels, Road, shipped
from processors.email import read_email
from processors.profile.coding import code
from processors.sources import event_lists, families
from processors.sources.answers import Answer, read_answers
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.local_times import zoned
from processors.sources.phones import phone_id
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.signatures import keyed_proves
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "callrail"
PATHS: Final = ("/webhooks/callrail",)
family = families.by_kind
alone = event_lists.as_it_came
SIGNATURE: Final = "signature"
FIELDS_MAX: Final = 500

_OLDER: Final = {
    "datetime": "start_time", "callernum": "customer_phone_number", "callername": "customer_name", "callercountry": "customer_country",
    "trackingnum": "tracking_phone_number", "landingpage": "landing_page_url", "referrer": "referring_url", "referrermedium": "medium", "callsource": "source_name",
    "customer_number": "customer_phone_number",
}  # fmt: skip
"""Fields' older names. Where a request holds both, the newer one counts."""
_KEPT: Final = (
    "answered", "duration", "voicemail", "first_call", "call_type", "direction", "source_name", "source", "medium", "keywords", "tracking_phone_number",
    "landing_page_url", "referring_url", "lead_status", "tags", "value", "tracker_resource_id", "form_url",
)  # fmt: skip
_YES: Final = (True, "true", "True", "1", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRailSettings:
    """The companies' secret tokens, and the time zone of instants without one, where a request names none."""

    secrets: tuple[str, ...]
    identity_key: bytes
    time_zone: str = "UTC"
    channels: Channels = field(default_factory=shipped)


_body = msgspec.json.Decoder(dict[str, Any])


def adapt(signal: Signal, settings: CallRailSettings) -> Outcome:
    """Read one call or form, once its signature proves it."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(_read(signal.body), signal, settings), signal.body)


def _refusal(signal: Signal, settings: CallRailSettings) -> str | None:
    """What is wrong with the proof, or None. No instant is signed: a request sent again is a duplicate by its call's id."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "CallRail's secret token is not configured here: set LEADSTREAM_CALLRAIL_SECRETS"
    said = signal.headers.get(SIGNATURE)
    if not said:
        return "header Signature is needed"
    if not keyed_proves(signal.body, said, secrets=settings.secrets, hashed="sha1", encode=b64encode):
        return "header Signature does not match the body and the secret token configured here"
    return None


def _read(body: bytes) -> Mapping[str, Any]:
    """The fields, under their newer names, of a JSON object or a form. What stands in the query is not signed, and not read."""
    if body.lstrip()[:1] in (b"{", b"[") or b"=" not in body:
        said = decode_one(_body, body)
    else:
        try:
            said = dict(parse_qsl(body.decode(errors="replace"), max_num_fields=FIELDS_MAX))
        except ValueError:
            raise Unusable("body", "too_many_fields", f"body: holds more than {FIELDS_MAX} fields") from None
    renamed = {newer: said[older] for older, newer in _OLDER.items() if older in said and not said.get(newer)}
    return {name: value for name, value in said.items() if name not in _OLDER} | renamed


def _turn(said: Mapping[str, Any], signal: Signal, settings: CallRailSettings) -> Touchpoint | Ignored:
    form = section(said, "form_data")
    if said.get("direction") == "outbound":
        return Ignored(index=0, reason="outbound")
    if said.get("spam") in _YES or said.get("call_type") == "spam":
        return Ignored(index=0, reason="spam")
    if not form and "start_time" not in said and "duration" not in said:
        return Ignored(index=0, reason="no_call")  # a text message, say
    return _touchpoint(said, form, signal, settings)


def _touchpoint(said: Mapping[str, Any], form: Mapping[str, Any], signal: Signal, settings: CallRailSettings) -> Touchpoint:
    number = _identifier(said, "resource_id") or _identifier(said, "id")
    if number is None:
        raise Unusable("id", "no_id", "id: is missing; it tells a call from one told again")
    field = "submitted_at" if form else "start_time"
    at, readable = occurred_at(zoned(said.get(field), said.get("company_time_zone"), settings.time_zone), signal, field=field)
    answers = read_answers((Answer((name,), value) for name, value in form.items()), {}, "form_data", at=at)
    address = answers.email or said.get("customer_email")
    email = read_email(address, settings.identity_key) if isinstance(address, str) else None
    way = _road(said, settings.channels)
    texts = Texts("form_data" if form else "body")
    for name in _KEPT:
        texts.put(name, said.get(name))
    texts.take(way.marks)
    texts.take(answers.rest)
    if not readable:
        texts.entries[f"{field}_unreadable"] = field
    contact = answers.contact | _contact(said)
    return Touchpoint(
        event_id=derive(SOURCE, number),
        source=SOURCE,
        kind="form_submitted" if form else "phone_call",
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=_caller(said, contact, number, settings.identity_key),
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign or line(said.get("campaign"), "campaign"),
        properties=texts.result(),
        profile=code({"country": said.get("customer_country")}) | answers.profile,
        contact=contact if email is None else contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _identifier(said: Mapping[str, Any], field: str) -> str | None:
    value = said.get(field)
    return identifier(value, field) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _caller(said: Mapping[str, Any], contact: Mapping[str, str], call: str, key: bytes) -> str:
    """By the number, so that all calls from one telephone are one lead; else by CallRail's person; else by the call."""
    country = said.get("customer_country")
    by_number = phone_id(contact.get("phone"), country if isinstance(country, str) else None, key)
    person = _identifier(said, "person_resource_id") or _identifier(said, "person_id")
    return by_number or f"{SOURCE}.{person or call}"[:128]


def _contact(said: Mapping[str, Any]) -> dict[str, str]:
    places = {"name": "customer_name", "phone": "customer_phone_number"}
    return {name: text for name, field in places.items() if (text := line(said.get(field), field)) is not None}


def _road(said: Mapping[str, Any], channels: Channels) -> Road:
    """By parameters and click ids, else by the medium that CallRail names, else by landing page and referrer."""
    page, referrer = (text if isinstance(text := said.get(name), str) and "." in text else None for name in ("landing_page_url", "referring_url"))
    way = channels.road(said=said, url=page, referrer=referrer)
    if way.marks or not isinstance(said.get("medium"), str):
        return way
    return way._replace(channel=channels.road(said={"utm_medium": said.get("medium"), "utm_source": said.get("source_name")}).channel)
