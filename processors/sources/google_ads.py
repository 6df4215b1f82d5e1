"""Google Ads lead forms: one lead per request, proved by the key in its body."""

import hmac
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from processors.attribution.channels import PAID_SEARCH
from processors.email import Email, read_email
from processors.profile.coding import code
from processors.sources import event_lists, families
from processors.sources.bounds import Texts, identifier, line
from processors.sources.event_names import snake_case
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one
from processors.sources.signal import Adapted, Ignored, Outcome, Signal, Unauthorised, Unusable
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "google_ads"
PATHS: Final = ("/webhooks/google-ads",)
family = families.ads
alone = event_lists.as_it_came
COLUMNS_MAX: Final = 100

_EMAIL: Final = ("EMAIL", "USER_EMAIL", "WORK_EMAIL")
_CONTACT: Final = {
    "FULL_NAME": "name", "FIRST_NAME": "first_name", "GIVEN_NAME": "first_name", "LAST_NAME": "last_name",
    "FAMILY_NAME": "last_name", "PHONE_NUMBER": "phone", "USER_PHONE": "phone", "WORK_PHONE": "phone",
    "COMPANY_NAME": "company",
}  # fmt: skip
_KEPT_NOWHERE: Final = frozenset({"STREET_ADDRESS", "POSTAL_CODE", "ADDRESS"})
_NUMBERS: Final = ("form_id", "campaign_id", "adgroup_id", "creative_id", "asset_group_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleAdsSettings:
    """The key that the lead form asset sends along."""

    google_key: str
    identity_key: bytes


class Column(msgspec.Struct, gc=False):
    """One answer of the form."""

    column_id: str | None = None
    column_name: str | None = None
    string_value: str | int | float | None = None


class FormLead(msgspec.Struct, gc=False):
    """The official message; ids need 8 bytes and may be text. Fields that are not here are new, and ignored."""

    google_key: Any = None
    lead_id: str | int | None = None
    user_column_data: list[Column] | None = None
    form_id: Any = None
    campaign_id: Any = None
    adgroup_id: Any = None
    creative_id: Any = None
    asset_group_id: Any = None
    is_test: Any = None
    gcl_id: str | None = None
    lead_stage: Any = None
    lead_submit_time: Any = None


class _Key(msgspec.Struct, gc=False):
    google_key: Any = None


class _Answers(NamedTuple):
    email: Email | None
    contact: dict[str, str]
    others: dict[str, object]


_lead = msgspec.json.Decoder(FormLead)
_key = msgspec.json.Decoder(_Key)


def adapt(signal: Signal, settings: GoogleAdsSettings) -> Outcome:
    """Read one lead, once its key proves it. A test lead is answered and counted nowhere."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        lead = decode_one(_lead, signal.body)
        if lead.is_test in (True, "true", "True"):
            return Adapted(ignored=(Ignored(index=0, reason="test"),))
        return Adapted(touchpoints=(_touchpoint(lead, signal, settings.identity_key),))
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, signal.body),))


def _refusal(signal: Signal, settings: GoogleAdsSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    if not settings.google_key:
        return "the lead form's key is not configured here: set LEADSTREAM_GOOGLE_ADS_KEY"
    try:
        said = decode_one(_key, signal.body).google_key
    except Unusable:
        return "google_key: the body cannot be read for it; it must be a JSON object in UTF-8"
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), settings.google_key.encode()):
        return "google_key: does not match the key configured here"
    return None


def _touchpoint(lead: FormLead, signal: Signal, identity_key: bytes) -> Touchpoint:
    answers = _answers(lead.user_column_data or [], identity_key)
    lead_id = identifier(lead.lead_id, "lead_id")
    if lead_id is None and answers.email is None:
        raise Unusable("lead_id", "no_identity", "lead_id: is missing, and no column of user_column_data holds an email")
    at, readable = occurred_at(lead.lead_submit_time, signal, field="lead_submit_time")
    campaign = line(lead.campaign_id, "campaign_id")
    contact = answers.contact if answers.email is None else answers.contact | {"email": answers.email.address}
    return Touchpoint(
        event_id=_event_id(lead, lead_id, answers.email),
        source=SOURCE,
        kind="lead_form_submitted",
        channel=PAID_SEARCH,
        occurred_at=at,
        received_at=signal.received(at),
        # Without an address the form's own id stands for the person: a form fill must not be lost.
        visitor_id=f"{SOURCE}.{lead_id}"[:128] if answers.email is None else None,
        email_hash=None if answers.email is None else answers.email.hash,
        email_domain=None if answers.email is None else answers.email.domain,
        campaign=campaign,
        properties=_properties(lead, answers, readable=readable),
        profile=code(answers.others, at=at) if answers.others else {},
        contact=contact,
        import_id=signal.import_id,
    )


def _answers(columns: list[Column], identity_key: bytes) -> _Answers:
    """Sort the answers into the address, contact data, and the rest under their columns' names in snake case."""
    email: Email | None = None
    found: dict[str, str] = {}
    others: dict[str, object] = {}
    for column in columns[:COLUMNS_MAX]:
        name = (column.column_id or column.column_name or "").strip()[:64]
        value = line(column.string_value, f"user_column_data.{name}", 1024)
        if value is None:
            continue
        if name.upper() in _EMAIL:
            # A work address says more of the company: it comes before a private one.
            if (read := read_email(value, identity_key)) is not None and (email is None or name.upper() == "WORK_EMAIL"):
                email = read
        elif name.upper() in _CONTACT:
            found.setdefault(_CONTACT[name.upper()], value[:256])
        elif name.upper() not in _KEPT_NOWHERE and (key := snake_case(name)):
            others.setdefault(key, value)
    full = found.pop("first_name", ""), found.pop("last_name", "")
    if "name" not in found and any(full):
        found["name"] = " ".join(filter(None, full))
    return _Answers(email, found, others)


def _properties(lead: FormLead, answers: _Answers, *, readable: bool) -> dict[str, str]:
    texts = Texts("user_column_data")
    for name in _NUMBERS:
        if getattr(lead, name) not in (None, 0, "0", ""):
            texts.put(name, getattr(lead, name))
    texts.put("gclid", lead.gcl_id)
    texts.put("lead_stage", lead.lead_stage)
    texts.take(answers.others)
    if not readable:
        texts.entries["lead_submit_time_unreadable"] = "lead_submit_time"
    return texts.result()


def _event_id(lead: FormLead, lead_id: str | None, email: Email | None) -> str:
    """By the lead id, unique across all forms; without one by who filled in which form when."""
    if lead_id is not None:
        return derive(SOURCE, lead_id)
    who = "" if email is None else email.hash
    return derive(f"{SOURCE}.composed", who, str(lead.form_id), str(lead.gcl_id), str(lead.lead_submit_time))
