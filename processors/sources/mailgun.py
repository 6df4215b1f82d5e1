"""Mailgun's webhooks, JSON and the older forms: what became of each email, signed with HMAC-SHA256 within the body.

The signature is over a time and a token and not over the event; `tokens` says what that needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from processors.sources import event_lists, families, form_bodies, mailgun_forms, multipart_bodies
from processors.sources.batches import adapt_one
from processors.sources.email_events import EmailEvent, EmailSettings, first_of, kind_of, own_fields, touchpoint_of
from processors.sources.json_bodies import BOM, decode_one, section
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.signatures import keyed_proves, within
from processors.sources.tokens import Tokens
from schemas.touchpoint import Touchpoint

SOURCE: Final = "mailgun"
PATHS: Final = ("/webhooks/mailgun",)
family = families.email
alone = event_lists.as_it_came
STOP: Final = 406
"""What Mailgun takes for: received, of no use, do not send it again."""

_KINDS: Final = {
    "accepted": "email_sent", "delivered": "email_delivered", "failed": "email_bounced", "bounced": "email_bounced", "dropped": "email_dropped",
    "rejected": "email_dropped", "opened": "email_opened", "clicked": "email_clicked", "unsubscribed": "email_unsubscribed",
    "complained": "email_complained",
}  # fmt: skip
_IGNORED: Final = {
    "stored": "inbound", "list_member_uploaded": "no_email_event", "list_member_upload_error": "no_email_event", "list_uploaded": "no_email_event",
    "email_validation": "no_email_event",
}  # fmt: skip
_SUPPRESSED: Final = "suppress-"
_NO_BOT: Final = frozenset({"", "none", "unknown", "false"})
_KEPT: Final = ("severity", "log-level", "method")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailgunSettings(EmailSettings):
    """The webhook signing keys, how old a signed time may be (Mailgun sends again for eight hours), and the tokens of late."""

    window_s: int = 9 * 3600
    tokens: Tokens = field(default_factory=Tokens, compare=False, repr=False)


class Proof(NamedTuple):
    """The signature within a body, as it was sent."""

    timestamp: object
    token: object
    signature: object


class _Body(msgspec.Struct, rename={"event_data": "event-data"}, gc=False):
    event_data: dict[str, Any] | None = None
    signature: dict[str, Any] | None = None


_body = msgspec.json.Decoder(_Body)


def adapt(signal: Signal, settings: MailgunSettings) -> Outcome:
    """Read one event, once its signature proves that Mailgun sent it."""
    try:
        event, proof = _read(signal)
    except Unusable as problem:
        return whole_body(signal, problem) if signal.proved else Unauthorised(detail=problem.detail)
    refusal = _refusal(event, proof, signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(event, signal, settings), signal.body)


def _read(signal: Signal) -> tuple[dict[str, Any], Proof]:
    """The event and its proof. Raises Unusable for what is neither JSON nor a form."""
    content_type = signal.headers.get("content-type", "")
    if content_type.strip().lower().startswith(multipart_bodies.MULTIPART):
        return _of_form(multipart_bodies.fields(signal.body, content_type))
    if signal.body.removeprefix(BOM).lstrip()[:1] != b"{" and b"=" in signal.body:
        return _of_form(form_bodies.fields(signal.body))
    body = decode_one(_body, signal.body)
    said = body.signature or {}
    return body.event_data or {}, Proof(said.get("timestamp"), said.get("token"), said.get("signature"))


def _of_form(fields: list[tuple[bytes, bytes]]) -> tuple[dict[str, Any], Proof]:
    event, proof = mailgun_forms.read(fields)
    return event, Proof(*proof)


def _refusal(event: Mapping[str, Any], proof: Proof, signal: Signal, settings: MailgunSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "Mailgun's webhook signing key is not configured here: set LEADSTREAM_MAILGUN_KEYS"
    timestamp, token, signature = proof
    if isinstance(timestamp, int) and not isinstance(timestamp, bool):
        timestamp = str(timestamp)
    if not isinstance(timestamp, str) or not isinstance(token, str) or not isinstance(signature, str) or not timestamp or not token:
        return "the body holds no signature with timestamp, token and signature"
    if not keyed_proves((timestamp + token).encode(errors="surrogateescape"), signature, secrets=settings.secrets):
        return "the signature does not match its timestamp and token and the key configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, settings.window_s):
        return f"the signature's timestamp lies further than {settings.window_s} s from now"
    if not settings.tokens.stands_for(token, blake2b(msgspec.json.encode(event, order="deterministic"), digest_size=16).digest()):
        return "the signature's token has stood for another event before"
    return None


def _turn(event: dict[str, Any], signal: Signal, settings: MailgunSettings) -> Touchpoint | Ignored:
    said = event.get("event")
    if isinstance(said, str) and (ignored := _IGNORED.get(said)) is not None:
        return Ignored(index=0, reason=ignored)
    return touchpoint_of(_event(event, _kind(event, said)), signal, settings, source=SOURCE)


def _kind(event: Mapping[str, Any], said: object) -> str:
    kind = kind_of(said, _KINDS, "event")
    if said == "clicked" and _bot(event):
        return "email_machine_clicked"
    if said != "failed":
        return kind
    if event.get("severity") == "temporary":
        return "email_deferred"  # Mailgun tries again by itself
    reason = event.get("reason")
    return "email_dropped" if isinstance(reason, str) and reason.startswith(_SUPPRESSED) else kind


def _event(event: Mapping[str, Any], kind: str) -> EmailEvent:
    headers, client, status = section(event, "message", "headers"), section(event, "client-info"), section(event, "delivery-status")
    message, url, own = headers.get("message-id"), event.get("url"), event.get("id")
    return EmailEvent(
        kind=kind,
        address=event.get("recipient") or headers.get("to"),
        address_field="recipient",
        at=event.get("timestamp"),
        at_field="timestamp",
        same=(own,) if own else (message, event.get("event"), event.get("timestamp"), url),
        told={
            "message_id": message,
            "url": url,
            "user_agent": client.get("user-agent"),
            "reason": status.get("description") or status.get("message") or section(event, "reject").get("reason") or event.get("reason"),
            "status": status.get("code"),
            "subject": headers.get("subject"),
            "bot": client.get("bot") or None,
            "device_type": client.get("device-type"),
            "tags": event.get("tags"),
            **{name: event.get(name) for name in _KEPT},
        },
        own=own_fields(event.get("user-variables"), "user_variables"),
        own_field="user-variables",
        campaigns=(_campaign(event.get("campaigns")), first_of(event.get("tags"))),
        by_machine=_bot(event),
    )


def _bot(event: Mapping[str, Any]) -> bool:
    """Whether Mailgun says that a machine did it: `apple`, `gmail` or `generic`."""
    bot = section(event, "client-info").get("bot")
    return bool(bot) and str(bot).lower() not in _NO_BOT


def _campaign(said: object) -> object:
    """The name of the first campaign; Mailgun has given them up for tags."""
    found = first_of(said)
    return found.get("name") if isinstance(found, Mapping) else None
