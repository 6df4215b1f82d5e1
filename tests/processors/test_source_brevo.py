"""Brevo's events: who may send them, and what each becomes. Written after its documentation and published tests."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import brevo, event_lists
from processors.sources.email_events import EmailSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

SECRET = "brevo-secret-0123456789"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
MESSAGE = "<202611212156.1@smtp-relay.example>"


def event(**more):
    return {"event": "unique_opened", "email": "ann@example.com", "id": 26224, "message-id": MESSAGE, "ts_epoch": NOW - 5_000, **more}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("query", {"secret": SECRET})
    return brevo.adapt(signal(body, "/webhooks/brevo", **more), settings)


def test_only_the_secret_lets_in():
    basic = base64.b64encode(f"brevo:{SECRET}".encode()).decode()
    assert only(adapt(event(), query={}, headers={"authorization": f"Basic {basic}"})).kind == "email_opened"
    assert only(adapt(event(), query={}, headers={"authorization": f"Bearer {SECRET}"})).kind == "email_opened"
    assert "missing" in refused(adapt(event(), query={}))
    assert "wrong" in refused(adapt(event(), query={"secret": "brevo-secret-0123456788"}))
    assert "LEADSTREAM_BREVO_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=())))


@pytest.mark.parametrize(("said", "kind"), [
    ("request", "email_sent"), ("sent", "email_sent"), ("delivered", "email_delivered"), ("deferred", "email_deferred"), ("hard_bounce", "email_bounced"),
    ("soft_bounce", "email_bounced"), ("invalid_email", "email_bounced"), ("blocked", "email_dropped"), ("error", "email_dropped"),
    ("opened", "email_opened"), ("unique_opened", "email_opened"), ("click", "email_clicked"), ("unsubscribe", "email_unsubscribed"),
    ("unsubscribed", "email_unsubscribed"), ("spam", "email_complained"), ("complaint", "email_complained"),
    ("proxy_open", "email_machine_opened"), ("unique_proxy_open", "email_machine_opened"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind):
    found = only(adapt(event(event=said)))
    assert (found.kind, found.channel, brevo.family(kind), found.occurred_at) == (kind, "email", "email", NOW - 5_000)
    assert (found.properties["message_id"], found.contact) == (MESSAGE, {"email": "ann@example.com"})


def test_the_time_is_the_one_in_utc():
    """`ts` and `date` of a transactional event are in the time zone of the account."""
    local = {"ts": NOW // 1000 - 9 * 3600, "date": "2026-11-21 12:56:35"}
    assert only(adapt(event(**local))).occurred_at == NOW - 5_000
    marketing = event(event="opened", ts_event=NOW // 1000 - 60, **local)
    del marketing["ts_epoch"]
    assert only(adapt(marketing)).occurred_at == (NOW // 1000 - 60) * 1000
    assert only(adapt({"event": "opened", "email": "ann@example.com"})).occurred_at == NOW


def test_a_marketing_click_names_link_and_campaign():
    click = {"event": "click", "email": "ann@example.com", "id": 1, "camp_id": 98, "campaign name": "Autumn", "ts_event": NOW // 1000, "URL": "https://x.example/a"}
    found = only(adapt(click))
    assert (found.kind, found.campaign, found.properties["url"], found.properties["message_id"]) == ("email_clicked", "Autumn", "https://x.example/a", "98")


def test_the_same_event_again_is_the_same_and_a_first_open_told_twice_is_one():
    one = only(adapt(event())).event_id
    assert only(adapt(event(id=99, subject="other"))).event_id == one
    assert only(adapt(event(event="opened", ts_epoch=NOW - 4_600))).event_id == one, "within the same second"
    others = [event(ts_epoch=NOW - 6_001), event(email="bob@example.com"), event(event="proxy_open"), event(**{"message-id": "<2@x>"}), event(event="click", link="https://a.example")]
    ids = {only(adapt(each)).event_id for each in others}
    assert len(ids | {one}) == 6
    links = {only(adapt(event(event="click", link=f"https://a.example/{n}"))).event_id for n in range(3)}
    assert len(links) == 3


def test_own_fields_name_campaign_and_crm_id():
    custom = json.dumps({"campaign": "Q4", "crm_id": 9007199254740993, "plan": "pro", "email": "x@y.example", "phone": "1"})
    found = only(adapt(event(**{"X-Mailin-custom": custom, "tags": ["a", "b"]})))
    assert (found.campaign, found.crm_id, found.properties["plan"], found.properties["tags"]) == ("Q4", "9007199254740993", "pro", "a,b")
    assert not {"email", "phone"} & set(found.properties)
    assert only(adapt(event(tags=["first", "second"], tag='["first","second"]'))).campaign == "first"
    assert only(adapt(event(tag="single"))).campaign == "single"
    assert only(adapt(event(**{"X-Mailin-custom": "order 5"}))).properties["custom"] == "order 5"
    assert only(adapt(event(**{"X-Mailin-custom": "{" * 5_000}))).properties["custom"][0] == "{"


def test_a_batch_is_an_array_and_one_bad_event_leaves_its_neighbours():
    outcome = adapt([event(ts_epoch=NOW), event(event="nonsense"), event(event="delivered"), 5, event(email=None), {"event": "list_addition", "email": "a@b.example"}])
    assert len(outcome.touchpoints) == 2
    assert [(each.index, each.field) for each in outcome.rejected] == [(1, "event"), (3, "body"), (4, "email")]
    assert [(each.index, each.reason) for each in outcome.ignored] == [(5, "no_email_event")]
    again = adapt(event_lists.as_it_came("/webhooks/brevo", json.dumps(event()).encode()))
    assert only(again).event_id == touchpoints(adapt([event()]))[0].event_id
    assert problem(adapt([event()] * 3, replace(SETTINGS, events_max=2))).reason == "too_many_events"


@pytest.mark.parametrize("body", [b"", b"5", b"{", b"[5", b"null"])
def test_a_body_is_an_event_or_an_array_of_them(body):
    assert problem(adapt(body)).field == "body"
