"""Mandrill's signed forms: who may send them, and what each event becomes. After its documentation and published tests."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from processors.sources import mandrill
from processors.sources.mandrill import EVENTS, SIGNATURE, MandrillSettings
from processors.sources.signal import Answered
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

KEY, ADDRESS = "TEST_WEBHOOK_KEY", "https://collector.example.com/webhooks/mandrill?from=mandrill"
SETTINGS = MandrillSettings(secrets=(KEY,), addresses=(ADDRESS,), identity_key=IDENTITY_KEY)


def signature(fields, key=KEY, address=ADDRESS):
    """As Mandrill's documentation says it: the address, then each field's name and value in the order of their names."""
    signed = address + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(key.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def event(said="open", /, **more):
    message = {"_id": "m1", "email": "ann@example.com", "ts": NOW // 1000 - 60, **more.pop("msg", {})}
    return {"event": said, "_id": "m1", "ts": NOW // 1000, "msg": message, **more}


def adapt(events, settings=SETTINGS, **more):
    fields = {EVENTS: events if isinstance(events, str) else json.dumps(events)}
    headers = more.pop("headers", {SIGNATURE: signature(fields)})
    return mandrill.adapt(signal(urlencode(fields).encode(), "/webhooks/mandrill", headers=headers, **more), settings)


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_known_from_elsewhere_proves_a_form_of_several_fields():
    """Computed with `openssl dgst -sha1 -hmac key -binary | base64` over `https://a.example/b` + `a1` + `bü` + `mandrill_events[]`."""
    body = b"mandrill_events=%5B%5D&b=%C3%BC&a=1"
    settings = replace(SETTINGS, secrets=("key",), addresses=("https://a.example/b",))
    assert touchpoints(mandrill.adapt(signal(body, headers={SIGNATURE: "rgw51moDYOdnwEySDgIy4epTAqk="}), settings)) == ()


@pytest.mark.parametrize("headers", [{}, {SIGNATURE: ""}, {SIGNATURE: "AAAA"}, {SIGNATURE: "é"}, {SIGNATURE: signature({EVENTS: "[]"})}])
def test_a_missing_or_wrong_signature_is_refused(headers):
    assert "signature" in refused(adapt([event()], headers=headers))


@pytest.mark.parametrize("changed", [{"secrets": ("another key",)}, {"addresses": (ADDRESS + "/",)}, {"addresses": ("http://collector.example.com/webhooks/mandrill?from=mandrill",)}])
def test_key_and_address_are_signed_letter_by_letter(changed):
    assert "LEADSTREAM_MANDRILL_ADDRESSES" in refused(adapt([event()], replace(SETTINGS, **changed)))


def test_several_webhooks_have_keys_and_addresses_of_their_own():
    several = replace(SETTINGS, secrets=("other", KEY), addresses=("https://old.example/", ADDRESS))
    assert only(adapt([event()], several)).kind == "email_opened"


@pytest.mark.parametrize("changed", [{"secrets": ()}, {"addresses": ()}])
def test_without_key_or_address_the_door_is_closed(changed):
    assert "LEADSTREAM_MANDRILL_KEYS" in refused(adapt([event()], replace(SETTINGS, **changed)))


def test_the_question_whether_the_address_exists_is_answered_before_there_is_a_key():
    asked = replace(signal(b"", "/webhooks/mandrill"), method="HEAD")
    assert mandrill.adapt(asked, replace(SETTINGS, secrets=())) == Answered(body=b"")


def test_what_was_proved_when_it_came_needs_no_proof_again():
    body = mandrill.alone("/webhooks/mandrill", json.dumps(event(msg={"subject": "50 % & more + ü"})).encode())
    found = only(mandrill.adapt(replace(signal(body), proved=True), replace(SETTINGS, secrets=())))
    assert found.event_id == only(adapt([event()])).event_id
    assert found.properties["subject"] == "50 % & more + ü"


# ---- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind"), [
    ("send", "email_sent"), ("delivered", "email_delivered"), ("deferral", "email_deferred"), ("hard_bounce", "email_bounced"), ("soft_bounce", "email_bounced"),
    ("reject", "email_dropped"), ("open", "email_opened"), ("click", "email_clicked"), ("unsub", "email_unsubscribed"), ("spam", "email_complained"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind):
    found = only(adapt([event(said)]))
    assert (found.kind, found.channel, found.occurred_at, mandrill.family(kind)) == (kind, "email", NOW // 1000 * 1000, "email")
    assert (found.contact, found.properties["message_id"]) == ({"email": "ann@example.com"}, "m1")


def test_all_events_of_a_message_have_its_id_and_are_told_apart():
    events = [event("send"), event("open"), event("open", ts=NOW // 1000 - 1), event("click", url="https://a.example"), event("click", url="https://b.example")]
    assert len({found.event_id for found in touchpoints(adapt(events))}) == 5
    assert touchpoints(adapt(events)) == touchpoints(adapt(events))
    assert only(adapt([event(msg={"opens": [{"ts": 1}]})])).event_id == only(adapt([event()])).event_id


def test_metadata_and_tags_name_campaign_and_crm_id():
    found = only(adapt([event(msg={"metadata": {"crm_id": "c-7", "plan": "pro"}, "tags": ["autumn", "b2b"]})]))
    assert (found.campaign, found.crm_id, found.properties["plan"], found.properties["tags"]) == ("autumn", "c-7", "pro", "autumn,b2b")
    assert only(adapt([event(msg={"metadata": {"campaign": "Q4"}, "template": "welcome"})])).campaign == "Q4"
    assert only(adapt([event(msg={"metadata": [], "template": "welcome"})])).campaign == "welcome"


def test_opens_by_proxies_are_no_opens_by_people():
    assert only(adapt([event(user_agent="Mozilla/5.0")])).kind == "email_machine_opened"


def test_what_is_about_no_message_is_ignored_by_name():
    outcome = adapt([event(), {"type": "blacklist", "action": "add", "reject": {"email": "ann@example.com"}}, {"event": "inbound", "msg": {}}])
    assert [(each.index, each.reason) for each in outcome.ignored] == [(1, "no_email_event"), (2, "inbound")]


@pytest.mark.parametrize(("bad", "field"), [
    (event("opened"), "event"), ({**event(), "event": None}, "event"), (event(msg={"email": None}), "msg.email"), ({"event": "open", "ts": 1}, "msg.email"),
    (event(ts=0), "ts"), (5, "body"),
])  # fmt: skip
def test_one_bad_event_is_rejected_by_its_field_and_its_neighbours_are_kept(bad, field):
    outcome = adapt([event("send"), bad, event()])
    (rejected,) = outcome.rejected
    assert (rejected.index, rejected.field, json.loads(rejected.body)) == (1, field, bad)
    assert len(outcome.touchpoints) == 2


@pytest.mark.parametrize("said", ["", "{", "{}", "5", '"[]"'])
def test_the_field_holds_an_array(said):
    assert problem(adapt(said)).field == "body"


def test_a_signed_form_without_the_field_is_rejected():
    body, fields = b"other=1", {"other": "1"}
    assert problem(mandrill.adapt(signal(body, headers={SIGNATURE: signature(fields)}), SETTINGS)).field == EVENTS


def test_too_many_events_are_refused_whole():
    assert problem(adapt([event()] * 3, replace(SETTINGS, events_max=2))).reason == "too_many_events"


def test_a_form_of_endless_fields_is_refused_unread():
    assert "fields" in refused(mandrill.adapt(signal(b"&" * 2_000, headers={SIGNATURE: "x"}), SETTINGS))
