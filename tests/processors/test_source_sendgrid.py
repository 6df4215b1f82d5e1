"""SendGrid's signed events: who may send them, and what each becomes."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import sendgrid
from processors.sources.sendgrid import SIGNATURE, TIMESTAMP, SendGridSettings
from tests.processors.signals import (
    IDENTITY_KEY,
    NOW,
    PUBLIC_KEY,
    only,
    payload,
    payloads,
    problem,
    refused,
    signal,
    signed_as_sendgrid,
    touchpoints,
)

SETTINGS = SendGridSettings(public_key=PUBLIC_KEY, identity_key=IDENTITY_KEY)
PATH = "/webhooks/sendgrid"
DELIVERY = "SendGridDeliveryTestCase.test_*[a-z].json"


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sendgrid.adapt(signal(body, PATH, headers=signed_as_sendgrid(body), **more), settings)


def event(**more):
    return {"email": "ann@example.com", "timestamp": NOW // 1000, "event": "open", "sg_event_id": "e-1", **more}


# ---- proof ----------------------------------------------------------------------------------------------------------


def vector(**changed):
    proof = json.loads(payload("sendgrid/signed_vector/vector.json"))
    headers = {name.lower(): value for name, value in proof.items() if name.startswith("X-")}
    at = int(headers[TIMESTAMP]) * 1000 + 5_000
    settings = SendGridSettings(public_key=changed.pop("public_key", proof["public_key"]), identity_key=IDENTITY_KEY)
    body = changed.pop("body", payload("sendgrid/signed_vector/body.raw"))
    received_at = changed.pop("received_at", at)
    return proof, sendgrid.adapt(signal(body, PATH, headers={**headers, **changed}, received_at=received_at), settings)


def test_the_published_vector_is_proved_with_its_last_bytes():
    _, outcome = vector()
    dropped = only(outcome)
    assert (dropped.kind, dropped.email_domain, dropped.occurred_at) == ("email_dropped", "world.com", 1600112492000)


def test_the_published_negatives_are_refused():
    proof, _ = vector()
    for changed in (
        {"public_key": proof["negative"]["wrong_public_key"]},
        {SIGNATURE: proof["negative"]["wrong_signature"]},
        {"body": payload("sendgrid/signed_vector/body.raw").rstrip()},
        {TIMESTAMP: "1600112503"},
    ):
        assert "signature" in refused(vector(**changed)[1])


@pytest.mark.parametrize("name", ["empty_signature_", "empty_timestamp", "missing_timestamp_and_missing_signature", "invalid_signature", "successful_signature_check_without_http_auth"])
def test_recorded_requests_prove_nothing_without_our_key(name):
    """They were signed with keys made up for the recording, or not at all."""
    stem = f"sendgrid/anymail/SendGridSignedWebhookSecurityTestCase.test_{name}"
    headers = json.loads(payload(stem + ".headers.json"))["headers"]
    refused(sendgrid.adapt(signal(payload(stem + ".json"), PATH, headers={k.lower(): v for k, v in headers.items()}), SETTINGS))


@pytest.mark.parametrize("broken", [{SIGNATURE: "%%%"}, {SIGNATURE: "é"}, {SIGNATURE: ""}, {TIMESTAMP: ""}, {TIMESTAMP: "\udcff"}, {SIGNATURE: "AAAA"}])
def test_a_broken_proof_is_refused(broken):
    body = json.dumps([event()]).encode()
    refused(sendgrid.adapt(signal(body, PATH, headers=signed_as_sendgrid(body) | broken), SETTINGS))


def test_an_old_request_is_refused_after_the_time_that_sendgrid_re_sends():
    body = json.dumps([event()]).encode()
    old = signed_as_sendgrid(body, str(NOW // 1000 - 31 * 3600))
    assert TIMESTAMP in refused(sendgrid.adapt(signal(body, PATH, headers=old), SETTINGS))
    only(sendgrid.adapt(signal(body, PATH, headers=signed_as_sendgrid(body, str(NOW // 1000 - 29 * 3600))), SETTINGS))
    assert only(sendgrid.adapt(signal(body, PATH, headers=old, import_id="history"), SETTINGS)).import_id == "history"


@pytest.mark.parametrize("public_key", ["", "nonsense", base64.b64encode(b"x" * 91).decode()])
def test_without_a_public_key_the_door_is_closed(public_key):
    assert "LEADSTREAM_SENDGRID_PUBLIC_KEY" in refused(adapt([event()], replace(SETTINGS, public_key=public_key)))


# ---- events ---------------------------------------------------------------------------------------------------------


def test_every_recorded_event_is_one_touchpoint_of_its_kind():
    expected = {
        "bounce_event": "email_bounced", "click_event": "email_clicked", "compatibility_message_id_from_smtp_id": "email_delivered",
        "deferred_event": "email_deferred", "delivered_event": "email_delivered", "dropped_bounced": "email_dropped",
        "dropped_invalid_event": "email_dropped", "dropped_unsubscribed_event": "email_dropped", "open_event": "email_opened",
        "processed_event": "email_sent",
    }  # fmt: skip
    for name, kind in expected.items():
        found = only(adapt(payload(f"sendgrid/anymail/SendGridDeliveryTestCase.test_{name}.json")))
        assert (found.kind, found.channel, sendgrid.family(found.kind)) == (kind, "email", "email"), name
        assert found.occurred_at in {1461095250000, 1461095246000, 1461200990000, 1513299569000}


def test_an_empty_array_is_nothing():
    assert touchpoints(adapt(payloads("sendgrid/anymail", "*not_supported_warning.json")[0].read_bytes())) == ()


@pytest.mark.parametrize(("said", "kind"), [
    ("processed", "email_sent"), ("delivered", "email_delivered"), ("deferred", "email_deferred"), ("bounce", "email_bounced"),
    ("dropped", "email_dropped"), ("open", "email_opened"), ("click", "email_clicked"), ("unsubscribe", "email_unsubscribed"),
    ("group_unsubscribe", "email_unsubscribed"), ("group_resubscribe", "email_resubscribed"), ("spamreport", "email_complained"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind):
    assert only(adapt([event(event=said)])).kind == kind


def test_an_open_by_apple_s_proxy_is_no_open_by_a_person():
    assert only(adapt([event(sg_machine_open=True)])).kind == "email_machine_opened"
    assert only(adapt([event(sg_machine_open=False)])).kind == "email_opened"
    assert only(adapt([event(event="click", sg_machine_open=True)])).kind == "email_clicked"


def test_the_campaign_is_a_custom_argument_else_the_category():
    assert only(adapt([event(category="newsletter")])).campaign == "newsletter"
    listed = only(adapt([event(category=["autumn", "b2b"])]))
    assert (listed.campaign, listed.properties["category"]) == ("autumn", "autumn,b2b")
    assert only(adapt([event(category="x", campaign="Q4")])).campaign == "Q4"
    assert only(adapt([event(mailing="Q5")], replace(SETTINGS, campaign_arguments=("mailing",)))).campaign == "Q5"
    assert only(adapt([event(category=[])])).campaign is None


def test_custom_arguments_are_kept_and_may_hold_the_crm_s_id():
    found = only(adapt([event(crm_id=9007199254740993, custom1="value1", ip="1.2.3.4", sg_message_id=" abc.filter ")]))
    assert (found.crm_id, found.properties["custom1"], found.properties["sg_message_id"]) == ("9007199254740993", "value1", "abc.filter")
    assert "ip" not in found.properties
    assert only(adapt([event(contact="c-7")], replace(SETTINGS, crm_id_arguments=("contact",)))).crm_id == "c-7"


def test_a_redelivered_event_has_the_same_id():
    one, other = only(adapt([event()])), only(adapt([event(timestamp=NOW // 1000 - 60, attempt="2")]))
    assert one.event_id == other.event_id
    composed = [only(adapt([event(sg_event_id=None, sg_message_id=name)])).event_id for name in ("m", "m", "n")]
    assert composed[0] == composed[1] != composed[2]


def test_what_is_about_nobody_is_ignored_by_name():
    outcome = adapt([{"event": "account_status_change", "type": "compliance_suspend", "timestamp": 1}, event()])
    assert [(each.index, each.reason) for each in outcome.ignored] == [(0, "no_recipient")]
    assert len(touchpoints(outcome)) == 1


@pytest.mark.parametrize(("changed", "field"), [
    ({"event": "opened"}, "event"), ({"event": None}, "event"), ({"event": ["open"]}, "event"), ({"email": None}, "email"),
    ({"email": "nobody"}, "email"), ({"email": 5}, "email"), ({"timestamp": 0}, "timestamp"), ({"timestamp": 4_070_908_800}, "timestamp"),
    ({"note": "x" * 40_000}, "event.note"), ({"crm_id": "x" * 200}, "crm_id"), ({"note": 10**60}, "event.note"),
])  # fmt: skip
def test_one_bad_event_is_rejected_by_its_field_and_its_neighbours_are_kept(changed, field):
    outcome = adapt([event(sg_event_id="a"), event(**changed), event(sg_event_id="b")])
    (rejected,) = outcome.rejected
    assert (rejected.index, rejected.field, json.loads(rejected.body)) == (1, field, event(**changed))
    assert len(outcome.touchpoints) == 2


def test_an_event_that_is_no_object_is_rejected_alone():
    outcome = adapt([event(), 5, None, [event()]])
    assert [(each.index, each.reason) for each in outcome.rejected] == [(1, "wrong_type"), (2, "wrong_type"), (3, "wrong_type")]


def test_an_event_without_a_readable_time_is_marked():
    assert only(adapt([event(timestamp="soon")])).properties["timestamp_unreadable"] == "timestamp"


@pytest.mark.parametrize("body", [b"{}", b"5", b"", b"{", b'{"events":[]}'])
def test_a_body_is_an_array(body):
    assert problem(adapt(body)).field == "body"


def test_too_many_events_are_refused_whole():
    assert problem(adapt([event()] * 3, replace(SETTINGS, events_max=2))).reason == "too_many_events"
