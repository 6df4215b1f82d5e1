"""The doors of booking, form, call and billing tools, through a running collector: signed in, written, counted once."""

import hashlib
import hmac
import json
from base64 import b64encode

import pytest

from processors.sources.signal import Adapted, Signal
from streams.collecting.doors import doors
from streams.settings import Settings
from tests.streams.collecting import NOW, served

LOCAL = Settings.local()
AT = str(NOW // 1000)


def mac(secret, message, hashed=hashlib.sha256):
    return hmac.new(secret.encode(), message, hashed)


def timed(header, secret):
    return lambda body: {header: f"t={AT},v1={mac(secret, f'{AT}.'.encode() + body).hexdigest()}"}


SIGNED = {
    "stripe": timed("Stripe-Signature", LOCAL.stripe_secrets[0]),
    "calendly": timed("Calendly-Webhook-Signature", LOCAL.calendly_secrets[0]),
    "zoom": lambda body: {"x-zm-request-timestamp": AT, "x-zm-signature": "v0=" + mac(LOCAL.zoom_secrets[0], f"v0:{AT}:".encode() + body).hexdigest()},
    "typeform": lambda body: {"Typeform-Signature": "sha256=" + b64encode(mac(LOCAL.typeform_secrets[0], body).digest()).decode()},
    "callrail": lambda body: {"Signature": b64encode(mac(LOCAL.callrail_secrets[0], body, hashlib.sha1).digest()).decode()},
}
CHECKOUT = {"id": "cs_1", "payment_status": "paid", "amount_total": 9900, "currency": "usd", "customer_details": {"email": "ann@initech.com"}}
REGISTRANT = {"id": "r1", "email": "ann@initech.com", "first_name": "Ann"}
SENT = {
    "stripe": {"id": "evt_1", "type": "checkout.session.completed", "created": NOW // 1000, "data": {"object": CHECKOUT}},
    "calendly": {"event": "invitee.created", "created_at": "2026-11-21T21:50:00.000000Z", "payload": {"uri": "https://x/EV/invitees/IN", "email": "ann@initech.com"}},
    "zoom": {"event": "webinar.registration_created", "event_ts": NOW, "payload": {"object": {"id": 9, "registrant": REGISTRANT}}},
    "typeform": {"event_type": "form_response", "form_response": {"form_id": "F", "token": "t", "answers": [{"type": "email", "email": "ann@initech.com", "field": {"id": "f"}}]}},
    "callrail": {"resource_id": "CAL1", "start_time": "2026-11-21T16:50:00-05:00", "duration": 9, "customer_phone_number": "+14045551234"},
}  # fmt: skip
ARRIVES = {
    "stripe": ("deal_won", "touchpoints.crm"), "calendly": ("demo_booked", "touchpoints.web"), "zoom": ("webinar_registered", "touchpoints.web"),
    "typeform": ("form_submitted", "touchpoints.web"), "callrail": ("phone_call", "touchpoints.crm"),
}  # fmt: skip
UNUSABLE = {
    "stripe": ({"type": "invoice.paid"}, "data.object"), "calendly": ({"event": "invitee.created", "payload": {}}, "payload.email"),
    "zoom": ({"event": "webinar.registration_created"}, "payload.object.registrant"), "typeform": ({}, "form_response"), "callrail": ({"duration": 5}, "id"),
}  # fmt: skip


def js(value) -> bytes:
    return json.dumps(value, indent=1).encode()


@pytest.mark.parametrize("source", SIGNED)
async def test_a_signed_event_goes_to_its_topic_and_a_redelivery_has_the_same_id(source):
    body, (kind, topic) = js(SENT[source]), ARRIVES[source]
    async with served() as collector:
        for path in (f"/webhooks/{source}", f"/webhooks/{source}/"):
            answer = await collector.post(path, body, headers=SIGNED[source](body))
            assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1})
        first, again = collector.box.touchpoints()
        assert (first.source, first.kind, first.event_id) == (source, kind, again.event_id)
        assert {written for written, *_ in collector.box.records} == {topic}


@pytest.mark.parametrize("source", SIGNED)
async def test_an_unsigned_changed_or_stolen_request_leaves_nothing_behind(source):
    body = js(SENT[source])
    others = [headers for other, headers in SIGNED.items() if other != source]
    async with served() as collector:
        for sent, headers in [(body, {}), (body + b" ", SIGNED[source](body)), *((body, each(body)) for each in others)]:
            answer = await collector.post(f"/webhooks/{source}", sent, headers=headers)
            assert (answer.status, answer.json["code"]) == (401, "unauthorised")
        assert collector.box.attempts == []
    async with served(**{f"{source}_secrets": ()}) as collector:
        answer = await collector.post(f"/webhooks/{source}", body, headers=SIGNED[source](body))
        assert (answer.status, f"LEADSTREAM_{source.upper()}_SECRETS" in answer.json["message"]) == (401, True)


@pytest.mark.parametrize("source", SIGNED)
async def test_what_cannot_be_used_is_named_and_kept_and_not_asked_for_again(source):
    said, field = UNUSABLE[source]
    body = js(said)
    async with served() as collector:
        answer = await collector.post(f"/webhooks/{source}", body, headers=SIGNED[source](body))
        assert answer.status == (400 if source == "callrail" else 200)
        assert answer.json["rejected"][0]["field"] == field
        (letter,) = collector.box.dead_letters()
        assert (letter.body, letter.source, letter.headers["field"]) == (body, source, field)


@pytest.mark.parametrize("source", SIGNED)
def test_a_dead_letter_is_read_again_through_its_door_without_its_signature(source):
    (door,) = (each for each in doors(LOCAL) if each.source == source)
    body = js(SENT[source])
    again = Signal(method="POST", path=door.paths[0], headers={}, query={}, body=door.alone(door.paths[0], body), received_at=NOW, proved=True)
    found = door.adapt(again)
    assert isinstance(found, Adapted)
    assert [each.kind for each in found.touchpoints] == [ARRIVES[source][0]]


async def test_zoom_s_question_is_answered_and_counted_nowhere():
    body = js({"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}})
    async with served() as collector:
        answer = await collector.post("/webhooks/zoom", body, headers=SIGNED["zoom"](body))
        assert (answer.status, answer.json) == (200, {"plainToken": "abc", "encryptedToken": mac(LOCAL.zoom_secrets[0], b"abc").hexdigest()})
        assert (await collector.post("/webhooks/zoom", body)).status == 401
        assert collector.box.attempts == []


async def test_while_kafka_is_away_senders_are_told_to_come_again():
    async with served() as collector:
        collector.box.problem = "away"
        for source, body in ((source, js(said)) for source, said in SENT.items()):
            answer = await collector.post(f"/webhooks/{source}", body, headers=SIGNED[source](body))
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)


async def test_settings_reach_their_doors():
    chosen = {"calendly_demo_names": ("tour",), "typeform_kinds": ("F=demo_booked",), "zoom_own_domains": ("initech.com",), "stripe_window_s": 1, "callrail_time_zone": "America/New_York"}
    async with served(**chosen, now=lambda: NOW + 60_000) as collector:
        sent = SENT | {"callrail": SENT["callrail"] | {"start_time": "2026-11-21 16:50:00"}}
        answers = {source: await collector.post(f"/webhooks/{source}", js(said), headers=SIGNED[source](js(said))) for source, said in sent.items()}
        assert answers["stripe"].status == 401
        assert answers["zoom"].json["ignored"] == {"colleague": 1}
        found = {each.source: each for each in collector.box.touchpoints()}
        assert (found["calendly"].kind, found["typeform"].kind, found["callrail"].occurred_at) == ("meeting_booked", "demo_booked", 1795297800000)
