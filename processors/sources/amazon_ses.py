"""Amazon SES's events, told through a topic of SNS: what became of each email. JSON within a text within JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.sources import amazon_sns, event_lists, families
from processors.sources.amazon_sns import SnsSettings
from processors.sources.batches import adapt_one
from processors.sources.email_events import EmailEvent, EmailSettings, first_of, kind_of, touchpoint_of
from processors.sources.json_bodies import decode_one, section
from processors.sources.recipients import adapt_recipients
from processors.sources.signal import Adapted, Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body

SOURCE: Final = "amazon_ses"
PATHS: Final = ("/webhooks/amazon-ses",)
family = families.email
alone = event_lists.as_it_came

_KINDS: Final = {
    "Send": "email_sent", "Delivery": "email_delivered", "DeliveryDelay": "email_deferred", "Bounce": "email_bounced", "Complaint": "email_complained",
    "Reject": "email_dropped", "Rendering Failure": "email_dropped", "Open": "email_opened", "Click": "email_clicked", "Subscription": "email_unsubscribed",
}  # fmt: skip
_SECTIONS: Final = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
_RECIPIENTS: Final = {"Delivery": "recipients", "Bounce": "bouncedRecipients", "Complaint": "complainedRecipients", "DeliveryDelay": "delayedRecipients"}
_OF_ALL: Final = ("Send", "Reject", "Rendering Failure")
_SUPPRESSED: Final = ("Suppressed", "OnAccountSuppressionList")
_VALIDATED: Final = "Successfully validated SNS topic"
_INTERNAL: Final = "ses:"
_KEPT: Final = {
    "bounceType": "bounce_type", "bounceSubType": "bounce_subtype", "complaintFeedbackType": "complaint_type", "templateName": "template",
    "delayType": "delay_type", "linkTags": "link_tags",
}  # fmt: skip

_body = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class SesSettings(EmailSettings):
    """What SNS needs to be believed; there are no secrets."""

    sns: SnsSettings
    secrets: tuple[str, ...] = ()


def adapt(signal: Signal, settings: SesSettings) -> Outcome:
    """Read one message, once its topic and signature prove it; a subscription is confirmed."""
    try:
        message = decode_one(_body, signal.body)
    except Unusable as problem:
        return whole_body(signal, problem) if signal.proved else Unauthorised(detail=problem.detail)
    lacking = amazon_sns.proof(message, signal, settings.sns)
    if lacking is not None:
        return lacking
    said = message.get("Type")
    if said == amazon_sns.SUBSCRIBE:
        return amazon_sns.confirm(message, signal)
    if said == amazon_sns.UNSUBSCRIBE:
        return Adapted(ignored=(Ignored(index=0, reason="no_email_event"),))
    try:
        event = _event(message.get("Message"))
        return _adapted(event, message, signal, settings)
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, signal.body),))


def _event(said: object) -> dict[str, Any] | Ignored:
    if not isinstance(said, str):
        raise Unusable("Message", "wrong_type", "Message: must be SES's event, as text")
    if said.startswith(_VALIDATED):
        return Ignored(index=0, reason="no_email_event")
    try:
        return decode_one(_body, said.encode(errors="replace"))
    except Unusable as problem:
        raise Unusable("Message", problem.reason, "Message: must hold SES's event as a JSON object") from None


def _adapted(event: dict[str, Any] | Ignored, message: Mapping[str, Any], signal: Signal, settings: SesSettings) -> Adapted:
    if isinstance(event, Ignored):
        return Adapted(ignored=(event,))
    said = event.get("eventType", event.get("notificationType"))
    if said in ("Received", "AmazonSnsSubscriptionSucceeded"):
        return Adapted(ignored=(Ignored(index=0, reason="inbound" if said == "Received" else "no_email_event"),))
    kind = kind_of(said, _KINDS, "eventType")
    what = section(event, _SECTIONS.get(str(said), str(said).lower()))
    if said == "Complaint" and what.get("complaintFeedbackType") == "not-spam":
        return adapt_one(lambda: Ignored(index=0, reason="not_spam"), signal.body)
    listed = _RECIPIENTS.get(str(said), "")
    recipients, field = (what.get(listed), f"{str(said).lower()}.{listed}") if listed in what else (section(event, "mail").get("destination"), "mail.destination")
    told = _kind(kind, what)
    return adapt_recipients(
        recipients,
        lambda recipient: touchpoint_of(_email(event, message, what, recipient, kind=told, field=field, said=str(said)), signal, settings, source=SOURCE),
        field=field,
        of_each=listed in what or said in _OF_ALL,
        signal=signal,
        events_max=settings.events_max,
    )


def _kind(kind: str, what: Mapping[str, Any]) -> str:
    if kind in ("email_bounced", "email_complained") and (what.get("bounceSubType") in _SUPPRESSED or what.get("complaintSubType") in _SUPPRESSED):
        return "email_dropped"  # SES did not send it
    if kind == "email_unsubscribed" and section(what, "newTopicPreferences").get("unsubscribeAll") is False:
        statuses = section(what, "newTopicPreferences").get("topicSubscriptionStatus")
        stays = isinstance(statuses, list) and any(section(each).get("subscriptionStatus") == "OptIn" for each in statuses)
        return "email_resubscribed" if stays else kind
    return kind


def _email(
    event: Mapping[str, Any], message: Mapping[str, Any], what: Mapping[str, Any], recipient: object, *, kind: str, field: str, said: str
) -> EmailEvent:
    mail, who = section(event, "mail"), section(recipient)
    own, url, tags = mail.get("messageId"), what.get("link"), section(mail, "tags")
    at = what.get("timestamp") or (mail.get("timestamp") if said in _OF_ALL else None) or message.get("Timestamp")
    return EmailEvent(
        kind=kind,
        address=who.get("emailAddress") if who else recipient,
        address_field=field,
        at=at,
        at_field="timestamp",
        same=(own, said, at, url) if own else (message.get("MessageId"), said),
        told={
            "message_id": own,
            "url": url,
            "user_agent": what.get("userAgent") if said in ("Open", "Click") else None,
            "reason": who.get("diagnosticCode") or what.get("reason") or what.get("errorMessage") or what.get("smtpResponse"),
            "status": who.get("status"),
            "subject": section(mail, "commonHeaders").get("subject"),
            "configuration_set": first_of(tags.get("ses:configuration-set")),
            **{name: what.get(each) for each, name in _KEPT.items()},
        },
        own={name: first_of(values) for name, values in tags.items() if not name.startswith(_INTERNAL)},
        own_field="mail.tags",
    )
