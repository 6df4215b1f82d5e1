"""SparkPost's event webhook: what became of each email. SparkPost signs nothing; a secret lets it in."""

from collections.abc import Mapping
from typing import Any, Final

from processors.sources import event_lists, families, shared_secret
from processors.sources.email_events import EmailEvent, EmailSettings, first_of, kind_of, own_fields, touchpoint_of
from processors.sources.event_lists import adapt_list
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from schemas.touchpoint import Touchpoint

SOURCE: Final = "sparkpost"
PATHS: Final = ("/webhooks/sparkpost",)
family = families.email
alone = event_lists.alone_in_list

_KINDS: Final = {
    "injection": "email_sent", "delivery": "email_delivered", "delay": "email_deferred", "bounce": "email_bounced",
    "out_of_band": "email_bounced", "policy_rejection": "email_dropped", "generation_failure": "email_dropped",
    "generation_rejection": "email_dropped", "open": "email_opened", "amp_open": "email_opened", "click": "email_clicked",
    "amp_click": "email_clicked", "list_unsubscribe": "email_unsubscribed", "link_unsubscribe": "email_unsubscribed",
    "spam_complaint": "email_complained",
}  # fmt: skip
_IGNORED: Final = {
    "initial_open": "initial_open", "amp_initial_open": "initial_open",  # its picture stands above that of `open`, and both are fetched
    "sms_status": "no_email_event", "success": "no_email_event", "error": "no_email_event",
    "ab_test_completed": "no_email_event", "ab_test_cancelled": "no_email_event",
    "relay_injection": "inbound", "relay_delivery": "inbound", "relay_rejection": "inbound", "relay_tempfail": "inbound",
    "relay_permfail": "inbound", "relay_message": "inbound",
}  # fmt: skip
_BOUNCES: Final = ("bounce", "out_of_band")
_AUTO_REPLIES: Final = ("60", "100")
_SUBSCRIBES: Final = "80"
_UNSUBSCRIBES: Final = "90"
"""Classes of bounces that are none: machines and people wrote back."""
_KEPT: Final = ("reason", "subject", "template_id", "transmission_id", "bounce_class", "error_code", "target_link_name", "is_prefetched", "rcpt_tags")


def adapt(signal: Signal, settings: EmailSettings) -> Outcome:
    """Read an array of `{"msys": {class: event}}`, once the secret lets it in."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_SPARKPOST_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_list(
        signal.body,
        lambda event, index: _turn(event, index, signal=signal, settings=settings),
        signal=signal,
        events_max=settings.events_max,
    )


def _turn(wrapped: Mapping[str, Any], index: int, *, signal: Signal, settings: EmailSettings) -> Touchpoint | Ignored:
    msys = wrapped.get("msys")
    if not isinstance(msys, Mapping) or len(msys) > 1:
        raise Unusable("msys", "wrong_type", "msys: must be an object that holds one event")
    if not msys:
        return Ignored(index=index, reason="ping")
    ((event_class, event),) = msys.items()
    if event_class == "relay_message":
        return Ignored(index=index, reason="inbound")
    if not isinstance(event, Mapping):
        raise Unusable("msys", "wrong_type", "msys: must hold an event that is an object")
    said = event.get("type")
    bounce_class = str(event.get("bounce_class")) if isinstance(said, str) and said in _BOUNCES else ""
    if bounce_class in _AUTO_REPLIES or bounce_class == _SUBSCRIBES:
        return Ignored(index=index, reason="auto_reply" if bounce_class in _AUTO_REPLIES else "subscribed")
    if isinstance(said, str) and (ignored := _IGNORED.get(said)) is not None:
        return Ignored(index=index, reason=ignored)
    kind = "email_unsubscribed" if bounce_class == _UNSUBSCRIBES else kind_of(said, _KINDS, "type")
    return touchpoint_of(_event(event, kind), signal, settings, source=SOURCE)


def _event(event: Mapping[str, Any], kind: str) -> EmailEvent:
    message, url = event.get("message_id", event.get("transmission_id")), event.get("target_link_url")
    own = event.get("event_id")
    return EmailEvent(
        kind=kind,
        address=event.get("raw_rcpt_to") or event.get("rcpt_to"),
        address_field="rcpt_to",
        at=event.get("timestamp"),
        at_field="timestamp",
        same=(own,) if own else (message, event.get("type"), event.get("timestamp"), url),
        told={
            "message_id": message,
            "url": url,
            "user_agent": event.get("user_agent"),
            "reason": event.get("raw_reason"),
            **{name: event.get(name) for name in _KEPT if name != "reason" or not event.get("raw_reason")},
        },
        own=own_fields(event.get("rcpt_meta"), "rcpt_meta"),
        own_field="rcpt_meta",
        campaigns=(event.get("campaign_id"), event.get("template_id"), first_of(event.get("rcpt_tags"))),
        by_machine=event.get("is_prefetched") in (True, "true", "True", "1", 1),
    )
