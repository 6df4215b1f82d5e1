"""Postmark's events: who may send them, and what each becomes. Written after its documentation and published tests."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import postmark
from processors.sources.email_events import EmailSettings
from tests.processors.signals import IDENTITY_KEY, only, payload, payloads, problem, refused, signal

SECRET = "postmark-secret-0123456789"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)


def event(said="Open", **more):
    return {"RecordType": said, "MessageID": "m-1", "Recipient": "ann@example.com", "ReceivedAt": "2026-11-21T21:56:30.9065619Z", **more}


def bounce(said="HardBounce", **more):
    return {"RecordType": "Bounce", "MessageID": "m-1", "ID": 4323372036854775807, "Type": said, "Email": "ann@example.com", "BouncedAt": "2026-11-21T16:56:30.3963933-05:00", **more}


def changed(**more):
    return {"RecordType": "SubscriptionChange", "MessageID": "m-1", "Recipient": "ann@example.com", "ChangedAt": "2026-11-21T21:56:31Z", "SuppressSending": True, "SuppressionReason": "ManualSuppression", **more}


def adapt(said, settings=SETTINGS, **more):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    more.setdefault("query", {"secret": SECRET})
    return postmark.adapt(signal(body, "/webhooks/postmark", **more), settings)


def test_only_the_secret_lets_in():
    basic = base64.b64encode(f"leadstream:{SECRET}".encode()).decode()
    assert only(adapt(event(), query={}, headers={"authorization": f"Basic {basic}"})).kind == "email_opened"
    assert only(adapt(event(), query={}, headers={"x-leadstream-secret": SECRET})).kind == "email_opened"
    assert "missing" in refused(adapt(event(), query={}))
    assert "wrong" in refused(adapt(event(), query={"secret": SECRET + "x"}))
    assert "LEADSTREAM_POSTMARK_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=())))


def test_every_recording_is_its_touchpoint_or_its_named_refusal():
    expected = {
        "bounce_event": ("email_bounced", 1461788930396), "click_event": ("email_clicked", 1508944871906), "delivered_event": ("email_delivered", 1406914090273),
        "open_event": ("email_opened", 1461788501249), "resubscribe": ("email_resubscribed", 1654449452000), "spam_event": ("email_complained", 1461788930396),
        "subscription_change_bounce": ("email_bounced", 1654449452000), "unsubscribe": ("email_unsubscribed", 1654449452000),
        "bounce_unsubscribe_variant": "Email", "misconfigured_inbound": "inbound", "misconfigured_inbound.1": "inbound",
    }  # fmt: skip
    found = {path.name.split(".test_")[1].removesuffix(".headers.json") for path in payloads("postmark/anymail", "*.headers.json")}
    assert found == set(expected)
    for name, told in expected.items():
        outcome = adapt(payload(f"postmark/anymail/PostmarkDeliveryTestCase.test_{name}.json"))
        if isinstance(told, tuple):
            assert (only(outcome).kind, only(outcome).occurred_at) == told, name
        elif told == "Email":
            assert problem(outcome).field == told
        else:
            assert [each.reason for each in outcome.ignored] == [told]
    delivered = only(adapt(payload("postmark/anymail/PostmarkDeliveryTestCase.test_delivered_event.json")))
    assert (delivered.campaign, delivered.properties["cohort"]) == ("welcome-email", "2014-08-A")


@pytest.mark.parametrize(("said", "kind"), [
    ("HardBounce", "email_bounced"), ("SoftBounce", "email_bounced"), ("DnsError", "email_bounced"), ("NewInSpring", "email_bounced"), ("Transient", "email_deferred"),
    ("Unsubscribe", "email_unsubscribed"), ("Subscribe", "email_resubscribed"), ("SpamComplaint", "email_complained"), ("ManuallyDeactivated", "email_dropped"),
    ("DMARCPolicy", "email_dropped"),
])  # fmt: skip
def test_bounces_are_told_apart_by_their_type(said, kind):
    found = only(adapt(bounce(said)))
    assert (found.kind, found.properties["bounce_id"], found.occurred_at) == (kind, "4323372036854775807", 1795298190396)
    assert (postmark.family(kind), found.channel) == ("email", "email")


@pytest.mark.parametrize(("said", "reason"), [
    (bounce("AutoResponder"), "auto_reply"), (bounce("AddressChange"), "auto_reply"), (bounce("InboundError"), "inbound"), ({"RecordType": "Inbound"}, "inbound"),
    ({"FromFull": {}}, "inbound"), ({"RecordType": "SMTPApiError"}, "no_email_event"),
])  # fmt: skip
def test_what_says_nothing_of_an_email_sent_is_ignored_by_name(said, reason):
    assert [each.reason for each in adapt(said).ignored] == [reason]


def test_a_change_of_subscription_is_left_joined_bounced_or_complained():
    assert only(adapt(changed())).kind == "email_unsubscribed"
    assert only(adapt(changed(SuppressSending=False, SuppressionReason=None))).kind == "email_resubscribed"
    assert only(adapt(changed(SuppressionReason="SpamComplaint"))).kind == "email_complained"
    assert problem(adapt(changed(SuppressSending="yes"))).field == "SuppressSending"


def test_a_bounce_and_the_suppression_that_follows_from_it_are_one():
    one = only(adapt(bounce())).event_id
    assert only(adapt(changed(SuppressionReason="HardBounce"))).event_id == one
    assert only(adapt(bounce(MessageID="m-2"))).event_id != one
    assert only(adapt(bounce("Transient", ID=1))).event_id != only(adapt(bounce("Transient", ID=2))).event_id
    without = {name: value for name, value in bounce().items() if name != "MessageID"}
    assert only(adapt(without)).event_id != only(adapt(without | {"ID": 4323372036854775806})).event_id, "ids beyond 2^53 keep every digit"


def test_opens_and_clicks_are_told_apart_by_what_they_say():
    one = only(adapt(event())).event_id
    assert only(adapt(event(FirstOpen=True))).event_id == one
    others = [
        event(ReceivedAt="2026-11-21T21:56:31Z"), event(Recipient="bob@example.com"), event(MessageID="m-2"), event("Click"),
        event("Click", OriginalLink="https://x.example/a"),
    ]  # fmt: skip
    assert len({only(adapt(each)).event_id for each in others} | {one}) == 6
    assert only(adapt(event("Click", OriginalLink="https://x.example/a", UserAgent="Firefox"))).properties["url"] == "https://x.example/a"


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"])
def test_an_open_by_a_proxy_is_no_open_by_a_person(agent):
    assert only(adapt(event(UserAgent=agent, FirstOpen=True))).kind == "email_machine_opened"


def test_tag_and_metadata_name_campaign_and_crm_id():
    found = only(adapt(event(Tag="autumn", Metadata={"crm_id": "c-7", "cohort": "b"}, Geo={"IP": "192.0.2.1"})))
    assert (found.campaign, found.crm_id, found.properties["cohort"], found.contact) == ("autumn", "c-7", "b", {"email": "ann@example.com"})
    assert "192.0.2.1" not in str(found)
    assert only(adapt(event(Tag="autumn", Metadata={"campaign": "Q4"}))).campaign == "Q4"


@pytest.mark.parametrize(("said", "field"), [
    (event("Seen"), "RecordType"), (event(None), "RecordType"), ({}, "RecordType"), (event(Recipient=None), "Recipient"), (bounce(Email="nobody"), "Email"),
    (event(ReceivedAt="1999-01-01T00:00:00Z"), "ReceivedAt"), (event(Metadata={"crm_id": "x" * 200}), "Metadata.crm_id"), (b"[]", "body"), (b"{", "body"), (b"5", "body"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    assert problem(adapt(said)).field == field
