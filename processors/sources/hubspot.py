"""HubSpot's webhooks: contacts that were made or changed. Signed by any of its three signature versions.

An event names an object by its id and holds one changed property; what else is known of a contact stays in HubSpot. So deals and
companies, which name no person, are ignored by name, and a contact's changes become touchpoints by a table in the settings.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from processors.email import read_email
from processors.profile.coding import code
from processors.sources import changes, event_lists, families
from processors.sources.bounds import Texts, identifier
from processors.sources.instants import occurred_at
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.signatures import within
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "hubspot"
PATHS: Final = ("/webhooks/hubspot",)
family = families.by_kind
alone = event_lists.alone_in_list
SIGNATURE: Final = "x-hubspot-signature"
VERSION: Final = "x-hubspot-signature-version"
SIGNATURE_3: Final = "x-hubspot-signature-v3"
TIMESTAMP_3: Final = "x-hubspot-request-timestamp"
CHANGES: Final = (
    "lifecyclestage=opportunity=deal_opened", "lifecyclestage=customer=deal_won",
    "hs_lead_status=UNQUALIFIED=sales_verdict.disqualified", "hs_lead_status=BAD_TIMING=sales_verdict.recycled",
)  # fmt: skip
"""What a contact's new property means: property=value=kind; a verdict of sales as sales_verdict.accepted."""

VERDICTS: Final = changes.VERDICTS
_TRAITS: Final = ("jobtitle", "job_function", "seniority", "numemployees", "industry", "country")
_TRAIT_NAMES: Final = {"jobtitle": "title", "job_function": "department", "numemployees": "employees"}
_GONE: Final = "contact.deletion"  # tidied away; whoever wants to be forgotten is deleted as _FORGOTTEN
_FORGOTTEN: Final = "contact.privacyDeletion"
_PROPERTY: Final = "contact.propertyChange"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotSettings:
    """The apps' client secrets; the address of this door as HubSpot knows it, which is signed from version 2 on."""

    secrets: tuple[str, ...]
    identity_key: bytes
    address: str = ""
    window_s: int = 300
    changes: tuple[str, ...] = CHANGES
    events_max: int = 5_000


def adapt(signal: Signal, settings: HubSpotSettings) -> Outcome:
    """Read a list of events, or a single one, once the signature proves them."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return event_lists.adapt_one_or_many(lambda event, index: _turn(event, index, signal, settings), signal=signal, events_max=settings.events_max)


def _refusal(signal: Signal, settings: HubSpotSettings) -> str | None:
    """What is wrong with the proof, or None. Versions 1 and 2 sign no instant: what is sent again is a duplicate by its id."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "HubSpot's client secret is not configured here: set LEADSTREAM_HUBSPOT_SECRETS"
    newest, timestamp = signal.headers.get(SIGNATURE_3), signal.headers.get(TIMESTAMP_3)
    if newest:
        return _refusal_3(signal, settings, newest, timestamp or "")
    said, version = signal.headers.get(SIGNATURE), (signal.headers.get(VERSION) or "v1").lower()
    if not said:
        return f"header {SIGNATURE_3} or {SIGNATURE} is needed"
    if version not in {"v1", "v2"}:
        return f"header {VERSION} must be v1 or v2"
    if version == "v2" and not settings.address:
        return "LEADSTREAM_HUBSPOT_ADDRESS is not set: it is signed from version 2 on"
    head = "" if version == "v1" else signal.method + settings.address
    if not any(_same(hashlib.sha256(f"{secret}{head}".encode() + signal.body).hexdigest(), said) for secret in settings.secrets):
        return f"header {SIGNATURE} does not match the body and the client secret configured here"
    return None


def _refusal_3(signal: Signal, settings: HubSpotSettings, said: str, timestamp: str) -> str | None:
    if not settings.address:
        return "LEADSTREAM_HUBSPOT_ADDRESS is not set: it is signed from version 2 on"
    if not timestamp:
        return f"header {TIMESTAMP_3} is needed"
    message = f"{signal.method}{settings.address}".encode() + signal.body + timestamp.encode(errors="surrogateescape")
    right = [b64encode(hmac.digest(secret.encode(errors="surrogateescape"), message, hashlib.sha256)).decode() for secret in settings.secrets]
    if not any(_same(each, said) for each in right):
        return f"header {SIGNATURE_3} does not match address, body and client secret configured here"
    if signal.import_id is None and not (timestamp.isdecimal() and within(str(int(timestamp[:20]) / 1000), signal.received_at, settings.window_s)):
        return f"header {TIMESTAMP_3} lies further than {settings.window_s} s from now"
    return None


def _same(right: str, said: str) -> bool:
    return hmac.compare_digest(right.encode(), said.encode(errors="surrogateescape"))


def _turn(event: Mapping[str, Any], index: int, signal: Signal, settings: HubSpotSettings) -> Touchpoint | Ignored:
    what = event.get("subscriptionType")
    if not isinstance(what, str):
        raise Unusable("subscriptionType", "wrong_type", "subscriptionType: must be a text such as contact.creation")
    if not what.startswith("contact."):
        return Ignored(index=index, reason="no_contact")
    if what == _GONE:
        return Ignored(index=index, reason="deletion")
    if what == _FORGOTTEN:
        return _touchpoint(event, signal, settings, kind=kinds.ERASURE_REQUESTED)
    if what == "contact.creation":
        return _touchpoint(event, signal, settings, kind="contact_created")
    if what != _PROPERTY:
        return Ignored(index=index, reason="no_change")
    name, value = str(event.get("propertyName") or "").lower(), str(event.get("propertyValue") or "")
    if name == "email" and value:
        return _touchpoint(event, signal, settings, kind="identified", email=value)
    if (change := changes.meant(changes.read_changes(settings.changes), {name: value})) is not None:
        return _touchpoint(event, signal, settings, kind=change.kind, verdict=change.verdict)
    if name in _TRAITS and (profile := code({_TRAIT_NAMES.get(name, name): value})):
        return _touchpoint(event, signal, settings, kind="identified", profile=profile)
    return Ignored(index=index, reason="no_meaning")


def _touchpoint(
    event: Mapping[str, Any], signal: Signal, settings: HubSpotSettings, *, kind: str, verdict: str = "", email: str | None = None, profile: dict[str, str] | None = None
) -> Touchpoint:
    crm_id = _number(event, "objectId")
    if crm_id is None:
        raise Unusable("objectId", "no_identity", "objectId: must be the contact's id")
    at, readable = occurred_at(event.get("occurredAt"), signal, field="occurredAt")
    address = None if email is None else read_email(email, settings.identity_key)
    if email is not None and address is None:
        raise Unusable("propertyValue", "no_email", "propertyValue: must be an email address")
    texts = Texts("event")
    for name in ("portalId", "changeSource", "attemptNumber"):
        texts.put(name, event.get(name))
    if email is None:
        texts.put("propertyName", event.get("propertyName"))
        texts.put("propertyValue", event.get("propertyValue") if profile is None else None)
    if verdict:
        texts.entries["verdict"] = verdict
    if not readable:
        texts.entries["timestamp_unreadable"] = "occurredAt"
    return Touchpoint(
        event_id=derive(SOURCE, *(str(_number(event, name)) for name in ("portalId", "subscriptionId", "objectId", "occurredAt", "eventId"))),
        source=SOURCE,
        kind=kind,
        channel=kinds.NO_CHANNEL,
        occurred_at=at,
        received_at=signal.received(at),
        crm_id=crm_id,
        email_hash=None if address is None else address.hash,
        email_domain=None if address is None else address.domain,
        properties=texts.result(),
        profile=profile or {},
        contact={} if address is None else {"email": address.address},
        import_id=signal.import_id,
    )


def _number(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return identifier(value, name) if isinstance(value, str | int) and not isinstance(value, bool) else None
