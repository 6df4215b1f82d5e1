"""Salesforce's outbound messages: SOAP that tells the fields of leads, contacts, opportunities as they are now.

Nothing is signed, so a secret stands in the address. A message tells the newest state, not what changed, and may come out of
order and again for a day; what a value means is a table in the settings. What a record can do once (a deal is won) counts once,
however many messages show it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from processors.email import read_email
from processors.sources import changes, families, shared_secret
from processors.sources.answers import Answer, Answers, read_answers, read_meanings
from processors.sources.batches import adapt_each, too_many
from processors.sources.bounds import Texts, identifier
from processors.sources.instants import occurred_at
from processors.sources.salesforce_ids import full_id, same_id
from processors.sources.signal import Adapted, Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.xml_bodies import Element, read
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "salesforce"
PATHS: Final = ("/webhooks/salesforce",)
ACK: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
"""What Salesforce must read, or it sends a message again for 24 hours; a mere 200 is a failure."""
family = families.by_kind
CHANGES: Final = (
    "Opportunity.IsWon=true=deal_won", "Opportunity.StageName=Closed Won=deal_won", "Opportunity.IsClosed=true=deal_lost",
    "Opportunity.StageName=Closed Lost=deal_lost", "Opportunity.Id=*=deal_opened",
    "Lead.IsConverted=true=sales_verdict.accepted", "Lead.Status=Closed - Converted=sales_verdict.accepted",
    "Lead.Status=Closed - Not Converted=sales_verdict.rejected",
)  # fmt: skip
"""What a field's value means: Object.Field=value=kind, * for any value; the first that fits counts."""

_PEOPLE: Final = frozenset({"lead", "contact"})
_ONCE: Final = frozenset({"contact_created", "deal_opened", "deal_won", "deal_lost", kinds.ERASURE_REQUESTED})
_MEANINGS: Final = {"title": "job_title", "mailing_country": "country", "mailing_country_code": "country"}
_NOWHERE: Final = re.compile(
    r"(Mailing|Other|Billing|Shipping)?(Street|City|State|StateCode|PostalCode|Address|Latitude|Longitude|GeocodeAccuracy)"
    r"|(Other|Home|Assistant)Phone|AssistantName|Fax|Salutation|MiddleName|Suffix|Description|PhotoUrl"
)
"""Fields of people that are kept nowhere."""
_SESSION: Final = re.compile(rb"(<(?:\w+:)?SessionId\b[^>]*>)[^<]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceSettings:
    """Secrets that stand in the address, ids of the organizations that may send, and what their fields mean.

    `crm_id_fields` name the person of a record that is none, such as an opportunity; `answers` are `Field=attribute`.
    """

    secrets: tuple[str, ...]
    identity_key: bytes
    organizations: tuple[str, ...] = ()
    changes: tuple[str, ...] = CHANGES
    answers: tuple[str, ...] = ()
    crm_id_fields: tuple[str, ...] = ("ContactId", "Contact__c", "Primary_Contact__c", "LeadId")
    events_max: int = 5_000


class _Record(NamedTuple):
    """One notification: its id, the kind of object, and its fields that have a value."""

    number: str
    object: str
    fields: Mapping[str, str]


def alone(_path: str, event: bytes) -> bytes:
    """The message that holds nothing but the notification *event*, without organization: whoever reads it again has let it in."""
    return b"<Envelope><Body><notifications>%b</notifications></Body></Envelope>" % event


def adapt(signal: Signal, settings: SalesforceSettings) -> Outcome:
    """Read the notifications of a message, once secret and organization let it in."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        message = _message(signal.body)
    except Unusable as problem:
        if not settings.secrets and not signal.proved:
            return Unauthorised(detail=f"{problem.detail}; so OrganizationId is not known")
        return _whole(signal, problem)
    if settings.organizations and not signal.proved and not any(same_id(message.said("OrganizationId"), each) for each in settings.organizations):
        return Unauthorised(detail="OrganizationId: is none of those in LEADSTREAM_SALESFORCE_ORGANIZATIONS")
    told = message.all("Notification")
    if len(told) > settings.events_max:
        return _whole(signal, too_many(len(told), "Notification", settings.events_max))
    return adapt_each(told, lambda each, index: _turn(each, index, signal, settings), lambda: [signal.body[each.start : each.end] for each in told])


def _refusal(signal: Signal, settings: SalesforceSettings) -> str | None:
    """What is wrong with the proof, as far as it stands outside the body, or None."""
    if settings.organizations and not settings.secrets:
        return None
    return shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_SALESFORCE_SECRETS")


def _whole(signal: Signal, problem: Unusable) -> Adapted:
    """Reject all of a body, without the key to Salesforce's API that it may hold."""
    return whole_body(replace(signal, body=_SESSION.sub(rb"\1", signal.body)), problem)


def _message(body: bytes) -> Element:
    found = read(body).first("Body", "notifications")
    if found is None:
        raise Unusable("notifications", "no_message", "notifications: there are none in the SOAP body; is this an outbound message?")
    return found


def _turn(told: Element, index: int, signal: Signal, settings: SalesforceSettings) -> Touchpoint | Ignored:
    record = _record(told)
    said = {f"{record.object}.{name}".lower(): value for name, value in record.fields.items()}
    change = changes.meant(changes.read_changes(settings.changes), said)
    if change is not None:
        return _touchpoint(record, change, signal, settings)
    if record.object.lower() not in _PEOPLE:
        return Ignored(index=index, reason="no_meaning")
    made = record.fields.get("CreatedDate")
    new = made is not None and made == record.fields.get("LastModifiedDate")
    return _touchpoint(record, changes.Change("", "", "contact_created" if new else "identified", ""), signal, settings)


def _record(told: Element) -> _Record:
    number, thing = told.said("Id"), told.first("sObject")
    if number is None:
        raise Unusable("Notification.Id", "no_id", "Notification.Id: is missing; it tells a message sent again from a new one")
    kind = "" if thing is None else thing.attributes.get("type", "").rpartition(":")[2].strip()
    if thing is None or not kind:
        raise Unusable("Notification.sObject", "no_object", "Notification.sObject: is missing, or does not say by xsi:type what it is")
    fields = {each.name: each.text.strip() for each in thing.inner if not each.inner and each.text.strip()}
    return _Record(number, kind, fields)


def _touchpoint(record: _Record, change: changes.Change, signal: Signal, settings: SalesforceSettings) -> Touchpoint:
    fields, at_field = record.fields, "CreatedDate" if change.kind == "contact_created" else "LastModifiedDate"
    at, readable = occurred_at(fields.get(at_field), signal, field=f"sObject.{at_field}")
    of_person = record.object.lower() in _PEOPLE
    answers = _answers(record, settings, of_person=of_person, at=at)
    email = read_email(answers.email, settings.identity_key) if isinstance(answers.email, str) else None
    crm_field = "Id" if of_person else next((name for name in settings.crm_id_fields if name in fields), "ContactId")
    crm_id = identifier(full_id(fields.get(crm_field)), f"sObject.{crm_field}")
    if crm_id is None and email is None:
        raise Unusable("sObject", "no_identity", f"sObject: names no person; add {crm_field}, or a field with the address, to the outbound message")
    return Touchpoint(
        event_id=derive(SOURCE, full_id(fields.get("Id")) or record.number, change.kind) if change.kind in _ONCE else derive(SOURCE, record.number),
        source=SOURCE,
        kind=change.kind,
        channel=kinds.NO_CHANNEL,
        occurred_at=at,
        received_at=signal.received(at),
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        properties=_properties(record, answers, change, unreadable=None if readable else at_field),
        profile=answers.profile,
        contact=answers.contact if email is None else answers.contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _answers(record: _Record, settings: SalesforceSettings, *, of_person: bool, at: int) -> Answers:
    """What the fields say of the person; the name of a record that is none may be anybody's, and is kept nowhere."""
    known = {name: value for name, value in record.fields.items() if not _NOWHERE.fullmatch(name) and (of_person or name != "Name")}
    meanings = (_MEANINGS if of_person else {}) | read_meanings(settings.answers)
    return read_answers((Answer((name,), value) for name, value in known.items()), meanings, "sObject", at=at)


def _properties(record: _Record, answers: Answers, change: changes.Change, *, unreadable: str | None) -> dict[str, str]:
    texts = Texts("sObject")
    texts.put("object", record.object)
    texts.put("verdict", change.verdict)
    texts.put("currency", record.fields.get("CurrencyIsoCode"))
    texts.take(answers.rest)
    if unreadable is not None:
        texts.entries["timestamp_unreadable"] = unreadable
    return texts.result()
