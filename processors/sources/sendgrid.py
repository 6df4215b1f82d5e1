"""SendGrid's event webhook: what became of each email, signed with ECDSA."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.attribution.channels import EMAIL
from processors.email import read_email
from processors.sources import event_lists, families
from processors.sources.batches import adapt_each, too_many
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode, decode_each, take_apart
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.signatures import ecdsa_key, ecdsa_proves, within
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "sendgrid"
PATHS: Final = ("/webhooks/sendgrid",)
family = families.email
alone = event_lists.alone_in_list
SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"

_KINDS: Final = {
    "processed": "email_sent", "delivered": "email_delivered", "deferred": "email_deferred", "bounce": "email_bounced",
    "dropped": "email_dropped", "open": "email_opened", "click": "email_clicked", "unsubscribe": "email_unsubscribed",
    "group_unsubscribe": "email_unsubscribed", "group_resubscribe": "email_resubscribed", "spamreport": "email_complained",
}  # fmt: skip
_ABOUT_NOBODY: Final = ("account_status_change",)
_KEPT: Final = ("url", "reason", "status", "type", "bounce_classification", "attempt", "useragent", "asm_group_id", "sg_message_id")
_OWN: Final = frozenset({
    "email", "timestamp", "event", "category", "sg_event_id", "sg_machine_open", "smtp-id", "ip", "tls", "cert_err", "response",
    "pool", "url_offset", "send_at", "newsletter", "sg_content_type", "sg_template_id", "sg_template_name", "domain", "from",
})  # fmt: skip
"""Fields of SendGrid's own; every other field is one of the sender's custom arguments, flattened into the event."""
_CAMPAIGN: Final = ("marketing_campaign_name", "singlesend_name", "utm_campaign")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGridSettings:
    """The public key of the console, and the custom arguments that hold a campaign and the id of a person in the CRM.

    The window is wide: SendGrid re-sends for more than a day, and a replayed event is a duplicate by its id.
    """

    public_key: str
    identity_key: bytes
    window_s: int = 30 * 3600
    campaign_arguments: tuple[str, ...] = ("campaign", "campaign_name")
    crm_id_arguments: tuple[str, ...] = ("crm_id", "user_id")
    events_max: int = 5_000


_events = msgspec.json.Decoder(list[dict[str, Any]])
_event = msgspec.json.Decoder(dict[str, Any])


def adapt(signal: Signal, settings: SendGridSettings) -> Outcome:
    """Read an array of events, once its signature proves it."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        events = _read(signal.body)
    except Unusable as problem:
        return whole_body(signal, problem)
    if len(events) > settings.events_max:
        return whole_body(signal, too_many(len(events), "body", settings.events_max))
    return adapt_each(
        events,
        lambda event, index: _turn(event, index, signal=signal, settings=settings),
        lambda: take_apart(signal.body, None).elements,
    )


def _refusal(signal: Signal, settings: SendGridSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    key = ecdsa_key(settings.public_key) if settings.public_key else None
    if key is None:
        return "SendGrid's public key is not configured here: set LEADSTREAM_SENDGRID_PUBLIC_KEY"
    signature, timestamp = signal.headers.get(SIGNATURE), signal.headers.get(TIMESTAMP)
    if not signature or not timestamp:
        return f"headers {SIGNATURE} and {TIMESTAMP} are needed: switch on the signed event webhook"
    if not ecdsa_proves(timestamp.encode(errors="surrogateescape") + signal.body, signature, key=key):
        return "the signature does not match the body and the public key configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, settings.window_s):
        return f"header {TIMESTAMP} lies further than {settings.window_s} s from now"
    return None


def _read(body: bytes) -> list[dict[str, Any]] | list[dict[str, Any] | Unusable]:
    try:
        return decode(_events, body)
    except (msgspec.ValidationError, RecursionError):
        each = decode_each(_event, take_apart(body, None))
        return list(each)


def _turn(event: Mapping[str, Any], index: int, *, signal: Signal, settings: SendGridSettings) -> Touchpoint | Ignored:
    if event.get("event") in _ABOUT_NOBODY:
        return Ignored(index=index, reason="no_recipient")
    return _touchpoint(event, signal, settings)


def _touchpoint(event: Mapping[str, Any], signal: Signal, settings: SendGridSettings) -> Touchpoint:
    kind = _kind(event)
    said = event.get("email")
    email = read_email(said, settings.identity_key) if isinstance(said, str) else None
    if email is None:
        raise Unusable("email", "no_identity", "email: must be the recipient's address")
    at, readable = occurred_at(event.get("timestamp"), signal, field="timestamp")
    texts = _texts(event)
    if not readable:
        texts.entries["timestamp_unreadable"] = "timestamp"
    crm_said = next((event[name] for name in settings.crm_id_arguments if isinstance(event.get(name), str | int)), None)
    return Touchpoint(
        event_id=_event_id(event, email.hash),
        source=SOURCE,
        kind=kind,
        channel=EMAIL,
        occurred_at=at,
        received_at=signal.received(at),
        crm_id=identifier(crm_said, "crm_id"),
        email_hash=email.hash,
        email_domain=email.domain,
        campaign=_campaign(event, settings),
        properties=texts.result(),
        contact={"email": email.address},
        import_id=signal.import_id,
    )


def _kind(event: Mapping[str, Any]) -> str:
    said = event.get("event")
    kind = _KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        raise Unusable("event", "unknown_kind", f"event: must be one of {', '.join((*_KINDS, *_ABOUT_NOBODY))}")
    if kind == "email_opened" and event.get("sg_machine_open") in (True, "true", "True"):
        return "email_machine_opened"
    return kind


def _texts(event: Mapping[str, Any]) -> Texts:
    texts = Texts("event")
    for name in _KEPT:
        value = event.get(name)
        texts.put(name, value.strip() if isinstance(value, str) else value)
    texts.put("category", event.get("category"))
    texts.take({name: value for name, value in event.items() if name not in _OWN and name not in texts.entries})
    return texts


def _campaign(event: Mapping[str, Any], settings: SendGridSettings) -> str | None:
    """The campaign a custom argument names, else the marketing campaign's name, else the (first) category."""
    for name in (*settings.campaign_arguments, *_CAMPAIGN):
        if (found := line(event.get(name), name)) is not None:
            return found
    category = event.get("category")
    return line(category[0] if isinstance(category, list) and category else category, "category")


def _event_id(event: Mapping[str, Any], email_hash: str) -> str:
    """By SendGrid's own id, made for this; old events without one by what they say."""
    own = event.get("sg_event_id")
    if isinstance(own, str) and own:
        return derive(SOURCE, own)
    parts = (event.get(name) for name in ("sg_message_id", "event", "timestamp", "url"))
    return derive(f"{SOURCE}.composed", email_hash, *(str(part) for part in parts))
