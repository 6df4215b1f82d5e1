"""Salesforce's outbound messages: who may send them, what their records mean, and that XML brings nothing else in."""

import base64
from dataclasses import replace
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.sources import salesforce
from processors.sources.salesforce import SalesforceSettings
from processors.sources.salesforce_ids import full_id
from processors.sources.signal import WHOLE_BODY, Adapted, Unauthorised
from processors.sources.xml_bodies import ELEMENTS_MAX, read
from schemas import kinds
from tests.processors.signals import IDENTITY_KEY, only, problem, refused, signal
from tests.processors.test_sales_journey import Installation
from tests.processors.test_source_laws import lawful, scalars

SECRET, ORGANIZATION = "a-secret-in-the-address", "00D000000000062"
SETTINGS = SalesforceSettings(secrets=("old-secret", SECRET), organizations=(ORGANIZATION,), identity_key=IDENTITY_KEY, answers=("Budget__c=budget", "Contact_Email__c=email"))
AT = "2026-11-21T21:50:00.000Z"
LEAD = {
    "Id": "00Q000000000001AAA", "Email": "Ann@Acme.example", "FirstName": "Ann", "LastName": "Smith", "Company": "Acme", "Title": "VP Sales", "Phone": "+49 89 1",
    "Street": "Hauptstr. 1", "PostalCode": "80331", "Industry": "Software", "NumberOfEmployees": "300", "Budget__c": "20000", "LeadSource": "Web", "LastModifiedDate": AT,
}  # fmt: skip
DEAL = {"Id": "006000000000001AAA", "Name": "Acme, Ann", "StageName": "Closed Won", "Amount": "120000.0", "CurrencyIsoCode": "EUR", "ContactId": "003000000000001AAA", "LastModifiedDate": AT}


def notification(thing: str, number="04l000000000001", **fields) -> str:
    said = "".join(f"<sf:{name}>{escape(value)}</sf:{name}>" for name, value in fields.items())
    return f'<Notification><Id>{number}</Id><sObject xsi:type="sf:{thing}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{said}</sObject></Notification>'


def message(*notifications: str, organization=ORGANIZATION + "EAA") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04k1</ActionId><SessionId>00D!session</SessionId>{''.join(notifications)}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def adapt(body: bytes, chosen=SETTINGS, *, query=None, headers=None):
    request = signal(body, salesforce.PATHS[0], headers=headers or {}, query={"secret": SECRET} if query is None else query)
    return salesforce.adapt(request, chosen)


def told(thing: str, chosen=SETTINGS, *, number="04l000000000001", **fields):
    return only(adapt(message(notification(thing, number, **fields)), chosen))


# ---- who may enter ----------------------------------------------------------------------------------------------------


def test_the_secret_is_taken_from_the_address_and_from_basic_auth():
    body = message(notification("Lead", **LEAD))
    basic = {"authorization": "Basic " + base64.b64encode(f"leadstream:{SECRET}".encode()).decode()}
    for proof in ({}, {"query": {}, "headers": basic}, {"query": {"secret": "old-secret"}}):
        assert isinstance(adapt(body, **proof), Adapted)
    for proof in ({"query": {}}, {"query": {"secret": "guess"}}, {"query": {}, "headers": {"authorization": "Basic %%%"}}):
        assert "LEADSTREAM_SALESFORCE_SECRETS" in refused(adapt(body, **proof))
        assert "LEADSTREAM_SALESFORCE_SECRETS" in refused(adapt(body, replace(SETTINGS, organizations=()), **proof))
    assert "LEADSTREAM_SALESFORCE_SECRETS" in refused(adapt(body, replace(SETTINGS, secrets=(), organizations=())))


@pytest.mark.parametrize("said", ["00D000000000063EAA", "00d000000000062", "", ORGANIZATION + "EAAA", "x"])
def test_another_organization_is_refused_whoever_knows_the_secret(said):
    assert "LEADSTREAM_SALESFORCE_ORGANIZATIONS" in refused(adapt(message(notification("Lead", **LEAD), organization=said)))


def test_an_organization_alone_lets_in_where_no_secret_is_set_and_bytes_without_one_do_not():
    alone = replace(SETTINGS, secrets=())
    assert isinstance(adapt(message(notification("Lead", **LEAD)), alone, query={}), Adapted)
    assert isinstance(adapt(message(notification("Lead", **LEAD), organization="00D000000000063"), alone, query={}), Unauthorised)
    assert isinstance(adapt(b"<a/>", alone, query={}), Unauthorised)
    assert isinstance(adapt(b"\x00", alone, query={}), Unauthorised)


# ---- what XML must not bring in ---------------------------------------------------------------------------------------

ENTITIES = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message().replace(b"<soapenv:Envelope", ENTITIES.encode() + b"<soapenv:Envelope", 1).replace(b"04k1", b"&e;"), "document_type"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Envelope>&b;</Envelope>', "document_type"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><Envelope/>', "document_type"),
        (b"<Envelope>&e;</Envelope>", "no_xml"), (b"<Envelope>", "no_xml"), (b"", "no_xml"), (b"{}", "no_xml"), (b"\xff<a/>", "no_xml"),
        ("<Envelope/>".encode("utf-16"), "no_xml"), ('<?xml version="1.0" encoding="latin-1"?><a>\xe4</a>'.encode("latin-1"), "no_xml"),
        (b"<a>" * 17 + b"</a>" * 17, "nested_too_deep"), (b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>", "too_many_elements"),
        (b"<a/>", "no_message"), (b"<Envelope><Body/></Envelope>", "no_message"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_kept_whole_with_its_reason(body, reason):
    rejected = problem(adapt(body))
    assert (rejected.index, rejected.reason) == (WHOLE_BODY, reason)


def test_a_session_that_opens_salesforce_is_kept_nowhere():
    rejected = problem(adapt(message() + b"<"))
    assert (rejected.index, b"session" in rejected.body, b"<SessionId></SessionId>" in rejected.body) == (WHOLE_BODY, False, True)
    assert problem(adapt(message(notification("Lead")))).body == notification("Lead").encode()


def test_more_notifications_than_are_read_at_once_are_rejected_whole():
    body = message(*(notification("Lead", str(n), **LEAD) for n in range(4)))
    assert problem(adapt(body, replace(SETTINGS, events_max=3))).reason == "too_many_events"


@given(said=st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_bytes_of_an_element_are_where_the_reader_says(said):
    one, other, third = f"<b>{escape(''.join(filter(str.isprintable, said)))}</b>", "<c x='/>'/>", "<d x='/'></d >"
    for inner in ([], [one], [other], [third, other], [one, other, third, one], [other, other]):
        raw = f"<a><!-- /-->{'/'.join(inner)}</a>".encode()
        found = read(raw)
        assert raw[found.start : found.end] == raw
        assert [raw[each.start : each.end].decode() for each in found.inner] == inner


# ---- what is told -----------------------------------------------------------------------------------------------------


def test_a_lead_is_who_its_fields_say():
    found = told("Lead", **LEAD)
    assert (found.kind, found.crm_id, found.email_domain, found.channel) == ("identified", LEAD["Id"], "acme.example", kinds.NO_CHANNEL)
    assert found.contact == {"name": "Ann Smith", "company": "Acme", "phone": "+49 89 1", "email": "ann@acme.example"}
    assert found.profile == {"role": "vp", "function": "sales", "industry": "software", "size": "201-1000", "budget": "10000-49999"}
    assert (found.properties["object"], found.properties["lead_source"], found.occurred_at) == ("Lead", "Web", 1795297800000)
    assert not any(private in str(found.properties) for private in ("Ann", "Hauptstr", "80331", "+49"))


def test_a_record_that_was_just_made_is_a_new_contact_and_one_that_changed_is_not():
    assert told("Contact", Id=DEAL["ContactId"], CreatedDate=AT, LastModifiedDate=AT).kind == "contact_created"
    changed = told("Contact", Id=DEAL["ContactId"], CreatedDate=AT, LastModifiedDate="2026-11-21T21:51:00.000Z")
    assert (changed.kind, changed.occurred_at) == ("identified", 1795297860000)


@pytest.mark.parametrize(
    ("thing", "fields", "kind", "verdict"),
    [
        ("Opportunity", DEAL, "deal_won", None), ("Opportunity", {**DEAL, "StageName": "Closed Lost"}, "deal_lost", None),
        ("Opportunity", {**DEAL, "StageName": "Gewonnen", "IsClosed": "true", "IsWon": "true"}, "deal_won", None),
        ("Opportunity", {**DEAL, "StageName": "Verloren", "IsClosed": "true", "IsWon": "false"}, "deal_lost", None),
        ("Opportunity", {**DEAL, "StageName": "Prospecting", "IsClosed": "false"}, "deal_opened", None),
        ("Lead", {**LEAD, "Status": "closed - not converted"}, "sales_verdict", "rejected"), ("Lead", {**LEAD, "IsConverted": "true"}, "sales_verdict", "accepted"),
    ],
)  # fmt: skip
def test_what_a_value_means_is_said_by_the_table(thing, fields, kind, verdict):
    found = told(thing, **fields)
    assert (found.kind, found.properties.get("verdict")) == (kind, verdict)


def test_a_table_of_one_s_own_goes_before():
    own = replace(SETTINGS, changes=("Lead.Rating=Hot=custom_hot", "Contact.Forget_Me__c=true=erasure_requested"))
    assert told("Lead", own, **LEAD, Rating="hot").kind == "custom_hot"
    assert told("Contact", own, Id="003000000000001AAA", Forget_Me__c="true").kind == kinds.ERASURE_REQUESTED
    assert [each.reason for each in adapt(message(notification("Opportunity", **DEAL)), own).ignored] == ["no_meaning"]


def test_a_deal_belongs_to_its_contact_and_has_an_amount_and_nobody_s_name():
    found = told("Opportunity", **DEAL)
    assert (found.crm_id, found.properties["amount"], found.properties["currency"]) == (DEAL["ContactId"], "120000.0", "EUR")
    assert "Ann" not in str(found.properties)
    assert told("Opportunity", **{**DEAL, "ContactId": "", "Contact_Email__c": "ann@acme.example"}).email_domain == "acme.example"
    assert told("Opportunity", **{**DEAL, "ContactId": "", "Contact__c": "003000000000009"}).crm_id == full_id("003000000000009")
    rejected = problem(adapt(message(notification("Opportunity", **{**DEAL, "ContactId": ""}))))
    assert (rejected.field, rejected.reason) == ("sObject", "no_identity")


@pytest.mark.parametrize(("short", "long"), [("00D7F00000107Xs", "00D7F00000107XsUAI"), ("0065Y00001Suvw6", "0065Y00001Suvw6QAB"), ("001000000000001", "001000000000001AAA")])
def test_both_ways_to_write_an_id_are_one_lead(short, long):
    assert (full_id(short), full_id(long), full_id("x"), full_id(None)) == (long, long, "x", None)
    assert told("Lead", Id=short).crm_id == told("Lead", Id=long).crm_id == long


# ---- again, and several at once ---------------------------------------------------------------------------------------


def test_several_notifications_are_each_for_itself_and_what_is_rejected_can_be_read_again():
    bad = notification("Opportunity", "3", **{**DEAL, "ContactId": ""})
    outcome = adapt(message(notification("Lead", "1", **LEAD), notification("Account", "2", Id="x"), bad, notification("Contact", "4", Id="003000000000001AAA")))
    assert isinstance(outcome, Adapted)
    assert len({each.event_id for each in outcome.touchpoints}) == 2
    assert [(each.index, each.reason) for each in (*outcome.ignored, *outcome.rejected)] == [(1, "no_meaning"), (2, "no_identity")]
    body = salesforce.alone(salesforce.PATHS[0], outcome.rejected[0].body)
    again = replace(signal(body, salesforce.PATHS[0]), proved=True)
    assert only(salesforce.adapt(again, replace(SETTINGS, crm_id_fields=("Id",)))).kind == "deal_won"


def test_a_message_sent_again_counts_once_and_a_later_one_again():
    here = Installation()
    for number in ("1", "1", "2"):
        here.receive(adapt(message(notification("Lead", number, **LEAD))))
    assert here.counted() == {"identified": 2}


def test_a_deal_is_won_once_however_many_messages_show_it_as_won():
    """Two changes were queued, both messages tell the newest state: that the deal is won."""
    here = Installation()
    for number, fields in (("1", {**DEAL, "StageName": "Prospecting"}), ("2", DEAL), ("3", DEAL), ("2", DEAL)):
        here.receive(adapt(message(notification("Opportunity", number, **fields))))
    assert (here.counted(), here.stages()[-1]) == ({"deal_opened": 1, "deal_won": 1}, "customer")


def test_a_lead_and_the_contact_it_became_are_one_by_their_address():
    here = Installation()
    here.receive(adapt(message(notification("Lead", "1", **LEAD))))
    here.receive(adapt(message(notification("Contact", "2", Id=DEAL["ContactId"], Email="ann@acme.example"))))
    here.receive(adapt(message(notification("Opportunity", "3", **DEAL))))
    assert len(here.live_leads()) == 1


# ---- whatever is sent -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*LEAD, *DEAL, "IsWon", "Status", "CreatedDate", "Custom__c", "Name", "x" * 90])
THINGS = st.sampled_from(["Lead", "Contact", "Opportunity", "Case", "Deal__c", ""])
TEXTS = scalars.map(lambda value: "".join(char for char in str(value) if char.isprintable()))


@given(said=st.lists(st.tuples(THINGS, st.text("0123456789", max_size=3), st.dictionaries(NAMES, TEXTS, max_size=8)), max_size=4))
@settings(deadline=None, max_examples=150)
def test_every_notification_is_one_bounded_touchpoint_one_rejection_or_one_named_ignore(said):
    body = message(*(notification(thing, number, **fields) for thing, number, fields in said))
    outcome = adapt(body)
    lawful(outcome, len(said), readable=read)
    assert adapt(body) == outcome, "equal input, equal output, ids included"


@given(body=st.one_of(st.binary(max_size=300), st.text("<>/!&;[]ab-? ", max_size=80).map(str.encode)))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_an_outcome(body):
    assert isinstance(adapt(body), Adapted)
    assert isinstance(adapt(body, replace(SETTINGS, secrets=()), query={}), Unauthorised)


@given(one=st.text(max_size=60), other=st.text(max_size=60))
@settings(deadline=None, max_examples=50)
def test_any_proof_is_wrong_and_never_an_error(one, other):
    assert isinstance(adapt(message(), query={"secret": one}, headers={"authorization": other}), Unauthorised)


def test_the_answer_is_what_salesforce_reads():
    assert read(salesforce.ACK).first("Body", "notificationsResponse").said("Ack") == "true"
    assert b'xmlns="http://soap.sforce.com/2005/09/outbound"' in salesforce.ACK


