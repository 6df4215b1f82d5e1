"""Postmark's webhooks: what became of each email. Postmark signs nothing; a secret lets it in."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from processors.sources import event_lists, families, shared_secret
from processors.sources.batches import adapt_one
from processors.sources.email_events import EmailEvent, EmailSettings, kind_of, own_fields, touchpoint_of
from processors.sources.json_bodies import decode_one
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from schemas.touchpoint import Touchpoint

SOURCE: Final = "postmark"
PATHS: Final = ("/webhooks/postmark",)
family = families.email
alone = event_lists.as_it_came
STOP: Final = 403
"""The only status on which Postmark does not send again."""

_KINDS: Final = {
    "Delivery": "email_delivered", "Bounce": "email_bounced", "SpamComplaint": "email_complained", "Open": "email_opened",
    "Click": "email_clicked", "SubscriptionChange": "email_unsubscribed",
}  # fmt: skip
_BOUNCES: Final = {
    "Transient": "email_deferred", "Unsubscribe": "email_unsubscribed", "Subscribe": "email_resubscribed", "SpamComplaint": "email_complained",
    "ManuallyDeactivated": "email_dropped", "Unconfirmed": "email_dropped", "BadEmailAddress": "email_dropped", "SMTPApiError": "email_dropped",
    "DMARCPolicy": "email_dropped", "TemplateRenderingFailed": "email_dropped",
}  # fmt: skip
"""Types of bounces that are something else; every other type is a bounce."""
_NO_BOUNCES: Final = {
    "AutoResponder": "auto_reply", "AddressChange": "auto_reply", "ChallengeVerification": "auto_reply", "OpenRelayTest": "auto_reply",
    "InboundError": "inbound",
}  # fmt: skip
_SUPPRESSED: Final = {"HardBounce": "email_bounced", "SpamComplaint": "email_complained"}
_INBOUND: Final = "Inbound"
_IGNORED: Final = {"SMTPApiError": "no_email_event"}
_ONCE: Final = ("email_bounced", "email_complained")
_INSTANTS: Final = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")
_KEPT: Final = {"Type": "type", "Subject": "subject", "MessageStream": "message_stream", "Tag": "tag", "ID": "bounce_id", "FirstOpen": "first_open", "Platform": "platform"}

_event = msgspec.json.Decoder(dict[str, Any])


def adapt(signal: Signal, settings: EmailSettings) -> Outcome:
    """Read one event, once the secret lets it in."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_POSTMARK_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(decode_one(_event, signal.body), signal, settings), signal.body)


def _turn(event: dict[str, Any], signal: Signal, settings: EmailSettings) -> Touchpoint | Ignored:
    said, bounce = event.get("RecordType"), event.get("Type")
    if said == _INBOUND or (said is None and "FromFull" in event):
        return Ignored(index=0, reason="inbound")
    if isinstance(said, str) and (ignored := _IGNORED.get(said)) is not None:
        return Ignored(index=0, reason=ignored)
    if said == "Bounce" and isinstance(bounce, str) and (ignored := _NO_BOUNCES.get(bounce)) is not None:
        return Ignored(index=0, reason=ignored)
    return touchpoint_of(_event_of(event, _kind(event, said)), signal, settings, source=SOURCE)


def _kind(event: Mapping[str, Any], said: object) -> str:
    kind = kind_of(said, _KINDS, "RecordType")
    if said == "Bounce" and isinstance(bounce := event.get("Type"), str):
        return _BOUNCES.get(bounce, kind)
    if said == "SubscriptionChange":
        if not isinstance(suppressed := event.get("SuppressSending"), bool):
            raise Unusable("SuppressSending", "wrong_type", "SuppressSending: must be true or false")
        reason = event.get("SuppressionReason")
        return _SUPPRESSED.get(reason, kind) if suppressed and isinstance(reason, str) else kind if suppressed else "email_resubscribed"
    return kind


def _event_of(event: Mapping[str, Any], kind: str) -> EmailEvent:
    at_field = next((name for name in _INSTANTS if event.get(name) is not None), "ReceivedAt")
    message, url = event.get("MessageID"), event.get("OriginalLink")
    if kind in _ONCE and message:  # a message bounces once; the suppression that follows tells it again
        same: tuple[object, ...] = (message, kind)
    elif event.get("ID"):
        same = (event.get("ID"), kind)
    else:
        same = (message, kind, event.get(at_field), url)
    return EmailEvent(
        kind=kind,
        address=event.get("Recipient", event.get("Email")),
        address_field="Email" if event.get("RecordType") in ("Bounce", "SpamComplaint") else "Recipient",
        at=event.get(at_field),
        at_field=at_field,
        same=same,
        told={
            "message_id": message,
            "url": url,
            "user_agent": event.get("UserAgent"),
            "reason": event.get("Details") or event.get("Description") or event.get("SuppressionReason"),
            **{name: event.get(field) for field, name in _KEPT.items()},
        },
        own=own_fields(event.get("Metadata"), "metadata"),
        own_field="Metadata",
        campaigns=(event.get("Tag"),),
    )
