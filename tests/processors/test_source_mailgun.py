"""Mailgun's events, JSON and forms: who may send them, and what each becomes. Written after its documentation and published tests."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.sources import mailgun
from processors.sources.mailgun import MailgunSettings
from processors.sources.tokens import Tokens
from tests.processors.signals import IDENTITY_KEY, NOW, PAYLOADS, only, payload, payloads, problem, refused, signal

KEY = "a-webhook-signing-key"
RECORDED_KEY = "TEST_WEBHOOK_SIGNING_KEY"
AT = NOW / 1000 - 10.5
BOUNDARY = "multipart/form-data; boundary=BoUnDaRy"


def settings(*keys, **more):
    return MailgunSettings(secrets=keys or (KEY,), identity_key=IDENTITY_KEY, **more)


def proof(token="t-1", at=NOW // 1000, key=KEY):
    return {"timestamp": str(at), "token": token, "signature": hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()}


def event(said="opened", **more):
    return {"event": said, "id": "id-1", "timestamp": AT, "recipient": "ann@example.com", "message": {"headers": {"message-id": "m-1@x", "subject": "Hello"}}, **more}


def adapt(event_data, chosen=None, *, signature=None, **more):
    body = event_data if isinstance(event_data, bytes) else json.dumps({"event-data": event_data, "signature": proof() if signature is None else signature}).encode()
    return mailgun.adapt(signal(body, "/webhooks/mailgun", **more), chosen or settings())


def form(*said, at=NOW // 1000):
    """A body of a legacy webhook, with its proof at the end."""
    fields = [*said, *proof(at=at).items()]
    return b"".join(f'--BoUnDaRy\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields) + b"--BoUnDaRy--\r\n"


def adapt_form(*said, chosen=None, content_type=BOUNDARY, **more):
    return adapt(form(*said), chosen, headers={"content-type": content_type}, **more)


# ---- who may send ----------------------------------------------------------------------------------------------------


def test_the_signature_lets_in_by_any_of_the_keys():
    assert only(adapt(event())).kind == "email_opened"
    only(adapt(event(), settings("the-next-key", KEY)))
    only(adapt(event(), signature=proof() | {"timestamp": NOW // 1000}))
    assert "does not match" in refused(adapt(event(), settings("another-key")))


@pytest.mark.parametrize("changed", [
    {"signature": "00" * 32}, {"token": "t-2"}, {"timestamp": str(NOW // 1000 + 1)}, {"signature": None}, {"token": 5}, {"timestamp": None}, {"signature": "é\udcff"},
    {"timestamp": True}, {"token": ""}, {"timestamp": ""},
])  # fmt: skip
def test_a_changed_or_missing_proof_is_refused(changed):
    refused(adapt(event(), signature=proof() | changed))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b'{"event-data": {"event": "opened"}}', b'{"signature": 5}', b"a=b", b"\xff=\xfe"])
def test_who_proves_nothing_is_refused_whatever_he_sends(body):
    refused(adapt(body))
    refused(adapt(body, headers={"content-type": BOUNDARY}))


def test_without_a_key_the_door_is_closed():
    assert "LEADSTREAM_MAILGUN_KEYS" in refused(adapt(event(), replace(settings(), secrets=())))


def test_a_recorded_request_is_of_no_use_after_the_time_that_mailgun_sends_again():
    only(adapt(event(), signature=proof(at=NOW // 1000 - 8 * 3600)))
    assert "32400 s" in refused(adapt(event(), signature=proof(at=NOW // 1000 - 9 * 3600 - 1)))
    refused(adapt(event(), signature=proof(at=NOW // 1000 + 9 * 3600 + 1)))
    assert only(adapt(event(), signature=proof(at=NOW // 1000 - 99 * 3600), import_id="history")).import_id == "history"


def test_a_proof_stands_for_one_event_which_may_come_again_and_for_no_other():
    """The signature says nothing of the event: one that was seen would otherwise let in any number of forged ones."""
    chosen = settings()
    one = only(adapt(event(), chosen)).event_id
    assert only(adapt(dict(reversed(event().items())), chosen, received_at=NOW + 3_600_000)).event_id == one, "a re-send"
    for forged in (event("clicked"), event(recipient="eve@example.com"), event(id="id-2"), event(extra=1)):
        assert "token" in refused(adapt(forged, chosen))
    only(adapt(event("clicked"), chosen, signature=proof("t-2")))
    assert refused(adapt(event("unsubscribed"), chosen, signature=proof("t-3", key="wrong")))
    only(adapt(event("complained"), chosen, signature=proof("t-3"))), "what was refused has used nothing up"


def test_tokens_are_bounded_and_the_oldest_is_forgotten_first():
    tokens = Tokens(most=2)
    assert [tokens.stands_for(name, b"1") for name in "abc"] == [True] * 3
    assert [tokens.stands_for(name, b"2") for name in "bc"] == [False] * 2
    assert tokens.stands_for("a", b"2"), "forgotten"


# ---- recordings ------------------------------------------------------------------------------------------------------


def recorded(name):
    """A recording by its test's name, its clock put back to the instant it was signed."""
    case = "MailgunLegacyTestCase" if (PAYLOADS / f"mailgun/anymail/MailgunLegacyTestCase.test_{name}.body.txt").exists() else "MailgunTestCase"
    stem = f"mailgun/anymail/{case}.test_{name}"
    headers = json.loads(payload(stem + ".headers.json"))
    body = payload(stem + (".body.txt" if "Legacy" in case else ".json"))
    return body, {"content-type": headers["content_type"]}


@pytest.mark.parametrize(("name", "at", "told"), [
    ("clicked_event", 1534109600, "email_clicked"), ("complained_event", 1377214260, "email_complained"), ("delivered_event", 1461261330, "email_delivered"),
    ("failed_greylisted_event", 1534111899, "email_deferred"), ("failed_permanent_event", 1534110422, "email_bounced"), ("failed_temporary_event", 1534111899, "email_deferred"),
    ("opened_event", 1534109600, "email_opened"), ("rejected_event", 1529704976, "email_dropped"), ("unsubscribed_event", 1377213791, "email_unsubscribed"),
    ("dropped_bounce", 1461261330, "email_dropped"), ("metadata_key_conflicts", 1461261330, "email_clicked"), ("alt_smtp_code", 1234567890, "email_bounced"),
    ("invalid_mailbox", 1234567890, "email_bounced"), ("dropped_spam", 1234567890, "email_dropped"), ("dropped_timed_out", 1234567890, "email_dropped"),
])  # fmt: skip
def test_a_recording_is_proved_and_becomes_its_kind(name, at, told):
    body, headers = recorded(name)
    found = only(adapt(body, settings(RECORDED_KEY), headers=headers, received_at=at * 1000 + 2_000))
    assert found.kind == told
    assert found.contact["email"].endswith(("@example.com", "@example.org", "@mx.example.com", "@nomx.example.com"))


@pytest.mark.parametrize("name", ["delivery_status_is_none_event", "tags", "x_tags", "metadata_post_fields", "metadata_message_headers"])
def test_a_recording_without_recipient_is_refused_by_that_field(name):
    body, headers = recorded(name)
    assert problem(adapt(body, settings(RECORDED_KEY), headers=headers, received_at=1234567890_000)).field == "recipient"


def test_inbound_mail_is_ignored_by_name():
    body, headers = recorded("misconfigured_inbound")
    assert [each.reason for each in adapt(body, settings(RECORDED_KEY), headers=headers, received_at=1234567890_000).ignored] == ["inbound"]


def test_the_sender_s_own_fields_do_not_pass_for_mailgun_s():
    body, headers = recorded("metadata_key_conflicts")
    found = only(adapt(body, settings(RECORDED_KEY), headers=headers, received_at=1461261330_000))
    assert (found.contact["email"], found.properties["url"], found.occurred_at) == ("actual-recipient@example.com", "http://clicked.example.com/actual/event/param", 1461261330_000)
    assert (found.campaign, found.properties["tags"], found.properties["ordinary field"]) == ("actual-tag-1", "actual-tag-1,actual-tag-2", "ordinary metadata value")


@pytest.mark.parametrize(("name", "keys", "right"), [
    ("SecurityTestCase.test_verifies_correct_signature", (RECORDED_KEY,), True), ("SecurityTestCase.test_verifies_bad_signature", (RECORDED_KEY,), False),
    ("SecurityTestCase.test_verifies_missing_signature", (RECORDED_KEY,), False), ("SettingsTestCase.test_requires_webhook_signing_key", (RECORDED_KEY,), True),
    ("SettingsTestCase.test_defaults_webhook_signing_to_api_key", (RECORDED_KEY,), False),
])  # fmt: skip
def test_the_recorded_signatures_prove_what_they_should(name, keys, right):
    outcome = adapt(payload(f"mailgun/anymail/MailgunWebhook{name}.json"), settings(*keys), received_at=1234567890_000)
    assert problem(outcome).field == "recipient" if right else refused(outcome)


def test_no_recording_is_left_out():
    assert len(payloads("mailgun/anymail", "*.headers.json")) == 28


# ---- events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind"), [
    (event("accepted"), "email_sent"), (event("delivered"), "email_delivered"), (event("failed", severity="permanent"), "email_bounced"), (event("failed"), "email_bounced"),
    (event("failed", severity="temporary"), "email_deferred"), (event("failed", severity="permanent", reason="suppress-bounce"), "email_dropped"),
    (event("rejected"), "email_dropped"), (event("opened"), "email_opened"), (event("clicked"), "email_clicked"), (event("unsubscribed"), "email_unsubscribed"),
    (event("complained"), "email_complained"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind):
    found = only(adapt(said))
    assert (found.kind, found.channel, mailgun.family(kind), found.occurred_at) == (kind, "email", "email", NOW - 10_500)
    assert (found.properties["message_id"], found.contact) == ("m-1@x", {"email": "ann@example.com"})


@pytest.mark.parametrize("client", [
    {"bot": "apple"}, {"bot": "gmail"}, {"bot": "generic"}, {"bot": True}, {"user-agent": "Mozilla/5.0"},
    {"user-agent": "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"},
])  # fmt: skip
def test_an_open_by_a_machine_is_no_open_by_a_person(client):
    assert only(adapt(event(**{"client-info": client}))).kind == "email_machine_opened"


def test_a_click_is_a_machine_s_where_mailgun_says_so():
    found = only(adapt(event("clicked", url="https://x.example/a", **{"client-info": {"bot": "generic"}})))
    assert (found.kind, found.properties["bot"], found.properties["url"]) == ("email_machine_clicked", "generic", "https://x.example/a")
    for client in ({"bot": ""}, {"bot": None}, {"bot": False}, {"bot": "none"}, {"user-agent": "Mozilla/5.0"}, {}, 5):
        assert only(adapt(event("clicked", **{"client-info": client}))).kind == "email_clicked"


def test_user_variables_and_tags_name_campaign_and_crm_id():
    found = only(adapt(event(tags=["autumn", "b2b"], **{"user-variables": {"crm_id": 9007199254740993, "plan": "pro"}, "ip": "192.0.2.1"})))
    assert (found.campaign, found.crm_id, found.properties["plan"], found.properties["tags"]) == ("autumn", "9007199254740993", "pro", "autumn,b2b")
    assert "192.0.2.1" not in str(found)
    assert only(adapt(event(tags=["autumn"], **{"user-variables": '{"campaign": "Q4"}'}))).campaign == "Q4"
    assert only(adapt(event(campaigns=[{"id": "c", "name": "Old"}]))).campaign == "Old"


def test_events_are_told_apart_by_mailgun_s_id_or_else_by_what_they_say():
    one = only(adapt(event())).event_id
    assert only(adapt(event(timestamp=AT + 1))).event_id == one
    assert only(adapt(event(id="id-2"))).event_id != one
    without = [event(id=None), event(id=None, timestamp=AT + 1), event("clicked", id=None), event("clicked", id=None, url="https://x.example/a"), event("clicked", id=None, url="https://x.example/b")]
    assert len({only(adapt(each)).event_id for each in without}) == 5


@pytest.mark.parametrize(("said", "reason"), [("stored", "inbound"), ("list_member_uploaded", "no_email_event"), ("email_validation", "no_email_event")])
def test_what_says_nothing_of_an_email_sent_is_ignored_by_name(said, reason):
    assert [each.reason for each in adapt(event(said)).ignored] == [reason]


@pytest.mark.parametrize(("said", "field"), [
    (event("seen"), "event"), (event(None), "event"), ({}, "event"), (event(recipient=None), "recipient"), (event(recipient=5, message=None), "recipient"),
    (event(timestamp=0), "timestamp"), (event(**{"user-variables": {"crm_id": "x" * 200}}), "user-variables.crm_id"), (event(note=10**60, **{"user-variables": {"n": 10**60}}), "user-variables.n"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    assert problem(adapt(said)).field == field


# ---- the older forms -------------------------------------------------------------------------------------------------

SAID = (("event", "opened"), ("recipient", "ann@example.com"), ("Message-Id", "<m-1@x>"), ("crm_id", "c-7"), ("user-agent", "Firefox"), ("tag", "autumn"))


def test_a_form_becomes_what_the_json_becomes():
    found = only(adapt_form(*SAID))
    assert (found.kind, found.crm_id, found.campaign, found.occurred_at, found.properties["user_agent"]) == ("email_opened", "c-7", "autumn", NOW, "Firefox")
    assert found.event_id == only(adapt_form(*SAID)).event_id != only(adapt_form(("event", "clicked"), *SAID)).event_id


def test_a_form_may_come_in_a_browser_s_shape_and_hold_files():
    fields = "&".join(f"{name}={value}" for name, value in (("event", "opened"), ("recipient", "ann%40example.com"), *proof().items()))
    assert only(adapt(fields.encode(), headers={"content-type": "application/x-www-form-urlencoded"})).contact == {"email": "ann@example.com"}
    with_file = form(*SAID).replace(b"--BoUnDaRy--", b'--BoUnDaRy\r\nContent-Disposition: form-data; name="event"; filename="e"\r\n\r\nclicked\r\n--BoUnDaRy--')
    assert only(adapt(with_file, headers={"content-type": BOUNDARY})).kind == "email_opened"
    assert only(adapt_form(*SAID, content_type='Multipart/Form-Data; charset=utf-8; boundary="BoUnDaRy"')).kind == "email_opened"


def test_the_proof_of_a_form_stands_for_one_event_too():
    chosen = settings()
    only(adapt_form(*SAID, chosen=chosen))
    only(adapt_form(*SAID, chosen=chosen))
    assert "token" in refused(adapt_form(("event", "clicked"), *SAID, chosen=chosen))


@pytest.mark.parametrize("broken", [
    {"content_type": "multipart/form-data"}, {"content_type": "multipart/form-data; boundary=other"}, {"content_type": "multipart/form-data; boundary=" + "x" * 71},
])  # fmt: skip
def test_a_form_that_cannot_be_read_proves_nothing(broken):
    assert "multipart" in refused(adapt_form(*SAID, **broken))


def test_a_form_without_end_without_name_or_without_measure_proves_nothing():
    headers = {"content-type": BOUNDARY}
    assert "end" in refused(adapt(form(*SAID).replace(b"--BoUnDaRy--", b""), headers=headers))
    assert "name" in refused(adapt(form(*SAID).replace(b'name="event"', b"name="), headers=headers))
    assert "at most" in refused(adapt(form(*[("a", "b")] * 1_001), headers=headers))
    assert "at most" in refused(adapt(b"a=b&" * 1_001 + b"x=y"))


def test_headers_that_were_sent_along_may_be_anything():
    for said in ("[", "5", '[["X-Mailgun-Variables", 5], 7, ["a"]]', "[" * 5_000):
        assert only(adapt_form(*SAID, ("message-headers", said))).kind == "email_opened"
    found = only(adapt_form(("event", "delivered"), ("recipient", "ann@example.com"), ("message-headers", '[["X-Mailgun-Variables", "{\\"crm_id\\": \\"c-9\\"}"], ["Subject", "Hi"], ["X-Mailgun-Tag", "t"]]')))
    assert (found.crm_id, found.properties["subject"], found.campaign) == ("c-9", "Hi", "t")
