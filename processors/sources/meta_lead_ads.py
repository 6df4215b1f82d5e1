"""Meta's lead ads (Facebook, Instagram): a webhook tells that a form was filled in, the Graph API tells the answers.

The adapter wants what lies at the lead's address in the Graph; while Meta's server does not answer, the request is answered 503,
and Meta repeats it for a day and a half.
"""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from processors.attribution.channels import PAID_SOCIAL, SOCIAL
from processors.email import read_email
from processors.sources import event_lists, families
from processors.sources.answers import Answer, read_answers, read_meanings
from processors.sources.batches import adapt_each
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import (
    Adapted,
    Answered,
    Ignored,
    Outcome,
    Signal,
    Unauthorised,
    Unusable,
    Wanted,
    whole_body,
)
from processors.sources.signatures import keyed_proves
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "meta_lead_ads"
PATHS: Final = ("/webhooks/meta-lead-ads",)
family = families.ads
alone = event_lists.as_it_came
ASKS: Final = ("GET",)
SIGNATURE: Final = "x-hub-signature-256"
LEADS_MAX: Final = 200
"""Leads of one request whose answers are fetched before it is answered."""
FIELDS: Final = "id,created_time,ad_id,ad_name,adset_id,campaign_id,campaign_name,form_id,is_organic,platform,field_data,custom_disclaimer_responses"

_CHALLENGE: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
_LEAD: Final = re.compile(r"[0-9]{1,32}")
_KEPT: Final = ("form_id", "campaign_id", "adset_id", "ad_id", "ad_name", "platform")
_body = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaSettings:
    """The app's secrets, the token that Meta verifies this address by, a page access token, and where the Graph is."""

    secrets: tuple[str, ...]
    verify_token: str
    access_token: str
    identity_key: bytes
    graph: str = "https://graph.facebook.com/v23.0"
    answers: tuple[str, ...] = ()  # what questions ask for, as `budget_next_year=budget`


class Change(NamedTuple):
    """What one change tells: of a lead, its `value`; or why it is of no use."""

    value: dict[str, Any]
    ignored: str = ""


def adapt(signal: Signal, settings: MetaSettings) -> Outcome:
    """Answer Meta's question about this address; or read the leads, once the signature proves them and their answers are there."""
    if signal.method in ASKS:
        return _question(signal, settings)
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        body: dict[str, Any] = decode_one(_body, signal.body)
        changes = list(_changes(body))
    except Unusable as problem:
        return whole_body(signal, problem)
    fetched = signal.fetched or {}
    leads = [change.value for change in changes if isinstance(change, Change) and not change.ignored]
    if len(leads) > LEADS_MAX:
        return whole_body(signal, Unusable("entry", "too_many_events", f"entry: holds {len(leads)} leads, at most {LEADS_MAX} are read at once"))
    for lead in leads:
        if (url := _address(lead, settings)) not in fetched:
            return Wanted(url=url, kept=False, most=LEADS_MAX)
    return _adapted(changes, fetched, signal, settings)


def _question(signal: Signal, settings: MetaSettings) -> Answered | Unauthorised:
    """Meta asks whether the address is ours: its challenge is said back to who knows the token."""
    said, challenge = signal.query.get("hub.verify_token", ""), signal.query.get("hub.challenge", "")
    if not settings.verify_token:
        return Unauthorised(detail="the verify token is not configured here: set LEADSTREAM_META_VERIFY_TOKEN")
    if not hmac.compare_digest(said.encode(errors="surrogateescape"), settings.verify_token.encode()) or not _CHALLENGE.fullmatch(challenge):
        return Unauthorised(detail="hub.verify_token does not match the one configured here, or there is no hub.challenge")
    return Answered(body=challenge.encode(), content_type="text/plain")


def _refusal(signal: Signal, settings: MetaSettings) -> str | None:
    """What is wrong with the proof, or None. No instant is signed: a lead sent again is a duplicate by its id."""
    if not settings.access_token:
        return "a page access token is not configured here: set LEADSTREAM_META_ACCESS_TOKEN"
    if signal.proved:
        return None
    if not settings.secrets:
        return "Meta's app secret is not configured here: set LEADSTREAM_META_SECRETS"
    said = signal.headers.get(SIGNATURE)
    if not said:
        return f"header {SIGNATURE} is needed"
    if not keyed_proves(signal.body, said.removeprefix("sha256="), secrets=settings.secrets):
        return f"header {SIGNATURE} does not match the body and the app secret configured here"
    return None


def _changes(body: Mapping[str, Any]) -> Iterator[Change | Unusable]:
    """What each change tells."""
    if body.get("object") != "page":
        raise Unusable("object", "no_page", "object: must be page; subscribe the app to pages, field leadgen")
    entries = body.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        changes = entry.get("changes") if isinstance(entry, dict) else None
        for change in changes if isinstance(changes, list) else ():
            value = dict(section(change, "value")) if isinstance(change, dict) else {}
            if not isinstance(change, dict) or change.get("field") != "leadgen":
                yield Change({}, ignored="no_lead")
            elif not _LEAD.fullmatch(str(value.get("leadgen_id") or "")):
                yield Unusable("leadgen_id", "no_id", "leadgen_id: must be the number of the lead")
            else:
                yield Change(value)


def _address(lead: Mapping[str, Any], settings: MetaSettings) -> str:
    return f"{settings.graph}/{lead['leadgen_id']}?{urlencode({'fields': FIELDS, 'access_token': settings.access_token})}"


def _adapted(changes: list[Change | Unusable], fetched: Mapping[str, bytes], signal: Signal, settings: MetaSettings) -> Adapted:
    meanings = read_meanings(settings.answers)

    def turn(change: Change, index: int) -> Touchpoint | Ignored:
        if change.ignored:
            return Ignored(index=index, reason=change.ignored)
        return _touchpoint(change.value, fetched[_address(change.value, settings)], signal, settings, meanings)

    return adapt_each(changes, turn, lambda: [signal.body] * len(changes))


def _touchpoint(lead: Mapping[str, Any], answer: bytes, signal: Signal, settings: MetaSettings, meanings: Mapping[str, str]) -> Touchpoint:
    number = str(lead["leadgen_id"])
    try:
        found = decode_one(_body, answer)
    except Unusable:
        raise Unusable(
            "leadgen_id", "no_answers", "leadgen_id: its answers cannot be fetched from the Graph API; is LEADSTREAM_META_ACCESS_TOKEN of this page, and may it read leads?"
        ) from None
    # The Graph's instant is the lead's own; that of the webhook stands in where it is missing.
    said = found.get("created_time") or lead.get("created_time")
    at, readable = occurred_at(said, signal, field="created_time")
    answers = read_answers((Answer((name,), value) for name, value in _field_data(found)), meanings, "field_data", at=at)
    email = read_email(answers.email, settings.identity_key) if isinstance(answers.email, str) else None
    texts = Texts("field_data")
    for name in _KEPT:
        texts.put(name, found.get(name) or lead.get(name))
    texts.take(answers.rest)
    for box in found.get("custom_disclaimer_responses") or ():
        if isinstance(box, dict) and isinstance(key := box.get("checkbox_key"), str):
            texts.put(f"consent.{key[:64]}", "true" if box.get("is_checked") in ("1", 1, True, "true") else "false")
    if not readable:
        texts.entries["created_time_unreadable"] = "created_time"
    return Touchpoint(
        event_id=derive(SOURCE, number),
        source=SOURCE,
        kind="lead_form_submitted",
        channel=SOCIAL if found.get("is_organic") is True else PAID_SOCIAL,
        occurred_at=at,
        received_at=signal.received(at),
        # Without an address the lead's own id stands for the person: a form fill must not be lost.
        visitor_id=identifier(f"{SOURCE}.{number}", "leadgen_id") if email is None else None,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=line(found.get("campaign_name"), "campaign_name") or line(found.get("campaign_id"), "campaign_id"),
        properties=texts.result(),
        profile=answers.profile,
        contact=answers.contact if email is None else answers.contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _field_data(found: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """Question and answer, several answers with commas."""
    said = found.get("field_data")
    for each in said if isinstance(said, list) else ():
        if isinstance(each, dict) and isinstance(values := each.get("values"), list):
            texts = [value for value in values if isinstance(value, str | int | float)]
            if texts:
                yield each.get("name"), texts[0] if len(texts) == 1 else ", ".join(map(str, texts))
