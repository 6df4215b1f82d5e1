"""Stripe's signed events: which of them tell of a sale, of how much, and that each sale counts once."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.sources import stripe
from processors.sources.stripe import SIGNATURE, StripeSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, payload, problem, refused, signal

SETTINGS = StripeSettings(secrets=("whsec_stripe", "whsec_older"), identity_key=IDENTITY_KEY)
PATH = "/webhooks/stripe"


def signed(body, secret="whsec_stripe", at=NOW // 1000):
    """As Stripe signs: the secret is text, its whsec_ included."""
    return {SIGNATURE: f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return stripe.adapt(signal(body, PATH, headers=signed(body), **more), settings)


def event(kind, paid, *, before=None, **more):
    data = {"object": paid} | ({} if before is None else {"previous_attributes": before})
    return {"id": "evt_1", "object": "event", "type": kind, "created": NOW // 1000 - 60, "livemode": True, "data": data, **more}


def checkout(**more):
    paid = {
        "id": "cs_1", "mode": "payment", "payment_status": "paid", "amount_total": 250000, "currency": "eur", "customer": "cus_1", "invoice": None,
        "payment_intent": "pi_1", "metadata": {}, "client_reference_id": None,
        "customer_details": {"email": "Ann@Initech.com", "name": "Ann Lee", "phone": "+49 30 1", "business_name": "Initech", "address": {"country": "DE"}},
    }  # fmt: skip
    return event("checkout.session.completed", paid | more)


def invoice(kind="invoice.paid", **more):
    paid = {"id": "in_1", "amount_paid": 9900, "total": 9900, "currency": "usd", "customer": "cus_1", "customer_email": "ann@initech.com", "billing_reason": "manual"}
    return event(kind, paid | more)


def subscription(kind="created", *, before=None, **more):
    items = {"data": [{"price": {"unit_amount": 2000}, "quantity": 3}, {"plan": {"amount": 500}, "quantity": 1}]}
    paid = {"id": "sub_1", "status": "active", "currency": "usd", "customer": "cus_1", "items": items, "metadata": {}}
    return event(f"customer.subscription.{kind}", paid | more, before=before)


def ignored(outcome):
    assert (outcome.touchpoints, outcome.rejected) == ((), ())
    return [each.reason for each in outcome.ignored]


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_proves_also_by_the_older_secret_and_within_five_minutes():
    body = json.dumps(checkout()).encode()
    for headers in (signed(body), signed(body, "whsec_older"), signed(body, at=NOW // 1000 - 300)):
        only(stripe.adapt(signal(body, PATH, headers=headers), SETTINGS))
    two = signed(body, "another")[SIGNATURE] + "," + signed(body)[SIGNATURE].partition(",")[2]
    only(stripe.adapt(signal(body, PATH, headers={SIGNATURE: two}), SETTINGS))


def test_wrong_signatures_are_refused():
    body = json.dumps(checkout()).encode()
    for headers in ({}, signed(body, "whsec_wrong"), signed(body + b" "), signed(body, at=NOW // 1000 - 301), {SIGNATURE: "v1=abc"}, {SIGNATURE: "t=1,v1=\udcff"}):
        assert SIGNATURE in refused(stripe.adapt(signal(body, PATH, headers=headers), SETTINGS))
    assert "LEADSTREAM_STRIPE_SECRETS" in refused(adapt(checkout(), replace(SETTINGS, secrets=())))


# ---- sales ----------------------------------------------------------------------------------------------------------


def test_a_paid_checkout_is_won_with_amount_and_currency():
    found = only(adapt(checkout()))
    assert (found.kind, found.channel, found.occurred_at, stripe.family(found.kind)) == ("deal_won", "crm", NOW - 60_000, "crm")
    assert (found.properties["amount"], found.properties["currency"], found.properties["sale"]) == ("2500.00", "EUR", "pi_1")
    assert (found.visitor_id, found.email_domain, found.profile) == ("stripe.cus_1", "initech.com", {"country": "DE"})
    assert found.contact == {"name": "Ann Lee", "phone": "+49 30 1", "company": "Initech", "email": "ann@initech.com"}


@pytest.mark.parametrize(("currency", "amount", "written"), [
    ("usd", 5, "0.05"), ("JPY", 2500, "2500"), ("kwd", 12340, "12.340"), ("eur", 100, "1.00"), ("ugx", 10000, "100.00"),
])  # fmt: skip
def test_amounts_are_written_in_whole_units_of_their_currency(currency, amount, written):
    assert only(adapt(checkout(currency=currency, amount_total=amount))).properties["amount"] == written


def test_an_unpaid_checkout_is_told_again_once_it_is_paid():
    assert ignored(adapt(checkout(payment_status="unpaid"))) == ["not_paid"]
    paid = checkout() | {"type": "checkout.session.async_payment_succeeded", "id": "evt_2"}
    assert only(adapt(paid)).event_id == only(adapt(checkout())).event_id


@pytest.mark.parametrize("said", [
    checkout(amount_total=0, payment_status="no_payment_required"), checkout(amount_total=10**60), checkout(mode="setup", amount_total=None, payment_status="no_payment_required"),
    invoice(amount_paid=0), invoice(amount_paid=None), invoice(amount_paid=-5), invoice(amount_paid=True), subscription("updated", before={"status": "trialing"}, items={}),
])  # fmt: skip
def test_where_nothing_was_paid_nothing_was_won(said):
    assert ignored(adapt(said)) == ["nothing_paid"]


def test_a_checkout_and_its_invoice_in_both_of_its_events_are_one_sale():
    told = [checkout(invoice="in_1"), checkout(invoice={"id": "in_1"}), invoice(), invoice("invoice.payment_succeeded"), invoice(billing_reason="subscription_create")]
    found = [only(adapt(each)) for each in told]
    assert {each.kind for each in found} == {"deal_won"}
    assert len({each.event_id for each in found}) == 1
    assert only(adapt(invoice(id="in_2"))).event_id != found[0].event_id


def test_an_event_that_knows_more_of_the_person_is_not_hidden_by_one_that_knows_less():
    assert only(adapt(checkout(invoice="in_1"))).event_id != only(adapt(invoice(customer_email=None))).event_id


def test_an_invoice_paid_by_bank_transfer_is_won_too():
    assert only(adapt(invoice(amount_paid=0, paid_out_of_band=True))).properties["amount"] == "99.00"


@pytest.mark.parametrize("reason", ["subscription_cycle", "subscription_update", "subscription_threshold"])
def test_renewals_are_payments_and_no_new_deals(reason):
    assert only(adapt(invoice(billing_reason=reason))).kind == "invoice_paid"


@pytest.mark.parametrize(("said", "kind"), [
    (subscription(status="trialing"), "trial_started"), (subscription("updated", status="trialing", before={"status": "incomplete"}), "trial_started"),
    (subscription("updated", before={"status": "trialing"}), "deal_won"), (subscription("deleted", status="canceled"), "subscription_canceled"),
])  # fmt: skip
def test_a_subscription_tells_of_its_trial_and_its_end(said, kind):
    found = only(adapt(said))
    assert (found.kind, found.properties["amount"], found.properties["sale"], found.visitor_id) == (kind, "65.00", "sub_1", "stripe.cus_1")


@pytest.mark.parametrize(("said", "reason"), [
    (subscription(), "told_by_invoice"), (subscription("updated", before={"quantity": 2}), "told_by_invoice"), (subscription(status="incomplete"), "no_sale"),
    (subscription("updated", status="past_due", before={"status": "active"}), "no_sale"), (event("payment_intent.succeeded", {}), "no_sale"), (event("v2.core.x", None), "no_sale"),
])  # fmt: skip
def test_what_tells_of_no_sale_is_ignored_by_name(said, reason):
    assert ignored(adapt(said)) == [reason]


def test_a_redelivery_has_the_same_id():
    again = checkout() | {"created": NOW // 1000, "pending_webhooks": 2, "api_version": "2099-01-01"}
    assert only(adapt(checkout())).event_id == only(adapt(again)).event_id


# ---- persons --------------------------------------------------------------------------------------------------------


def test_metadata_may_hold_the_crm_s_id_also_that_of_the_subscription():
    assert only(adapt(checkout(metadata={"crm_id": "c-1", "plan": "pro"}))).crm_id == "c-1"
    assert only(adapt(checkout(metadata={"plan": "pro"}))).properties["plan"] == "pro"
    for place in ({"parent": {"subscription_details": {"metadata": {"crm_id": "c-2"}}}}, {"subscription_details": {"metadata": {"user_id": "c-2"}}}):
        assert only(adapt(invoice(**place))).crm_id == "c-2"
    assert only(adapt(checkout(client_reference_id="r-1"))).crm_id is None
    assert only(adapt(checkout(client_reference_id="r-1"), replace(SETTINGS, crm_id_fields=("client_reference_id",)))).crm_id == "r-1"


def test_a_guest_is_known_by_the_address_and_a_customer_without_one_by_the_customer_s_id():
    guest, unknown = only(adapt(checkout(customer=None))), only(adapt(invoice(customer_email=None)))
    assert (guest.visitor_id, guest.email_domain) == (None, "initech.com")
    assert (unknown.visitor_id, unknown.email_hash) == ("stripe.cus_1", None)
    expanded = only(adapt(invoice(customer_email=None, customer={"id": "cus_1", "email": "ann@initech.com", "name": "Ann"})))
    assert (expanded.visitor_id, expanded.contact) == ("stripe.cus_1", {"name": "Ann", "email": "ann@initech.com"})


def test_test_mode_is_marked():
    assert only(adapt(checkout() | {"livemode": False})).properties["test"] == "true"
    assert "test" not in only(adapt(checkout())).properties


@pytest.mark.parametrize(("said", "field"), [
    (checkout(customer=None, customer_details=None), "data.object.customer"), (invoice(id=None), "data.object.id"), (invoice(id={"id": {}}), "data.object.id"),
    (invoice() | {"created": 5}, "created"), (invoice() | {"data": 5}, "data"), (invoice() | {"data": {}}, "data.object"), (invoice() | {"type": None}, "type"),
    (invoice() | {"type": ["x"]}, "type"), (invoice(customer="x" * 200), "data.object.customer"), (checkout(metadata={"note": "x" * 40_000}), "data.object.metadata.note"),
    (b"[]", "body"), (b"{", "body"), (b"", "body"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_with_its_bytes(said, field):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.body) == (field, body)


@pytest.mark.parametrize("odd", [
    {"amount_total": 10**60}, {"amount_total": 2.5}, {"currency": 5}, {"currency": None}, {"metadata": []}, {"customer_details": []}, {"invoice": []}, {"customer": {"id": {}}},
])  # fmt: skip
def test_odd_values_are_no_error(odd):
    assert adapt(checkout(**odd)).rejected == ()


# ---- recordings -----------------------------------------------------------------------------------------------------


def fixture(name):
    return json.loads(payload(f"stripe/{name}"))


def test_stripe_s_own_fixtures_are_read_under_each_event_that_holds_them():
    session, bill = fixture("openapi_fixtures/checkout.session.json"), fixture("openapi_fixtures/invoice.json")
    assert ignored(adapt(event("checkout.session.completed", session))) == ["not_paid"]
    won = only(adapt(event("checkout.session.completed", session | {"payment_status": "paid", "amount_total": 1099, "currency": "usd"})))
    assert (won.kind, won.email_domain, won.properties["amount"], won.properties["sale"]) == ("deal_won", "example.com", "10.99", "pi_1PgafyB7WZ01zgkWSjxsAJo3")
    assert ignored(adapt(event("invoice.paid", bill))) == ["nothing_paid"]
    paid = only(adapt(event("invoice.paid", bill | {"amount_paid": 1000, "status": "paid"})))
    assert (paid.kind, paid.visitor_id, paid.properties["subscription"]) == ("deal_won", "stripe.cus_QXg1o8vcGmoR32", "subscription")
    assert ignored(adapt(event("payment_intent.succeeded", fixture("openapi_fixtures/payment_intent.json")))) == ["no_sale"]
    assert ignored(adapt(event("customer.created", fixture("openapi_fixtures/customer.json")))) == ["no_sale"]
    assert ignored(adapt(fixture("openapi_fixtures/event.json"))) == ["no_sale"]
    assert only(adapt(event("customer.subscription.deleted", fixture("openapi_fixtures/subscription.json")))).properties["amount"] == "20.00"


def test_a_recorded_subscription_is_read_and_without_its_type_it_is_refused_by_name():
    recorded = fixture("webhookdb/subscription_webhook.json")
    assert problem(adapt(recorded)).field == "type"
    assert ignored(adapt(recorded | {"type": "customer.subscription.created"})) == ["told_by_invoice"]
    recorded["data"]["previous_attributes"] = {"status": "trialing"}
    won = only(adapt(recorded | {"type": "customer.subscription.updated", "created": 1624397153}))
    assert (won.kind, won.properties["amount"], won.properties["currency"], won.occurred_at) == ("deal_won", "25.00", "USD", 1624397153000)
