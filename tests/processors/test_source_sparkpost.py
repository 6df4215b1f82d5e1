"""SparkPost's events: who may send them, and what each becomes. Written after its documentation and published tests."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import event_lists, sparkpost
from processors.sources.email_events import EmailSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

SECRET = "sparkpost-secret-0123"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
BASIC = {"authorization": "Basic " + base64.b64encode(f"sparkpost:{SECRET}".encode()).decode()}


def event(event_class="track_event", /, **more):
    said = {
        "type": "open", "event_id": "92356927693813856", "message_id": "000443ee14578172be22", "rcpt_to": "ann@example.com",
        "raw_rcpt_to": "Ann@example.com", "timestamp": str(NOW // 1000), "transmission_id": "65832150921904138", **more,
    }  # fmt: skip
    return {"msys": {event_class: said}}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("headers", BASIC)
    return sparkpost.adapt(signal(body, "/webhooks/sparkpost", **more), settings)


def test_only_the_secret_lets_in():
    assert only(adapt([event()], headers={"authorization": f"Bearer {SECRET}"})).kind == "email_opened"
    assert "missing" in refused(adapt([event()], headers={}))
    assert "wrong" in refused(adapt([event()], headers={"authorization": "Bearer nonsense"}))
    assert "LEADSTREAM_SPARKPOST_SECRETS" in refused(adapt([event()], replace(SETTINGS, secrets=())))


@pytest.mark.parametrize(("said", "kind"), [
    ("injection", "email_sent"), ("delivery", "email_delivered"), ("delay", "email_deferred"), ("bounce", "email_bounced"), ("out_of_band", "email_bounced"),
    ("policy_rejection", "email_dropped"), ("generation_failure", "email_dropped"), ("generation_rejection", "email_dropped"), ("open", "email_opened"),
    ("amp_open", "email_opened"), ("click", "email_clicked"), ("amp_click", "email_clicked"), ("list_unsubscribe", "email_unsubscribed"),
    ("link_unsubscribe", "email_unsubscribed"), ("spam_complaint", "email_complained"),
])  # fmt: skip
def test_each_event_has_its_kind_whatever_its_class(said, kind):
    for event_class in ("message_event", "track_event", "gen_event", "unsubscribe_event", "a_class_of_tomorrow"):
        found = only(adapt([event(event_class, type=said)]))
        assert (found.kind, found.channel, found.occurred_at, found.contact) == (kind, "email", NOW // 1000 * 1000, {"email": "ann@example.com"})


@pytest.mark.parametrize(("changed", "kind"), [
    ({}, "email_opened"), ({"is_prefetched": True}, "email_machine_opened"), ({"is_prefetched": "true"}, "email_machine_opened"), ({"is_prefetched": False}, "email_opened"),
    ({"user_agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, "email_machine_opened"),
    ({"user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_3) AppleWebKit/537.36"}, "email_opened"),
    ({"type": "click", "is_prefetched": True}, "email_clicked"),
])  # fmt: skip
def test_pictures_fetched_by_proxies_are_no_opens_by_people(changed, kind):
    assert only(adapt([event(**changed)])).kind == kind


@pytest.mark.parametrize(("wrapped", "reason"), [
    ({"msys": {}}, "ping"), ({"msys": {"relay_message": {"content": {}}}}, "inbound"), (event(type="initial_open"), "initial_open"),
    (event("message_event", type="bounce", bounce_class="60"), "auto_reply"), (event("message_event", type="out_of_band", bounce_class=100), "auto_reply"),
    (event("message_event", type="bounce", bounce_class="80"), "subscribed"), (event(type="sms_status"), "no_email_event"),
])  # fmt: skip
def test_what_says_nothing_of_a_recipient_is_ignored_by_name(wrapped, reason):
    outcome = adapt([event(), wrapped])
    assert [(each.index, each.reason) for each in outcome.ignored] == [(1, reason)]
    assert len(touchpoints(outcome)) == 1


def test_a_bounce_that_unsubscribes_is_no_bounce():
    assert only(adapt([event("message_event", type="bounce", bounce_class="90")])).kind == "email_unsubscribed"
    assert only(adapt([event("message_event", type="bounce", bounce_class="10", raw_reason="550 unknown")])).properties["reason"] == "550 unknown"


def test_a_redelivered_event_has_the_same_id():
    one = only(adapt([event()])).event_id
    assert only(adapt([event(timestamp=str(NOW // 1000 - 5))])).event_id == one
    assert only(adapt([event(event_id="92356927693813857")])).event_id != one
    composed = [only(adapt([event(event_id=None, type="click", target_link_url=f"https://x.example/{n}")])).event_id for n in (1, 1, 2)]
    assert composed[0] == composed[1] != composed[2]


def test_a_click_names_link_message_campaign_and_crm_id():
    found = only(adapt([event(type="click", target_link_url="https://x.example/a", campaign_id="Autumn", rcpt_meta={"crm_id": "c-7", "plan": "pro"})]))
    assert (found.campaign, found.crm_id, found.properties["url"], found.properties["plan"]) == ("Autumn", "c-7", "https://x.example/a", "pro")
    assert found.properties["message_id"] == "000443ee14578172be22"
    assert only(adapt([event(campaign_id="Autumn", rcpt_meta={"campaign": "Q4"})])).campaign == "Q4"


def test_times_are_read_in_both_formats():
    assert only(adapt([event(timestamp="2018-10-11T23:24:45.000+00:00")])).occurred_at == 1539300285000


@pytest.mark.parametrize(("wrapped", "field"), [
    ({}, "msys"), ({"msys": []}, "msys"), ({"msys": {"track_event": 5}}, "msys"), ({"msys": {"a": {}, "b": {}}}, "msys"), (5, "body"),
    (event(type="opened"), "type"), (event(type=None), "type"), (event(raw_rcpt_to=None, rcpt_to="nobody"), "rcpt_to"), (event(timestamp="4070908800"), "timestamp"),
])  # fmt: skip
def test_one_bad_event_is_rejected_by_its_field_and_its_neighbours_are_kept(wrapped, field):
    outcome = adapt([event(event_id="1"), wrapped, event(event_id="2")])
    (rejected,) = outcome.rejected
    assert (rejected.index, rejected.field, json.loads(rejected.body)) == (1, field, wrapped)
    assert len(outcome.touchpoints) == 2
    assert problem(adapt(event_lists.alone_in_list("", rejected.body))).field == field


@pytest.mark.parametrize("body", [b"{}", b"", b"{", b"5"])
def test_a_body_is_an_array(body):
    assert problem(adapt(body)).field == "body"
