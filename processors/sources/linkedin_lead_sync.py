"""LinkedIn's lead forms: a notification tells that a lead was made or deleted, LinkedIn's API tells the answers.

A deletion knows the response's id alone, and is somebody's wish to be forgotten. So every lead is told under that id as well as
under its address: the deletion comes to the same lead, and is written down there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.attribution.channels import PAID_SOCIAL, SOCIAL
from processors.email import read_email
from processors.sources import event_lists, families
from processors.sources.answers import read_answers, read_meanings
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.linkedin_answers import answers_of, campaign_of, localized, objects
from processors.sources.signal import Adapted, Answered, Ignored, Outcome, Signal, Unauthorised, Unusable, Wanted
from processors.sources.signatures import keyed_digest, keyed_proves
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "linkedin_lead_sync"
PATHS: Final = ("/webhooks/linkedin",)
ASKS: Final = ("GET",)
SIGNATURE: Final = "x-li-signature"
SIGNED: Final = b"hmacsha256="
"""Stands before the body in what is signed, not in the header."""
TRIES: Final = 3
"""LinkedIn does not say whether it sends a notification of a lead again."""
FIELDS: Final = (
    "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead,formResponse,"
    "form:(hiddenFields,creationLocale,name,id,content)"
)
family = families.ads  # a deletion, too: it goes where its lead went, behind it
alone = event_lists.as_it_came

# The secret that answers challenges also signs bodies. Whoever could have any text answered could have a body signed.
_CHALLENGE: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESPONSE: Final = re.compile(r"urn:li:[A-Za-z]{1,40}:([A-Za-z0-9_=-]{1,100})")
_DELETED: Final = "DELETED"
_body = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedInSettings:
    """The app's client secrets, a member's access token that may read leads, where the API is and which version of it is asked."""

    secrets: tuple[str, ...]
    access_token: str
    identity_key: bytes
    api: str = "https://api.linkedin.com/rest"
    version: str = "202606"
    answers: tuple[str, ...] = ()  # what questions ask for, as `what_is_your_budget=budget`


def adapt(signal: Signal, settings: LinkedInSettings) -> Outcome:
    """Answer LinkedIn's challenge; or read one notification, once its signature proves it and the lead's answers are there."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    if signal.method in ASKS:
        return _challenge(signal, settings.secrets[0])
    try:
        told = decode_one(_body, signal.body)
        action, response = _what(told)
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, signal.body),))
    if not response:
        return Adapted(ignored=(Ignored(index=0, reason="no_lead"),))
    if action == _DELETED:
        return adapt_one(lambda: _erasure(told, response, signal), signal.body)
    if not settings.access_token:
        return Unauthorised(detail="an access token is not configured here: set LEADSTREAM_LINKEDIN_ACCESS_TOKEN")
    wanted = _wanted(response, settings)
    answer = (signal.fetched or {}).get(wanted.url)
    return wanted if answer is None else adapt_one(lambda: _turn(told, response, answer, signal, settings), signal.body)


def _refusal(signal: Signal, settings: LinkedInSettings) -> str | None:
    """What is wrong with the proof, or None. No instant is signed: a lead sent again is a duplicate by its id."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "LinkedIn's client secret is not configured here: set LEADSTREAM_LINKEDIN_SECRETS"
    if signal.method in ASKS:
        return None
    said = signal.headers.get(SIGNATURE)
    if not said:
        return f"header {SIGNATURE} is needed"
    if not keyed_proves(SIGNED + signal.body, said.strip().lower(), secrets=settings.secrets):
        return f"header {SIGNATURE} does not match the body and the client secret configured here"
    return None


def _challenge(signal: Signal, secret: str) -> Answered | Unauthorised:
    code = signal.query.get("challengeCode", "")
    if not _CHALLENGE.fullmatch(code):
        return Unauthorised(detail="challengeCode: must be a UUID, as LinkedIn sends it")
    return Answered(body=msgspec.json.encode({"challengeCode": code, "challengeResponse": keyed_digest(code.encode(), secret)}))


def _what(told: Mapping[str, Any]) -> tuple[str, str]:
    """What was done, and the id of the response it was done to; empty where the notification is of something else."""
    if told.get("type") not in (None, "LEAD_ACTION"):
        return "", ""
    action, urn = told.get("leadAction"), told.get("leadGenFormResponse")
    if action not in ("CREATED", _DELETED):
        raise Unusable("leadAction", "unknown_action", "leadAction: must be CREATED or DELETED")
    found = _RESPONSE.fullmatch(urn) if isinstance(urn, str) else None
    if found is None:
        raise Unusable("leadGenFormResponse", "no_id", "leadGenFormResponse: must be the lead's URN, urn:li:leadGenFormResponse:...")
    return action, found[1]


def _wanted(response: str, settings: LinkedInSettings) -> Wanted:
    headers = (("Authorization", f"Bearer {settings.access_token}"), ("LinkedIn-Version", settings.version), ("X-Restli-Protocol-Version", "2.0.0"))
    return Wanted(url=f"{settings.api}/leadFormResponses/{response}?fields={FIELDS}", headers=headers, tries=TRIES, kept=False)


def _erasure(told: Mapping[str, Any], response: str, signal: Signal) -> Touchpoint:
    at, readable = occurred_at(told.get("occurredAt"), signal, field="occurredAt")
    return Touchpoint(
        event_id=derive(SOURCE, response, _DELETED),
        source=SOURCE,
        kind=kinds.ERASURE_REQUESTED,
        channel=kinds.NO_CHANNEL,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=_person(response),
        properties={} if readable else {"timestamp_unreadable": "occurredAt"},
        import_id=signal.import_id,
    )


def _person(response: str) -> str:
    """What a response and its deletion are both told under."""
    return f"{SOURCE}.{response}"


def _turn(told: Mapping[str, Any], response: str, answer: bytes, signal: Signal, settings: LinkedInSettings) -> Touchpoint | Ignored:
    try:
        found = decode_one(_body, answer)
    except Unusable:
        raise Unusable(
            "leadGenFormResponse",
            "no_answers",
            "leadGenFormResponse: its answers cannot be fetched from LinkedIn; is LEADSTREAM_LINKEDIN_ACCESS_TOKEN still valid, and may it read leads of this owner?",
        ) from None
    if found.get("testLead") is True:
        return Ignored(index=0, reason="test")
    return _touchpoint(told, found, response, signal, settings)


def _touchpoint(told: Mapping[str, Any], found: Mapping[str, Any], response: str, signal: Signal, settings: LinkedInSettings) -> Touchpoint:
    at, readable = occurred_at(found.get("submittedAt") or told.get("occurredAt"), signal, field="submittedAt")
    answers = read_answers(answers_of(found), read_meanings(settings.answers), "formResponse", at=at)
    email = read_email(answers.email, settings.identity_key) if isinstance(answers.email, str) else None
    lead_type = line(found.get("leadType") or told.get("leadType"), "leadType", 64)
    texts = Texts("formResponse")
    texts.put("form", line(localized(section(found, "form").get("name")), "form.name"))
    texts.put("form_id", line(section(found, "form").get("id"), "form.id"))
    texts.put("lead_type", lead_type)
    texts.take(answers.rest)
    for box in objects(section(found, "formResponse").get("consentResponses")):
        texts.put(f"consent.{line(box.get('consentId'), 'consentId', 64)}", "true" if box.get("accepted") is True else "false")
    if not readable:
        texts.entries["submitted_at_unreadable"] = "submittedAt"
    return Touchpoint(
        event_id=derive(SOURCE, response),
        source=SOURCE,
        kind="lead_form_submitted",
        channel=PAID_SOCIAL if lead_type in (None, "SPONSORED") else SOCIAL,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=_person(response),
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=campaign_of(found),
        properties=texts.result(),
        profile=answers.profile,
        contact=answers.contact if email is None else answers.contact | {"email": email.address},
        import_id=signal.import_id,
    )
