"""Mailjet's event callback: what became of each email. Mailjet signs nothing; a secret lets it in."""

from collections.abc import Mapping
from typing import Any, Final

from processors.sources import event_lists, families, shared_secret
from processors.sources.email_events import EmailEvent, EmailSettings, kind_of, own_fields, touchpoint_of
from processors.sources.event_lists import adapt_one_or_many
from processors.sources.signal import Outcome, Signal, Unauthorised
from schemas.touchpoint import Touchpoint

SOURCE: Final = "mailjet"
PATHS: Final = ("/webhooks/mailjet",)
family = families.email
alone = event_lists.as_it_came

_KINDS: Final = {
    "sent": "email_delivered", "open": "email_opened", "click": "email_clicked", "bounce": "email_bounced", "blocked": "email_dropped",
    "spam": "email_complained", "unsub": "email_unsubscribed",
}  # fmt: skip
"""*sent* is told once the recipient's server has taken the message."""
_GREYLISTED: Final = "greylisted"
_KEPT: Final = ("CustomID", "mj_campaign_id", "mj_contact_id", "mj_list_id", "hard_bounce", "error_related_to", "source", "smtp_reply")


def adapt(signal: Signal, settings: EmailSettings) -> Outcome:
    """Read one event, or an array of them where events are grouped, once the secret lets it in."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_MAILJET_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one_or_many(lambda event, _: _touchpoint(event, signal, settings), signal=signal, events_max=settings.events_max)


def _touchpoint(event: Mapping[str, Any], signal: Signal, settings: EmailSettings) -> Touchpoint:
    kind = kind_of(event.get("event"), _KINDS, "event")
    if kind in ("email_bounced", "email_dropped") and event.get("error") == _GREYLISTED and not event.get("hard_bounce"):
        kind = "email_deferred"  # to be tried again
    message, url = event.get("MessageID"), event.get("url")
    return touchpoint_of(
        EmailEvent(
            kind=kind,
            address=event.get("email"),
            address_field="email",
            at=event.get("time"),
            at_field="time",
            same=(event.get("MessageID"), event.get("event"), event.get("time"), url),
            told={
                "message_id": message,
                "url": url,
                "user_agent": event.get("agent"),
                "reason": event.get("error"),
                **{name: event.get(name) for name in _KEPT},
            },
            own=own_fields(event.get("Payload"), "payload"),
            own_field="Payload",
            campaigns=(event.get("customcampaign"),),
        ),
        signal,
        settings,
        source=SOURCE,
    )
