"""Zoom's signed webhooks: registrations, who came, and the question whether this address is ours."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.sources import zoom
from processors.sources.signal import Adapted, Answered, Unauthorised
from processors.sources.zoom import SIGNATURE, TIMESTAMP, ZoomSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal

SETTINGS = ZoomSettings(secrets=("zoom-token", "older-token"), identity_key=IDENTITY_KEY)
PATH = "/webhooks/zoom"


def mac(secret, message):
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def signed(body, secret="zoom-token", at=NOW // 1000):
    return {TIMESTAMP: str(at), SIGNATURE: "v0=" + mac(secret, f"v0:{at}:".encode() + body)}


def adapt(body, settings=SETTINGS, *, secret="zoom-token", **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return zoom.adapt(signal(body, PATH, headers=signed(body, secret), **more), settings)


def event(what, **meeting):
    held = {"id": 91234567890, "uuid": "uuid==", "host_id": "host-1", "topic": "Lead scoring in practice", "type": 5, "start_time": "2026-11-21T21:00:00Z", "duration": 60}
    return {"event": what, "event_ts": NOW - 60_000, "payload": {"account_id": "A1", "object": held | meeting}}


def registration(what="webinar.registration_created", **more):
    registrant = {"id": "reg-1", "email": "Ann@Initech.com", "first_name": "Ann", "last_name": "Lee", "status": "approved", "join_url": "https://zoom.us/w/9?tk=secret"}
    return event(what, registrant=registrant | more)


def join(what="webinar.participant_joined", **more):
    participant = {"user_id": "167", "user_name": "Ann Lee", "id": "acc-7", "email": "ann@initech.com", "join_time": "2026-11-21T21:50:00Z", "registrant_id": "reg-1"}
    return event(what, participant=participant | more)


def ignored(outcome):
    assert (outcome.touchpoints, outcome.rejected) == ((), ())
    return [each.reason for each in outcome.ignored]


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_by_any_of_the_tokens_proves_also_when_zoom_repeats():
    body = json.dumps(registration()).encode()
    for headers in (signed(body), signed(body, "older-token"), signed(body, at=NOW // 1000 - 95 * 60)):
        only(zoom.adapt(signal(body, PATH, headers=headers), SETTINGS))


def test_wrong_signatures_are_refused():
    body = json.dumps(registration()).encode()
    right = signed(body)
    for headers in ({}, signed(body, "wrong"), signed(body + b" "), right | {TIMESTAMP: str(NOW // 1000 + 1)}, {SIGNATURE: right[SIGNATURE]}, right | {SIGNATURE: right[SIGNATURE].removeprefix("v0=")}, right | {SIGNATURE: "v1" + right[SIGNATURE][2:]}, right | {SIGNATURE: "v2" + right[SIGNATURE][2:]}, right | {SIGNATURE: "v0=\udcff"}):
        assert SIGNATURE in refused(zoom.adapt(signal(body, PATH, headers=headers), SETTINGS))
    assert TIMESTAMP in refused(zoom.adapt(signal(body, PATH, headers=signed(body, at=NOW // 1000 - 7201)), SETTINGS))
    assert "LEADSTREAM_ZOOM_SECRETS" in refused(adapt(registration(), replace(SETTINGS, secrets=())))


# ---- the question ---------------------------------------------------------------------------------------------------


def question(token="qgg8vlvZRS6UYooatFL8Aw"):
    return {"event": "endpoint.url_validation", "payload": {"plainToken": token}, "event_ts": NOW}


@pytest.mark.parametrize("secret", ["zoom-token", "older-token"])
def test_zoom_s_question_is_answered_by_the_token_that_signed_it(secret):
    outcome = adapt(question(), secret=secret)
    assert isinstance(outcome, Answered)
    assert json.loads(outcome.body) == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": mac(secret, b"qgg8vlvZRS6UYooatFL8Aw")}


def test_a_stranger_s_question_is_not_answered():
    body = json.dumps(question()).encode()
    for headers in ({}, signed(body, "wrong")):
        assert isinstance(zoom.adapt(signal(body, PATH, headers=headers), SETTINGS), Unauthorised)


@pytest.mark.parametrize("token", [f"v0:{NOW // 1000}:{{}}", "", None, 5, "x" * 129, "a b", "a\n", {}])
def test_no_answer_can_be_taken_for_the_signature_of_an_event(token):
    assert problem(adapt(question(token))).field == "payload.plainToken"


def test_a_question_in_a_dead_letter_gets_no_answer():
    body = json.dumps(question()).encode()
    outcome = zoom.adapt(replace(signal(body, PATH), proved=True), SETTINGS)
    assert isinstance(outcome, Adapted)
    assert problem(outcome).field == "event"


# ---- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind", "channel"), [
    (registration(), "webinar_registered", "none"), (registration("meeting.registration_created"), "meeting_booked", "none"),
    (registration("webinar.registration_cancelled"), "webinar_canceled", "crm"), (registration("meeting.registration_cancelled"), "meeting_canceled", "crm"),
    (join(), "webinar_attended", "event"), (join("meeting.participant_joined"), "meeting_held", "crm"),
])  # fmt: skip
def test_each_event_has_its_kind(said, kind, channel):
    found = only(adapt(said))
    assert (found.kind, found.channel, found.email_domain, found.visitor_id) == (kind, channel, "initech.com", "zoom.reg-1")
    assert (found.properties["topic"], found.properties["meeting_id"]) == ("Lead scoring in practice", "91234567890")
    assert found.contact == {"name": "Ann Lee", "email": "ann@initech.com"}


def test_a_registration_tells_the_profile_that_zoom_asks_for():
    found = only(adapt(registration(org="Initech", job_title="VP Marketing", industry="Software", country="DE", no_of_employees="51-100", purchasing_time_frame="Within a month", role_in_purchase_process="Decision Maker", phone="+49 30 1", address="6th St", city="Berlin", zip="10115")))
    assert found.profile == {"role": "vp", "function": "marketing", "industry": "software", "size": "51-200", "country": "DE", "timeframe": "0-1"}
    assert found.contact == {"name": "Ann Lee", "phone": "+49 30 1", "company": "Initech", "email": "ann@initech.com"}
    assert found.properties["role_in_purchase_process"] == "Decision Maker"
    assert not {"6th St", "Berlin", "10115"} & set(found.properties.values())
    assert "tk=secret" not in str(found)


def test_custom_questions_are_read_by_their_wording_or_by_settings():
    said = registration(custom_questions=[{"title": "What can you spend?", "value": "15000"}, {"title": "Tools", "value": "Excel"}])
    found = only(adapt(said, replace(SETTINGS, meanings=("what can you spend=budget",))))
    assert (found.profile["budget"], found.properties["tools"]) == ("10000-49999", "Excel")


def test_the_tracked_link_of_a_registration_is_its_road():
    found = only(adapt(registration(tracking_source={"id": "1", "source_name": "linkedin", "tracking_url": "https://x"})))
    assert (found.channel, found.properties["utm_source"]) == ("social", "linkedin")


def test_who_comes_without_an_address_is_known_by_the_registration():
    found = only(adapt(join(email="")))
    assert (found.visitor_id, found.email_hash, found.occurred_at) == ("zoom.reg-1", None, 1795297800000)
    assert only(adapt(join(registrant_id=None))).visitor_id == "zoom.acc-7"


def test_coming_again_after_the_connection_broke_is_the_same_visit_and_the_next_webinar_is_another():
    first, again = only(adapt(join())), only(adapt(join(join_time="2026-11-21T21:55:00Z", user_id="168")))
    assert first.event_id == again.event_id
    next_week = join()
    next_week["payload"]["object"]["uuid"] = "another=="
    assert only(adapt(next_week)).event_id != first.event_id


def test_a_redelivery_has_the_same_id_and_registering_again_another():
    assert only(adapt(registration())).event_id == only(adapt(registration())).event_id
    assert only(adapt(registration())).event_id != only(adapt(registration() | {"event_ts": NOW})).event_id


def test_hosts_colleagues_and_guests_who_only_typed_a_name_are_no_leads():
    assert ignored(adapt(join(id="host-1"))) == ["host"]
    assert ignored(adapt(join(), replace(SETTINGS, own_domains=("initech.com",)))) == ["colleague"]
    assert ignored(adapt(join(email="", id="", registrant_id=""))) == ["nobody_known"]


@pytest.mark.parametrize("what", ["webinar.started", "meeting.participant_left", "webinar.registration_approved", "recording.completed"])
def test_other_events_are_ignored_by_name(what):
    assert ignored(adapt(event(what))) == ["other_event"]


@pytest.mark.parametrize(("said", "field"), [
    (event("webinar.registration_created"), "payload.object.registrant"), (event("webinar.participant_joined", participant=5), "payload.object.participant"),
    (registration() | {"event_ts": 5}, "event_ts"), (join(join_time="1970-01-01"), "payload.object.participant.join_time"), (registration(id="x" * 200), "payload.object.registrant.id"),
    (registration() | {"event": None}, "event"), (registration() | {"event": 5}, "event"), (registration() | {"payload": []}, "payload"),
    (registration() | {"payload": {}}, "payload.object.registrant"), (b"[]", "body"), (b"", "body"), (registration(comments="x" * 40_000), "payload.object.comments"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_with_its_bytes(said, field):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.body) == (field, body)


@pytest.mark.parametrize("odd", [{"id": {}}, {"custom_questions": [5]}, {"custom_questions": {}}, {"org": []}, {"tracking_source": "x"}, {"first_name": 5}, {"status": {}}])
def test_odd_values_are_no_error(odd):
    assert only(adapt(registration(**odd))).email_domain == "initech.com"


def test_without_a_readable_time_it_is_marked():
    assert only(adapt(registration() | {"event_ts": "soon"})).properties["event_ts_unreadable"] == "event_ts"
    assert only(adapt(registration() | {"event_ts": None})).occurred_at == NOW
