"""Mailjet's events: who may send them, and what each becomes. Written after its documentation and published tests."""

import base64
import json
from dataclasses import replace

import pytest

from processors.sources import event_lists, mailjet
from processors.sources.email_events import EmailSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

SECRET = "mailjet-secret-012345"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
BASIC = {"authorization": "Basic " + base64.b64encode(f"mailjet:{SECRET}".encode()).decode()}


def event(**more):
    return {"event": "open", "time": NOW // 1000, "MessageID": 19421777835146490, "email": "ann@example.com", "mj_campaign_id": 7257, **more}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("headers", BASIC)
    return mailjet.adapt(signal(body, "/webhooks/mailjet", **more), settings)


def test_only_the_secret_lets_in():
    assert "missing" in refused(adapt(event(), headers={}))
    assert "wrong" in refused(adapt(event(), headers={}, query={"secret": "mailjet"}))
    assert "LEADSTREAM_MAILJET_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=())))


@pytest.mark.parametrize(("said", "kind"), [
    ("sent", "email_delivered"), ("open", "email_opened"), ("click", "email_clicked"), ("bounce", "email_bounced"), ("blocked", "email_dropped"),
    ("spam", "email_complained"), ("unsub", "email_unsubscribed"),
])  # fmt: skip
def test_each_event_has_its_kind_alone_and_grouped(said, kind):
    alone, grouped = only(adapt(event(event=said))), only(adapt([event(event=said)]))
    assert (alone.kind, alone.channel, alone.occurred_at) == (kind, "email", NOW // 1000 * 1000)
    assert alone == grouped
    assert alone.properties["message_id"] == "19421777835146490", "every digit"


def test_a_greylisted_message_is_only_deferred():
    assert only(adapt(event(event="bounce", error="greylisted", hard_bounce=False))).kind == "email_deferred"
    hard = only(adapt(event(event="bounce", error="user unknown", hard_bounce=True)))
    assert (hard.kind, hard.properties["reason"], hard.properties["hard_bounce"]) == ("email_bounced", "user unknown", "true")


def test_opens_by_proxies_are_no_opens_by_people():
    assert only(adapt(event(agent="Mozilla/5.0 (via ggpht.com GoogleImageProxy)"))).kind == "email_machine_opened"
    assert only(adapt(event(agent="Mozilla/5.0"))).kind == "email_machine_opened"
    assert only(adapt(event(agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0"))).kind == "email_opened"


def test_the_same_event_again_is_the_same():
    ids = [only(adapt(each)).event_id for each in (
        event(), event(ip="1.2.3.4"), event(time=NOW // 1000 - 1), event(event="sent"), event(MessageID=2), event(email="bob@example.com"),
        event(event="click", url="https://x.example/1"), event(event="click", url="https://x.example/2"),
    )]  # fmt: skip
    assert ids[0] == ids[1]
    assert len(set(ids)) == 7


def test_the_sender_s_payload_names_campaign_and_crm_id():
    found = only(adapt(event(Payload='{"crm_id": 7, "campaign": "Q4"}', customcampaign="Autumn", CustomID="order-5")))
    assert (found.campaign, found.crm_id, found.properties["CustomID"]) == ("Q4", "7", "order-5")
    assert only(adapt(event(Payload="", customcampaign="Autumn"))).campaign == "Autumn"
    assert only(adapt(event(Payload="order 5"))).properties["payload"] == "order 5"


def test_one_bad_event_leaves_its_neighbours_and_comes_back_as_it_came():
    outcome = adapt([event(), event(event="opened"), event(email=""), event(event="sent")])
    assert [(each.index, each.field) for each in outcome.rejected] == [(1, "event"), (2, "email")]
    assert len(outcome.touchpoints) == 2
    assert problem(adapt(event_lists.as_it_came("", outcome.rejected[0].body))).field == "event"
    assert touchpoints(adapt([])) == ()


@pytest.mark.parametrize("body", [b"", b"5", b"[", b'"x"'])
def test_a_body_is_an_event_or_an_array_of_them(body):
    assert problem(adapt(body)).field == "body"
