"""Resend's webhooks: what became of each email, signed as Standard Webhooks are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.sources import event_lists, families
from processors.sources.email_events import EmailEvent, EmailSettings, kind_of, touchpoint_of
from processors.sources.json_bodies import decode_one, section
from processors.sources.recipients import adapt_recipients
from processors.sources.signal import Adapted, Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.standard_signatures import message_id, standard_refusal

SOURCE: Final = "resend"
PATHS: Final = ("/webhooks/resend",)
family = families.email
alone = event_lists.as_it_came

_KINDS: Final = {
    "email.sent": "email_sent", "email.delivered": "email_delivered", "email.delivery_delayed": "email_deferred",
    "email.bounced": "email_bounced", "email.failed": "email_dropped", "email.suppressed": "email_dropped",
    "email.complained": "email_complained", "email.opened": "email_opened", "email.clicked": "email_clicked",
}  # fmt: skip
_IGNORED: Final = {"email.scheduled": "not_sent_yet", "email.received": "inbound"}
_NO_EMAIL: Final = ("contact.", "domain.", "suppression.")
_OF_EACH: Final = ("email_sent", "email_dropped")
"""What is true of every recipient of a message. Of the rest Resend does not say whom it means."""
_SUPPRESSED: Final = "suppressed"
_KEPT: Final = ("subject", "broadcast_id", "template_id")

_body = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendSettings(EmailSettings):
    """The signing secrets (`whsec_...`), and how far the signed timestamp may be from now."""

    window_s: int = 300


def adapt(signal: Signal, settings: ResendSettings) -> Outcome:
    """Read one event, once its signature proves it."""
    refusal = standard_refusal(signal, settings.secrets, window_s=settings.window_s, setting="LEADSTREAM_RESEND_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        event = decode_one(_body, signal.body)
        said = event.get("type")
        if (ignored := _ignored(said)) is not None:
            return Adapted(ignored=(Ignored(index=0, reason=ignored),))
        kind = _kind(event, said)
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, signal.body),))
    data = section(event, "data")
    return adapt_recipients(
        data.get("to"),
        lambda recipient: touchpoint_of(_event(event, data, kind, recipient, signal), signal, settings, source=SOURCE),
        field="data.to",
        of_each=kind in _OF_EACH,
        signal=signal,
        events_max=settings.events_max,
    )


def _ignored(said: object) -> str | None:
    if not isinstance(said, str):
        return None
    return "no_email_event" if said.startswith(_NO_EMAIL) else _IGNORED.get(said)


def _kind(event: Mapping[str, Any], said: object) -> str:
    kind = kind_of(said, _KINDS, "type")
    bounce = section(event, "data", "bounce")
    if kind == "email_bounced" and str(bounce.get("subType", "")).lower() == _SUPPRESSED:
        return "email_dropped"  # it was not sent at all
    return kind


def _event(event: Mapping[str, Any], data: Mapping[str, Any], kind: str, recipient: object, signal: Signal) -> EmailEvent:
    done = section(data, "click") or section(data, "open")
    message, at, url = data.get("email_id"), done.get("timestamp", event.get("created_at")), done.get("link")
    reason = section(data, "bounce").get("message", section(data, "failed").get("reason", section(data, "suppressed").get("message")))
    return EmailEvent(
        kind=kind,
        address=recipient,
        address_field="data.to",
        at=at,
        at_field="created_at",
        same=(message, event.get("type"), at, url) if message and at else (message_id(signal), message, event.get("type"), url),
        told={
            "message_id": message,
            "url": url,
            "user_agent": done.get("userAgent"),
            "reason": reason,
            **{name: data.get(name) for name in _KEPT},
        },
        own=_tags(data.get("tags")),
        own_field="data.tags",
    )


def _tags(said: object) -> Mapping[str, object]:
    """Tags as an object, or as a list of names and values."""
    if isinstance(said, Mapping):
        return said
    if not isinstance(said, list):
        return {}
    return {name: each.get("value") for each in said if isinstance(each, Mapping) and isinstance(name := each.get("name"), str)}
