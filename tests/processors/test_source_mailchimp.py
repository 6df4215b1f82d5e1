"""Mailchimp's audience webhooks: who may send them, and what each becomes. Written after its documentation."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from processors.sources import mailchimp
from processors.sources.email_events import EmailSettings
from processors.sources.signal import Answered
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

SECRET = "mailchimp-secret-0123"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
SAID = "2026-11-21 21:56:30"


def form(said="subscribe", /, **data):
    fields = {"type": said, "fired_at": SAID, "data[id]": "8a25ff1d98", "data[list_id]": "a6b5da1054", "data[email]": "ann@example.com"}
    return {**fields, **{f"data[{name}]": value for name, value in data.items()}}


def merges(**said):
    return {f"data[merges][{name}]": value for name, value in said.items()}


def adapt(fields, settings=SETTINGS, *, method="POST", query=None, **more):
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    query = {"secret": SECRET} if query is None else query
    return mailchimp.adapt(replace(signal(body, "/webhooks/mailchimp", query=query, **more), method=method), settings)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_question_whether_the_address_exists_is_answered_to_who_knows_the_secret(method):
    assert adapt(b"", method=method) == Answered(body=b"")
    refused(adapt(b"", method=method, query={}))
    assert touchpoints(adapt(b"")) == ()


def test_only_the_secret_lets_in():
    assert "missing" in refused(adapt(form(), query={}))
    assert "wrong" in refused(adapt(form(), query={"secret": SECRET + "x"}))
    assert "LEADSTREAM_MAILCHIMP_SECRETS" in refused(adapt(form(), replace(SETTINGS, secrets=())))


@pytest.mark.parametrize(("fields", "kind", "channel"), [
    (form(), "newsletter_subscribed", "none"), (form("unsubscribe", action="unsub", reason="manual"), "email_unsubscribed", "email"),
    (form("cleaned", reason="hard"), "email_bounced", "email"), (form("cleaned", reason="abuse"), "email_complained", "email"), (form("profile"), "identified", "none"),
])  # fmt: skip
def test_each_event_has_its_kind(fields, kind, channel):
    found = only(adapt(fields))
    assert (found.kind, found.channel, found.contact["email"], mailchimp.family(kind)) == (kind, channel, "ann@example.com", "email")
    assert (found.occurred_at, found.properties["list_id"]) == (NOW // 1000 * 1000 - 10_000, "a6b5da1054")


def test_merge_fields_are_contact_profile_and_properties():
    said = merges(EMAIL="ann@example.com", FNAME="Ann", LNAME="Bee", PHONE="+1 555", COMPANY="Acme", JOB_TITLE="CEO", INTERESTS="a, b", CRM_ID="c-7", BIRTHDAY="05/15")
    found = only(adapt({**form(), **said, "data[merges][ADDRESS][city]": "Berlin", "data[ip_opt]": "192.0.2.1"}))
    assert found.contact == {"email": "ann@example.com", "name": "Ann Bee", "phone": "+1 555", "company": "Acme"}
    assert found.crm_id == "c-7"
    assert found.profile.get("role") is not None
    assert found.properties["interests"] == "a, b"
    assert not {"fname", "lname", "phone", "birthday", "address.city", "ip_opt"} & set(found.properties)


def test_who_changes_the_address_is_known_by_the_new_one():
    found = only(adapt({"type": "upemail", "fired_at": SAID, "data[new_email]": "new@example.com", "data[old_email]": "ann@example.com", "data[list_id]": "l"}))
    assert (found.kind, found.contact["email"]) == ("identified", "new@example.com")


def test_the_same_event_again_is_the_same():
    said = [form(), {**form(), **merges(FNAME="Ann")}, form("profile"), form(list_id="other"), form(email="bob@example.com"), {**form(), "fired_at": "2026-11-21 21:56:29"}]
    ids = [only(adapt(each)).event_id for each in said]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


def test_a_campaign_that_was_sent_is_about_nobody():
    (ignored,) = adapt({"type": "campaign", "fired_at": SAID, "data[id]": "5aa2102003", "data[status]": "sent"}).ignored
    assert ignored.reason == "no_recipient"


@pytest.mark.parametrize(("fields", "field"), [
    ({**form(), "type": "subscribed"}, "type"), ({"fired_at": SAID}, "type"), ({"type[x]": "subscribe"}, "type"), (form(email="nobody"), "data.email"),
    ({"type": "subscribe", "data": "x"}, "data.email"), ({**form(), "fired_at": "1970-01-01 00:00:00"}, "fired_at"), (b"%00=%ff&&&", "type"),
    (b"&" * 2_000, "body"), ({"type": "upemail", "data[email]": "ann@example.com"}, "data.new_email"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(fields, field):
    rejected = problem(adapt(fields))
    assert rejected.field == field
    assert rejected.body == (fields if isinstance(fields, bytes) else urlencode(fields).encode())
