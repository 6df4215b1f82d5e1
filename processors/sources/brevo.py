"""Brevo's webhooks, transactional and marketing: what became of each email. Brevo signs nothing; a secret lets it in."""

from collections.abc import Mapping
from typing import Any, Final

from processors.sources import event_lists, families, shared_secret
from processors.sources.email_events import EmailEvent, EmailSettings, first_of, kind_of, own_fields, touchpoint_of
from processors.sources.event_lists import adapt_one_or_many
from processors.sources.instants import read
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised
from schemas.touchpoint import Touchpoint

SOURCE: Final = "brevo"
PATHS: Final = ("/webhooks/brevo",)
family = families.email
alone = event_lists.as_it_came

_KINDS: Final = {
    "request": "email_sent", "sent": "email_sent", "delivered": "email_delivered", "deferred": "email_deferred",
    "hard_bounce": "email_bounced", "soft_bounce": "email_bounced", "invalid_email": "email_bounced", "blocked": "email_dropped",
    "error": "email_dropped", "opened": "email_opened", "unique_opened": "email_opened", "proxy_open": "email_machine_opened",
    "unique_proxy_open": "email_machine_opened", "click": "email_clicked", "clicked": "email_clicked",
    "unsubscribe": "email_unsubscribed", "unsubscribed": "email_unsubscribed", "spam": "email_complained", "complaint": "email_complained",
}  # fmt: skip
_NO_EMAIL_EVENTS: Final = frozenset({"list_addition", "contact_updated", "contact_deleted", "unique_coupon_sent", "reply", "inboundEmailProcessed"})
"""What Brevo tells of contacts and lists. It says nothing of a person's interest."""
_OWN: Final = "X-Mailin-custom"
_KEPT: Final = ("reason", "subject", "template_id", "camp_id", "campaign name", "device_used", "contact_id", "tag", "tags")


def adapt(signal: Signal, settings: EmailSettings) -> Outcome:
    """Read one event, or a batch of them, once the secret lets it in."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_BREVO_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one_or_many(
        lambda event, index: _turn(event, index, signal=signal, settings=settings), signal=signal, events_max=settings.events_max
    )


def _turn(event: Mapping[str, Any], index: int, *, signal: Signal, settings: EmailSettings) -> Touchpoint | Ignored:
    said = event.get("event")
    if isinstance(said, str) and said in _NO_EMAIL_EVENTS:
        return Ignored(index=index, reason="no_email_event")
    kind = kind_of(said, _KINDS, "event")
    at_field, at = _at(event)
    url = event.get("link", event.get("URL"))
    message = event.get("message-id", event.get("camp_id"))
    return touchpoint_of(
        EmailEvent(
            kind=kind,
            address=event.get("email"),
            address_field="email",
            at=at,
            at_field=at_field,
            same=(message, kind, _second(at), url if kind == "email_clicked" else None),
            told={"message_id": message, "url": url, "user_agent": event.get("user_agent"), **{name: event.get(name) for name in _KEPT}},
            own=own_fields(event.get(_OWN), "custom"),
            own_field=_OWN,
            campaigns=(event.get("campaign name"), first_of(event.get("tags")), _single_tag(event.get("tag"))),
        ),
        signal,
        settings,
        source=SOURCE,
    )


def _at(event: Mapping[str, Any]) -> tuple[str, object]:
    """When it happened. `ts_epoch` alone is in UTC in every kind of event; what `date` says depends on the account."""
    for name in ("ts_epoch", "ts_event", "ts"):
        if event.get(name) is not None:
            return name, event[name]
    return "ts_epoch", None


def _second(at: object) -> object:
    """The second of an event: its id on Brevo's side is the webhook's own, so an event is told by message, kind and second."""
    instant = read(at)
    return at if instant is None else instant // 1000


def _single_tag(said: object) -> object:
    """A single tag; where several were set, the field holds them as JSON, and `tags` has them too."""
    return None if isinstance(said, str) and said.startswith("[") else said
