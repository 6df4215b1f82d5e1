"""Resend's events: who may send them, and what each becomes. Written after its documentation and published tests."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import resend
from processors.sources.resend import ResendSettings
from processors.sources.signatures import standard_key, standard_signature
from tests.processors.signals import (
    IDENTITY_KEY,
    NOW,
    SECRET,
    only,
    payload,
    payloads,
    problem,
    refused,
    signal,
    touchpoints,
)

OLD = "whsec_" + base64.b64encode(b"the secret before this one").decode()
SETTINGS = ResendSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
RECORDED = ResendSettings(secrets=("whsec_" + base64.b64encode(b"TEST_SIGNING_SECRET").decode(),), identity_key=IDENTITY_KEY)
AT = "2026-11-21T21:56:30.000Z"


def event(said="email.opened", at=AT, **data):
    return {"type": said, "created_at": at, "data": {"email_id": "e-1", "created_at": AT, "to": ["ann@example.com"], "subject": "Hello", **data}}


def signed(body, *, secret=SECRET, prefix="svix-", message="msg_1", at=NOW // 1000):
    signature = standard_signature(body, message, str(at), key=standard_key(secret))
    return {prefix + "id": message, prefix + "timestamp": str(at), prefix + "signature": signature}


def adapt(said, settings=SETTINGS, *, headers=None, **more):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return resend.adapt(signal(body, "/webhooks/resend", headers=signed(body) if headers is None else headers, **more), settings)


# ---- who may send ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["svix-", "webhook-"])
def test_the_signature_lets_in_by_either_name_of_the_headers(prefix):
    body = json.dumps(event()).encode()
    assert only(adapt(body, headers=signed(body, prefix=prefix))).kind == "email_opened"


def test_one_of_several_signatures_and_one_of_several_secrets_is_enough():
    body = json.dumps(event()).encode()
    headers = signed(body)
    others = signed(body, secret=OLD)["svix-signature"]
    only(adapt(body, headers=headers | {"svix-signature": f"v1a,AAAA {others} {headers['svix-signature']}"}))
    only(adapt(body, replace(SETTINGS, secrets=(OLD, SECRET)), headers=headers))
    only(adapt(body, replace(SETTINGS, secrets=(OLD, SECRET)), headers=signed(body, secret=OLD)))
    assert "does not match" in refused(adapt(body, headers=signed(body, secret=OLD)))


@pytest.mark.parametrize("changed", [
    {"svix-id": "msg_2"}, {"svix-timestamp": str(NOW // 1000 + 1)}, {"svix-signature": "v1,AAAA"}, {"svix-signature": "é"}, {"svix-signature": "v1," * 99},
    {"svix-id": ""}, {"svix-timestamp": ""}, {"svix-signature": ""}, {"svix-timestamp": "\udcff"},
])  # fmt: skip
def test_a_changed_or_missing_proof_is_refused(changed):
    body = json.dumps(event()).encode()
    refused(adapt(body, headers=signed(body) | changed))


def test_a_changed_body_is_refused_to_its_last_byte():
    body = json.dumps(event()).encode()
    refused(adapt(body + b"\n", headers=signed(body)))
    refused(adapt(body.replace(b"ann@", b"bob@"), headers=signed(body)))


def test_a_recorded_request_is_of_no_use_after_five_minutes():
    body = json.dumps(event()).encode()
    only(adapt(body, headers=signed(body, at=NOW // 1000 - 299)))
    only(adapt(body, headers=signed(body, at=NOW // 1000) | {"svix-timestamp": f"{NOW // 1000}.618405"}))  # libraries sign whole seconds
    assert "300 s" in refused(adapt(body, headers=signed(body, at=NOW // 1000 - 301)))
    refused(adapt(body, headers=signed(body, at=NOW // 1000 + 301)))
    refused(adapt(body, headers=signed(body, at="nan")))
    assert only(adapt(body, headers=signed(body, at=NOW // 1000 - 9_999), import_id="history")).import_id == "history"


@pytest.mark.parametrize("secrets", [(), ("whsec_%%%",)])
def test_without_a_secret_the_door_is_closed(secrets):
    assert "LEADSTREAM_RESEND_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=secrets)))


def test_the_recorded_signatures_prove_what_they_should():
    """Signed when they were recorded, with the published secret; the clock is put back to that instant."""
    expected = {"verifies_correct_signature": True, "verifies_bad_signature": False, "verifies_missing_signature": False}
    for name, right in expected.items():
        stem = f"resend/anymail/ResendWebhookSecurityTestCase.test_{name}"
        headers = {k.lower(): v for k, v in json.loads(payload(stem + ".headers.json"))["headers"].items()}
        outcome = adapt(payload(stem + ".json"), RECORDED, headers=headers, received_at=int(float(headers.get("svix-timestamp", 0)) * 1000))
        assert (problem(outcome).field == "data.to") if right else refused(outcome), "the body itself names nobody"


def test_every_recording_is_proved_and_becomes_its_kind():
    expected = {
        "clicked_event": "email_clicked", "complained_event": "email_complained", "delivered_event": "email_delivered",
        "delivery_delayed_event": "email_deferred", "hard_bounced_event": "email_bounced", "opened_event": "email_opened",
        "sent_event": "email_sent", "suppressed_event": "email_bounced",
    }  # fmt: skip
    found = {path.name.split(".test_")[1].removesuffix(".headers.json") for path in payloads("resend/anymail", "ResendTestCase.*.headers.json")}
    assert found == set(expected)
    for name, kind in expected.items():
        stem = f"resend/anymail/ResendTestCase.test_{name}"
        headers = {k.lower(): v for k, v in json.loads(payload(stem + ".headers.json"))["headers"].items()}
        told = touchpoints(adapt(payload(stem + ".json"), RECORDED, headers=headers, received_at=int(float(headers["svix-timestamp"]) * 1000)))
        assert [each.kind for each in told] == [kind] * (2 if name == "sent_event" else 1), name
        assert told[0].email_domain in {"example.org", "resend.dev"}
    assert told[0].properties["reason"].startswith("Resend has suppressed")


# ---- events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind"), [
    ("email.sent", "email_sent"), ("email.delivered", "email_delivered"), ("email.delivery_delayed", "email_deferred"), ("email.bounced", "email_bounced"),
    ("email.failed", "email_dropped"), ("email.suppressed", "email_dropped"), ("email.complained", "email_complained"), ("email.opened", "email_opened"),
    ("email.clicked", "email_clicked"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind):
    found = only(adapt(event(said)))
    assert (found.kind, found.channel, resend.family(kind), found.occurred_at) == (kind, "email", "email", 1795298190000)
    assert (found.properties["message_id"], found.contact) == ("e-1", {"email": "ann@example.com"})


def test_a_suppressed_bounce_was_never_sent():
    assert only(adapt(event("email.bounced", bounce={"type": "Permanent", "subType": "Suppressed", "message": "m"}))).kind == "email_dropped"


def test_a_click_names_its_link_its_instant_and_its_browser():
    click = {"ipAddress": "192.0.2.1", "link": "https://x.example/a", "timestamp": "2026-11-21T21:56:35Z", "userAgent": "Firefox"}
    found = only(adapt(event("email.clicked", click=click)))
    assert (found.properties["url"], found.properties["user_agent"], found.occurred_at) == ("https://x.example/a", "Firefox", NOW - 5_000)
    assert "192.0.2.1" not in str(found)


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"])
def test_an_open_by_a_proxy_is_no_open_by_a_person(agent):
    assert only(adapt(event(open={"userAgent": agent}))).kind == "email_machine_opened"
    assert only(adapt(event("email.clicked", click={"userAgent": agent}))).kind == "email_clicked"


def test_tags_name_campaign_and_crm_id_written_either_way():
    for tags in ({"campaign": "Q4", "crm_id": "c-7"}, [{"name": "campaign", "value": "Q4"}, {"name": "crm_id", "value": "c-7"}]):
        found = only(adapt(event(tags=tags)))
        assert (found.campaign, found.crm_id) == ("Q4", "c-7")


def test_of_several_recipients_only_what_is_true_of_each_is_told():
    several = ["Ann <ann@example.com>", "bob@example.com"]
    assert [each.contact["email"] for each in touchpoints(adapt(event("email.sent", to=several)))] == ["ann@example.com", "bob@example.com"]
    outcome = adapt(event("email.opened", to=several))
    assert (outcome.touchpoints, [each.reason for each in outcome.ignored]) == ((), ["several_recipients"])
    outcome = adapt(event("email.sent", to=["ann@example.com", "nobody"]))
    assert (len(outcome.touchpoints), [(each.index, each.field) for each in outcome.rejected]) == (1, [(1, "data.to")])


def test_the_same_event_again_is_the_same():
    one = only(adapt(event())).event_id
    body = json.dumps(event()).encode()
    assert only(adapt(body, headers=signed(body, at=NOW // 1000 + 60))).event_id == one, "sent again a minute later"
    others = [event("email.delivered"), event(at="2026-11-21T21:56:31.000Z"), event(email_id="e-2"), event(to=["bob@example.com"])]
    assert len({only(adapt(each)).event_id for each in others} | {one}) == 5
    bare = {"type": "email.opened", "data": {"to": "ann@example.com"}}
    first, second = (only(adapt(bare, headers=signed(json.dumps(bare).encode(), message=name))).event_id for name in ("a", "b"))
    assert first != second, "told apart by the message's id alone"


@pytest.mark.parametrize(("said", "reason"), [
    ("email.scheduled", "not_sent_yet"), ("email.received", "inbound"), ("contact.created", "no_email_event"), ("domain.updated", "no_email_event"),
])  # fmt: skip
def test_what_says_nothing_of_an_email_sent_is_ignored_by_name(said, reason):
    assert [each.reason for each in adapt(event(said)).ignored] == [reason]


@pytest.mark.parametrize(("said", "field"), [
    (event("email.seen"), "type"), (event(None), "type"), (event(to=[]), "data.to"), (event(to=None), "data.to"), (event(to=[5]), "data.to"),
    (event(to={"a": 1}), "data.to"), (event(at="1999-01-01T00:00:00Z"), "created_at"), ({"type": "email.sent"}, "data.to"), (b"[]", "body"), (b"{", "body"),
    (event(to=["ann@example.com"] * 5_001), "data.to"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    assert problem(adapt(body)).field == field
    assert problem(adapt(body)).body == body
