"""Mandrill (Mailchimp Transactional): what became of each email, as JSON within a form field, signed with HMAC-SHA1.

The signature is over the address that Mandrill was told, letter by letter, and the form's fields. Behind a proxy that
address cannot be seen from here, so it comes from the settings.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from processors.sources import families, form_bodies
from processors.sources.batches import adapt_each, too_many
from processors.sources.email_events import EmailEvent, EmailSettings, first_of, kind_of, own_fields, touchpoint_of
from processors.sources.event_lists import alone_in_list, read_list
from processors.sources.json_bodies import section, take_apart
from processors.sources.signal import Answered, Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.signatures import keyed_proves
from schemas.touchpoint import Touchpoint

SOURCE: Final = "mandrill"
PATHS: Final = ("/webhooks/mandrill",)
family = families.email
ASKS: Final = ("HEAD",)
SIGNATURE: Final = "x-mandrill-signature"
EVENTS: Final = "mandrill_events"

_KINDS: Final = {
    "send": "email_sent", "delivered": "email_delivered", "deferral": "email_deferred", "hard_bounce": "email_bounced",
    "soft_bounce": "email_bounced", "reject": "email_dropped", "open": "email_opened", "click": "email_clicked",
    "unsub": "email_unsubscribed", "spam": "email_complained",
}  # fmt: skip
_IGNORED: Final = {
    "blacklist": "no_email_event", "whitelist": "no_email_event", "denylist": "no_email_event", "allowlist": "no_email_event",
    "inbound": "inbound",
}  # fmt: skip
_KEPT: Final = ("subject", "template", "state", "bounce_description", "subaccount", "tags", "sender")


@dataclass(frozen=True, slots=True, kw_only=True)
class MandrillSettings(EmailSettings):
    """The webhook keys of the console are the secrets; `addresses` are the Post to URLs, exactly as they stand there."""

    addresses: tuple[str, ...]


def alone(path: str, event: bytes) -> bytes:
    """The body that holds nothing but *event*."""
    return f"{EVENTS}={quote_from_bytes(alone_in_list(path, event), safe='')}".encode()


def adapt(signal: Signal, settings: MandrillSettings) -> Outcome:
    """Read the events of a form, once its signature proves it.

    Before Mandrill shows the webhook's key, it asks with HEAD whether the address exists: that says nothing and is let in.
    """
    if signal.method == "HEAD":
        return Answered(body=b"")
    try:
        form = form_bodies.fields(signal.body)
    except Unusable as problem:
        return Unauthorised(detail=problem.detail)
    refusal = _refusal(signal, form, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    said = dict(form).get(EVENTS.encode())
    if said is None:
        return whole_body(signal, Unusable(EVENTS, "missing", f"{EVENTS}: the form has no such field"))
    try:
        events = read_list(said)
    except Unusable as problem:
        return whole_body(signal, problem)
    if len(events) > settings.events_max:
        return whole_body(signal, too_many(len(events), EVENTS, settings.events_max))
    return adapt_each(
        events,
        lambda event, index: _turn(event, index, signal=signal, settings=settings),
        lambda: take_apart(said, None).elements,
    )


def _refusal(signal: Signal, form: list[tuple[bytes, bytes]], settings: MandrillSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    if not settings.secrets or not settings.addresses:
        return "set LEADSTREAM_MANDRILL_KEYS and LEADSTREAM_MANDRILL_ADDRESSES: the webhook's key and its Post to URL, as the console shows them"
    signature = signal.headers.get(SIGNATURE)
    if not signature:
        return f"header {SIGNATURE} is needed"
    signed = b"".join(name + value for name, value in sorted(dict(form).items()))
    addresses = (address.encode(errors="surrogateescape") for address in settings.addresses)
    if not any([_proves(address + signed, signature, settings) for address in addresses]):  # noqa: C419 - all are tried, in equal time
        return "the signature matches none of the keys and addresses configured here: LEADSTREAM_MANDRILL_ADDRESSES must be letter by letter as in the console"
    return None


def _proves(message: bytes, signature: str, settings: MandrillSettings) -> bool:
    return keyed_proves(message, signature, secrets=settings.secrets, hashed="sha1", encode=base64.b64encode)


def _turn(event: Mapping[str, Any], index: int, *, signal: Signal, settings: MandrillSettings) -> Touchpoint | Ignored:
    said = event.get("event", event.get("type"))
    if isinstance(said, str) and (ignored := _IGNORED.get(said)) is not None:
        return Ignored(index=index, reason=ignored)
    return touchpoint_of(_event(event, kind_of(said, _KINDS, "event")), signal, settings, source=SOURCE)


def _event(event: Mapping[str, Any], kind: str) -> EmailEvent:
    message, url = section(event, "msg"), event.get("url")
    message_id = message.get("_id") or event.get("_id")
    return EmailEvent(
        kind=kind,
        address=message.get("email"),
        address_field="msg.email",
        at=event.get("ts"),
        at_field="ts",
        same=(message_id, kind, event.get("ts"), url),  # `_id` is the message's, and the same for all of its events
        told={
            "message_id": message_id,
            "url": url,
            "user_agent": event.get("user_agent"),
            "reason": message.get("diag"),
            **{name: message.get(name) for name in _KEPT},
        },
        own=own_fields(message.get("metadata"), "metadata"),
        own_field="msg.metadata",
        campaigns=(first_of(message.get("tags")), message.get("template")),
    )
