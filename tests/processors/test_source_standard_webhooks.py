"""Any sender of Standard Webhooks: who may send, and what an event that nobody wrote an adapter for becomes."""

import json
from dataclasses import replace

import pytest

from processors.sources import standard_webhooks
from processors.sources.signatures import standard_key, standard_signature
from processors.sources.standard_webhooks import StandardSettings
from tests.processors.signals import IDENTITY_KEY, NOW, SECRET, only, payload, problem, refused, signal

SETTINGS = StandardSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY, kinds=("user.created=signed_up",))


def event(said="user.created", **data):
    return {"type": said, "timestamp": "2026-11-21T21:56:30Z", "data": {"email": "ann@example.com", **data}}


def signed(body, message="msg_1"):
    at = str(NOW // 1000)
    return {"webhook-id": message, "webhook-timestamp": at, "webhook-signature": standard_signature(body, message, at, key=standard_key(SECRET))}


def adapt(said, settings=SETTINGS, *, message="msg_1", **more):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    more.setdefault("headers", signed(body, message))
    return standard_webhooks.adapt(signal(body, "/webhooks/standard", **more), settings)


@pytest.mark.parametrize("prefix", ["webhook-", "svix-"])
def test_the_published_vector_is_proved_and_only_within_its_window(prefix):
    vector = json.loads(payload("standard_webhooks/vector/vector.json"))
    headers = {prefix + name: vector["webhook-" + name] for name in ("id", "timestamp", "signature")}
    settings = replace(SETTINGS, secrets=(vector["secret"],))
    at = int(vector["webhook-timestamp"]) * 1000
    assert problem(adapt(vector["body"].encode(), settings, headers=headers, received_at=at)).field == "type", "proved; it says nothing"
    assert "300 s" in refused(adapt(vector["body"].encode(), settings, headers=headers, received_at=at + 301_000))
    assert "does not match" in refused(adapt(vector["body"].encode() + b" ", settings, headers=headers, received_at=at))
    assert "does not match" in refused(adapt(vector["body"].encode(), headers=headers, received_at=at))


def test_who_proves_nothing_is_refused():
    refused(adapt(event(), headers={}))
    assert "LEADSTREAM_STANDARD_WEBHOOKS_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=())))


@pytest.mark.parametrize(("said", "kind", "family"), [
    ("user.created", "signed_up", "web"), ("demo.requested", "demo_booked", "web"), ("deal.won", "deal_won", "crm"), ("email.clicked", "email_clicked", "email"),
    ("invoice.finalized", "custom_invoice_finalized", "crm"), ("sales.verdict", "custom_sales_verdict", "crm"), ("erasure.requested", "custom_erasure_requested", "crm"), ("x" * 200, "custom_" + "x" * 57, "crm"),
])  # fmt: skip
def test_types_are_kinds_by_setting_by_their_usual_name_or_custom(said, kind, family):
    found = only(adapt(event(said)))
    assert (found.kind, standard_webhooks.family(found.kind), found.occurred_at) == (kind, family, 1795298190000)


@pytest.mark.parametrize("data", [
    {"email": "ann@example.com"}, {"user": {"email": "Ann@Example.com"}}, {"email_addresses": [{"id": "i", "email_address": "ann@example.com"}]},
    {"customer": {"emailAddress": "ann@example.com"}}, {"email_addresses": ["ann@example.com"]},
])  # fmt: skip
def test_the_person_is_found_where_such_senders_put_him(data):
    found = only(adapt({"type": "user.created", "data": data}))
    assert (found.contact["email"], found.email_domain, found.occurred_at) == ("ann@example.com", "example.com", NOW)
    assert "ann@" not in str(found.properties)


def test_personal_data_goes_to_contact_alone_and_the_rest_to_properties():
    found = only(adapt(event(name="Ann", first_name="Ann", last_name="Ode", phone="1", plan="pro", user={"company": "Initech", "email": "bob@example.com"}, campaign="Q4", crm_id="c-1", anonymous_id="a-1")))
    assert found.contact == {"name": "Ann Ode", "phone": "1", "company": "Initech", "email": "ann@example.com"}
    assert (found.properties["plan"], found.campaign, found.crm_id, found.visitor_id) == ("pro", "Q4", "c-1", "a-1")
    assert "bob@example.com" not in str(found)


def test_the_same_message_again_is_the_same_and_put_back_without_headers_it_has_an_id_too():
    one = only(adapt(event())).event_id
    assert only(adapt(event(), received_at=NOW + 60_000)).event_id == one
    assert only(adapt(event(), message="msg_2")).event_id != one
    again = replace(signal(json.dumps(event()).encode()), proved=True)
    first, second = (only(standard_webhooks.adapt(again, SETTINGS)).event_id for _ in range(2))
    assert first == second != one


@pytest.mark.parametrize(("said", "field"), [
    ({"type": "a.b", "data": {}}, "data"), ({"type": "a.b"}, "data"), ({"type": "", "data": {"email": "a@b.example"}}, "type"), ({"type": "!!"}, "type"), ({"type": 5}, "type"),
    (event(email="nobody"), "data.email"), ({"type": "a.b", "timestamp": 0, "data": {"email": "a@b.example"}}, "timestamp"), (b"[]", "body"), (b"", "body"),
    (event(crm_id="x" * 200), "data.crm_id"), ({"type": "a.b", "data": [1]}, "data"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    assert problem(adapt(said)).field == field
