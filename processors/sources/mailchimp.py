"""Mailchimp's audience webhooks: who subscribed, changed, left. As forms, signed by nothing; a secret lets them in."""

from typing import Any, Final

import msgspec

from processors.profile.coding import code
from processors.sources import event_lists, families, form_bodies, shared_secret
from processors.sources.batches import adapt_one
from processors.sources.email_events import EmailEvent, EmailSettings, touchpoint_of
from processors.sources.json_bodies import section
from processors.sources.person import form_fields, read_person
from processors.sources.signal import Adapted, Answered, Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from schemas.kinds import NO_CHANNEL
from schemas.touchpoint import Touchpoint

SOURCE: Final = "mailchimp"
PATHS: Final = ("/webhooks/mailchimp",)
family = families.email
alone = event_lists.as_it_came
ASKS: Final = ("GET", "HEAD")

_KINDS: Final = {
    "subscribe": "newsletter_subscribed", "unsubscribe": "email_unsubscribed", "cleaned": "email_bounced",
    "profile": "identified", "upemail": "identified",
}  # fmt: skip
_ABOUT_NOBODY: Final = ("campaign",)
_BY_EMAIL: Final = ("email_unsubscribed", "email_bounced", "email_complained")
_KEPT: Final = ("list_id", "campaign_id", "action", "reason", "email_type")
_NAMES: Final = {"fname": "first_name", "lname": "last_name"}
_SENT: Final = "data.merges"


def adapt(signal: Signal, settings: EmailSettings) -> Outcome:
    """Read one event, once the secret lets it in. Mailchimp asks with GET whether the address exists before it uses it."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_MAILCHIMP_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    if signal.method in ASKS:
        return Answered(body=b"")
    if not signal.body:
        return Adapted()
    try:
        form = form_bodies.nested(form_bodies.fields(signal.body))
    except Unusable as problem:
        return whole_body(signal, problem)
    return adapt_one(lambda: _turn(form, signal, settings), signal.body)


def _turn(form: dict[str, Any], signal: Signal, settings: EmailSettings) -> Touchpoint | Ignored:
    said, data = form.get("type"), section(form, "data")
    if said in _ABOUT_NOBODY:
        return Ignored(index=0, reason="no_recipient")
    kind = _KINDS.get(said) if isinstance(said, str) else None
    if kind is None:
        raise Unusable("type", "unknown_kind", f"type: must be one of {', '.join((*_KINDS, *_ABOUT_NOBODY))}")
    if said == "cleaned" and data.get("reason") == "abuse":
        kind = "email_complained"
    merges = {name.lower(): value for name, value in section(data, "merges").items()}
    address_field = "new_email" if said == "upemail" else "email"
    found = touchpoint_of(
        EmailEvent(
            kind=kind,
            address=data.get(address_field) or merges.get("email"),
            address_field=f"data.{address_field}",
            at=form.get("fired_at"),
            at_field="fired_at",
            same=(said, form.get("fired_at"), data.get("list_id")),
            told={name: data.get(name) for name in _KEPT},
            own={name: value for name, value in merges.items() if name not in _NAMES},
            own_field=_SENT,
        ),
        signal,
        settings,
        source=SOURCE,
    )
    person = read_person({_NAMES.get(name, name): value for name, value in merges.items()}, _SENT)
    return msgspec.structs.replace(
        found,
        channel=found.channel if kind in _BY_EMAIL else NO_CHANNEL,  # who joins a list came by another road
        contact=person.contact | found.contact,
        profile=code(form_fields(person.rest), at=found.occurred_at),
    )
