"""Calendly's signed webhooks: what was booked, moved, canceled or missed, by whom, and what they answered."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.sources import calendly
from processors.sources.calendly import SIGNATURE, CalendlySettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, payload, problem, refused, signal

SETTINGS = CalendlySettings(secrets=("calendly-key",), identity_key=IDENTITY_KEY)
PATH = "/webhooks/calendly"
URI = "https://api.calendly.com/scheduled_events/EV1/invitees/IN1"


def signed(body, secret="calendly-key", at=NOW // 1000):
    return {SIGNATURE: f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return calendly.adapt(signal(body, PATH, headers=signed(body), **more), settings)


def event(what="invitee.created", **more):
    invitee = {
        "uri": URI, "email": "Ann@Initech.com", "name": "Ann Lee", "first_name": None, "last_name": None, "status": "active", "rescheduled": False,
        "old_invitee": None, "created_at": "2026-11-21T21:50:13.072950Z", "updated_at": "2026-11-21T21:50:13.072950Z", "timezone": "Europe/Berlin",
        "questions_and_answers": [], "text_reminder_number": None, "payment": None, "tracking": {"utm_source": None, "utm_campaign": None},
        "scheduled_event": {"name": "Product Demo (30 min)", "start_time": "2026-11-25T09:00:00.000000Z", "location": {"type": "zoom", "join_url": "https://zoom.us/j/1"}},
    }  # fmt: skip
    return {"event": what, "created_at": "2026-11-21T21:55:13.000000Z", "created_by": "https://api.calendly.com/users/U", "payload": invitee | more}


def ignored(outcome):
    assert (outcome.touchpoints, outcome.rejected) == ((), ())
    return [each.reason for each in outcome.ignored]


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_of_these_bytes_within_five_minutes_proves():
    body = json.dumps(event()).encode()
    only(calendly.adapt(signal(body, PATH, headers=signed(body, at=NOW // 1000 - 290)), SETTINGS))
    for headers in ({}, signed(body, "wrong"), signed(body + b"\n"), signed(body, at=NOW // 1000 - 600), {SIGNATURE: "t=,v1="}):
        assert SIGNATURE in refused(calendly.adapt(signal(body, PATH, headers=headers), SETTINGS))
    only(calendly.adapt(signal(body, PATH, headers=signed(body, at=NOW // 1000 - 600)), replace(SETTINGS, window_s=900)))
    assert "LEADSTREAM_CALENDLY_SECRETS" in refused(adapt(event(), replace(SETTINGS, secrets=())))


# ---- events ---------------------------------------------------------------------------------------------------------


def test_a_booking_is_a_demo_of_its_person():
    found = only(adapt(event()))
    assert (found.kind, found.email_domain, found.contact) == ("demo_booked", "initech.com", {"name": "Ann Lee", "email": "ann@initech.com"})
    assert (found.channel, found.occurred_at) == ("none", 1795297813072)
    assert found.properties == {"event_name": "Product Demo (30 min)", "start_time": "2026-11-25T09:00:00.000000Z", "location": "zoom", "timezone": "Europe/Berlin"}


def test_settings_say_which_event_types_are_demos():
    some = replace(SETTINGS, demo_names=("demo", "Tour"))
    assert only(adapt(event(), some)).kind == "demo_booked"
    assert only(adapt(event(scheduled_event={"name": "Office tour"}), some)).kind == "demo_booked"
    assert only(adapt(event(scheduled_event={"name": "Support call"}), some)).kind == "meeting_booked"
    assert only(adapt(event(scheduled_event=None), some)).kind == "meeting_booked"
    assert only(adapt(event("invitee.canceled", scheduled_event={"name": "Support call"}), some)).kind == "meeting_canceled"


def test_a_cancellation_says_by_whom_and_when():
    found = only(adapt(event("invitee.canceled", status="canceled", cancellation={"canceler_type": "invitee", "reason": "ill", "canceled_by": "Ann Lee"})))
    assert (found.kind, found.occurred_at) == ("demo_canceled", 1795298113000)
    assert (found.properties["canceler"], found.properties["reason"]) == ("invitee", "ill")
    assert found.event_id != only(adapt(event())).event_id


def test_moving_a_meeting_is_one_event_and_no_new_booking():
    """Calendly tells it as a cancellation that is none, and as a new invitee that names the old one."""
    assert ignored(adapt(event("invitee.canceled", rescheduled=True, status="canceled"))) == ["rescheduled"]
    moved = only(adapt(event(uri=URI.replace("IN1", "IN2"), old_invitee=URI)))
    assert moved.kind == "demo_rescheduled"
    assert moved.event_id != only(adapt(event())).event_id


def test_who_did_not_come_missed_it():
    assert only(adapt(event("invitee_no_show.created", no_show={"uri": "x"}))).kind == "demo_missed"


def test_who_did_not_come_is_known_by_the_booking_where_no_address_is_told():
    """It may come as the invitee, or as a reference to the invitee; and the event of either is the same."""
    booked, whole = only(adapt(event())), only(adapt(event("invitee_no_show.created")))
    referring = only(adapt({"event": "invitee_no_show.created", "created_at": "2026-11-21T21:55:13Z", "payload": {"uri": "https://api.calendly.com/invitee_no_shows/N1", "invitee": URI}}))
    assert (referring.kind, referring.email_hash, referring.visitor_id) == ("demo_missed", None, "calendly.EV1/invitees/IN1")
    assert referring.visitor_id == whole.visitor_id == booked.visitor_id
    assert referring.event_id == whole.event_id


def test_a_routing_form_is_a_form_whose_answers_say_who_it_was():
    said = [{"question": "Business email", "answer": "ann@initech.com"}, {"question": "Company size", "answer": "51-200"}]
    found = only(adapt({"event": "routing_form_submission.created", "created_at": "2026-11-21T21:55:13.000000Z", "payload": {"uri": "https://api.calendly.com/routing_form_submissions/R1", "questions_and_answers": said, "tracking": {"utm_source": "linkedin"}}}))
    assert (found.kind, found.email_domain, found.profile, found.channel) == ("form_submitted", "initech.com", {"size": "51-200"}, "social")


def test_a_redelivery_has_the_same_id():
    assert only(adapt(event())).event_id == only(adapt(event(updated_at="2026-11-21T21:59:13Z") | {"created_at": "2026-11-21T21:56:00Z"})).event_id
    assert only(adapt(event(uri=URI.replace("EV1", "EV2")))).event_id != only(adapt(event())).event_id


def test_other_events_are_ignored_by_name():
    assert ignored(adapt({"event": "user.updated"})) == ["other_event"]
    assert ignored(adapt(event("invitee_no_show.deleted"))) == ["other_event"]


# ---- what is told of the person -------------------------------------------------------------------------------------


def test_answers_tell_of_the_profile_by_their_wording_or_by_settings():
    said = [{"question": "Job title", "answer": "Head of IT", "position": 0}, {"question": "What is your budget?", "answer": "20.000 €", "position": 1}]
    found = only(adapt(event(questions_and_answers=said), replace(SETTINGS, meanings=("what is your budget=budget",))))
    assert found.profile == {"role": "director", "function": "it", "budget": "10000-49999"}
    assert found.properties["what_is_your_budget"] == "20.000 €"


def test_tracking_tells_channel_campaign_and_the_crm_s_id():
    found = only(adapt(event(tracking={"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "Q4 & more", "utm_term": None, "salesforce_uuid": "00Q5e000"})))
    assert (found.channel, found.campaign, found.crm_id, found.properties["utm_source"]) == ("paid_search", "Q4 & more", "00Q5e000", "google")


def test_control_characters_are_taken_out_of_campaigns():
    assert only(adapt(event(tracking={"utm_campaign": "Q\x004"}))).campaign == "Q4"
    assert only(adapt(event(tracking={"utm_campaign": "\x00"}))).campaign is None


def test_names_and_numbers_are_contact_data_alone():
    found = only(adapt(event(name=None, first_name="Ann", last_name="Lee", text_reminder_number="+49 30 1")))
    assert found.contact == {"name": "Ann Lee", "phone": "+49 30 1", "email": "ann@initech.com"}
    assert "+49 30 1" not in found.properties.values()


def test_without_a_readable_time_it_is_marked():
    assert only(adapt(event(created_at="soon"))).properties["created_at_unreadable"] == "created_at"
    assert only(adapt(event(created_at=None))).occurred_at == 1795298113000


@pytest.mark.parametrize(("said", "field"), [
    (event(email=None), "payload.email"), (event(email="nobody"), "payload.email"), (event(email=5), "payload.email"), (event(uri=None), "payload.uri"),
    (event(uri="x" * 200), "payload.uri"), (event(created_at=5), "payload.created_at"), ({**event(), "payload": None}, "payload"), ({**event(), "payload": []}, "payload"),
    ({**event(), "event": None}, "event"), ({**event(), "event": {}}, "event"), (event("invitee.canceled") | {"created_at": 1}, "created_at"),
    (event(questions_and_answers=[{"question": "x", "answer": "y" * 40_000}]), "payload.x"), (b"[]", "body"), (b"", "body"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_with_its_bytes(said, field):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.body) == (field, body)


@pytest.mark.parametrize("odd", [
    {"questions_and_answers": 5}, {"questions_and_answers": [5, None, {"question": []}]}, {"tracking": []}, {"tracking": {"utm_source": "\ud800"}}, {"scheduled_event": "x"},
    {"scheduled_event": {"name": {}}}, {"name": 5}, {"payment": 5}, {"cancellation": "x"},
])  # fmt: skip
def test_odd_values_are_no_error(odd):
    assert only(adapt(event(**odd))).kind == "demo_booked"


def test_the_recording_is_a_demo_and_without_its_event_it_is_refused_by_name():
    recorded = json.loads(payload("calendly/activepieces/invitee.created.json"))
    assert problem(adapt(recorded)).field == "event"
    found = only(adapt({"event": "invitee.created", **recorded}))
    assert (found.kind, found.email_domain, found.contact["name"], found.occurred_at) == ("demo_booked", "activepieces.com", "abdul", 1675000213072)
