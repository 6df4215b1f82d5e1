"""The doors of the services that send email, through a running collector: let in, written, counted once, put back."""

import base64
import hashlib
import hmac
import json
from urllib.parse import unquote_plus, urlencode

import pytest

from processors.sources.signal import Adapted, Signal
from streams.collecting.doors import doors
from streams.settings import Settings
from tests.streams.collecting import NOW, served

LOCAL = Settings.local()
AT = NOW // 1000


def js(value) -> bytes:
    return json.dumps(value).encode()


def as_mandrill(events) -> bytes:
    return urlencode({"mandrill_events": json.dumps(events)}).encode()


def sparkpost_event(**said):
    return [{"msys": {"track_event": {"type": "click", "event_id": "1", "timestamp": str(AT), **said}}}]


def mandrill_event(**message):
    return [{"event": "click", "_id": "m", "ts": AT, "url": "https://x.example/a", "msg": {"_id": "m", **message}}]


ANN = "ann@initech.com"
SENT = {
    "brevo": js({"event": "click", "email": ANN, "message-id": "m", "ts_epoch": NOW, "link": "https://x.example/a"}),
    "sparkpost": js(sparkpost_event(rcpt_to=ANN, message_id="m", target_link_url="https://x.example/a")),
    "mailjet": js({"event": "click", "email": ANN, "MessageID": 1, "time": AT, "url": "https://x.example/a"}),
    "mandrill": as_mandrill(mandrill_event(email=ANN)),
    "mailchimp": urlencode({"type": "subscribe", "fired_at": "2026-11-21 21:56:30", "data[email]": ANN, "data[list_id]": "l"}).encode(),
}
UNUSABLE = {
    "brevo": (js({"event": "click", "email": "nobody"}), "email"), "sparkpost": (js(sparkpost_event(rcpt_to="nobody")), "rcpt_to"),
    "mailjet": (js([{"event": "clicked", "email": ANN}]), "event"), "mandrill": (as_mandrill(mandrill_event(email=None)), "msg.email"),
    "mailchimp": (urlencode({"type": "subscribe"}).encode(), "data.email"),
}  # fmt: skip


def proof(source: str, body: bytes) -> dict[str, str]:
    """The headers that let *body* in: Mandrill's signature over address and fields, else the secret by Basic auth."""
    if source == "mandrill":
        events = body.removeprefix(b"mandrill_events=")
        assert events != body
        signed = LOCAL.mandrill_addresses[0] + "mandrill_events" + unquote_plus(events.decode())
        digest = hmac.new(LOCAL.mandrill_keys[0].encode(), signed.encode(), hashlib.sha1).digest()
        return {"X-Mandrill-Signature": base64.b64encode(digest).decode()}
    secret = getattr(LOCAL, f"{source}_secrets")[0]
    return {"Authorization": "Basic " + base64.b64encode(f"leadstream:{secret}".encode()).decode()}


@pytest.mark.parametrize("source", SENT)
async def test_an_event_goes_to_the_topic_of_email_and_a_redelivery_has_the_same_id(source):
    body = SENT[source]
    async with served() as collector:
        for _ in range(2):
            answer = await collector.post(f"/webhooks/{source}/", body, headers=proof(source, body))
            assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1})
        one, again = collector.box.touchpoints()
        assert (one.source, one.kind, one.event_id) == (source, "newsletter_subscribed" if source == "mailchimp" else "email_clicked", again.event_id)
        assert {topic for topic, *_ in collector.box.records} == {"touchpoints.email"}


@pytest.mark.parametrize("source", SENT)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic bGVhZHN0cmVhbTp3cm9uZw=="}, {"X-Mandrill-Signature": "AAAA"}])
async def test_who_proves_nothing_gets_nowhere_and_leaves_nothing(source, headers):
    async with served() as collector:
        answer = await collector.post(f"/webhooks/{source}", SENT[source], headers=headers)
        assert (answer.status, answer.json["code"], collector.box.attempts) == (401, "unauthorised", [])


@pytest.mark.parametrize("source", SENT)
async def test_a_door_without_its_secret_is_closed(source):
    async with served(brevo_secrets=(), sparkpost_secrets=(), mailjet_secrets=(), mailchimp_secrets=(), mandrill_keys=()) as collector:
        answer = await collector.post(f"/webhooks/{source}", SENT[source], headers=proof(source, SENT[source]))
        assert (answer.status, f"LEADSTREAM_{source.upper()}_" in answer.json["message"]) == (401, True)


@pytest.mark.parametrize("source", SENT)
async def test_what_cannot_be_used_is_kept_with_its_bytes_and_is_no_better_when_it_is_put_back(source):
    body, field = UNUSABLE[source]
    async with served() as collector:
        answer = await collector.post(f"/webhooks/{source}", body, headers=proof(source, body))
        assert answer.status == (400 if source == "brevo" else 200), "those that would send it again are told 200"
        (letter,) = collector.box.dead_letters()
        assert letter.headers["field"] == field
        assert getattr(LOCAL, f"{source}_secrets", LOCAL.mandrill_keys)[0] not in str(letter.headers)
        (door,) = (door for door in doors(LOCAL) if door.source == source)
        whole = door.alone(f"/webhooks/{source}", letter.body)
        again = door.adapt(Signal(method="POST", path=f"/webhooks/{source}", headers={}, query={}, body=whole, received_at=NOW, proved=True))
        assert isinstance(again, Adapted)
        assert [(each.field, each.body) for each in again.rejected] == [(field, letter.body)]


async def test_mailchimp_asks_with_get_and_mandrill_with_head_whether_the_address_is_ours():
    async with served() as collector:
        secret = LOCAL.mailchimp_secrets[0]
        assert (await collector.ask("GET", f"/webhooks/mailchimp?secret={secret}")).status == 200
        assert (await collector.ask("GET", "/webhooks/mailchimp?secret=wrong")).status == 401
        assert (await collector.ask("HEAD", "/webhooks/mandrill")).status == 200
        assert (await collector.ask("GET", "/webhooks/mandrill")).status == 405
        assert (await collector.ask("GET", f"/webhooks/brevo?secret={LOCAL.brevo_secrets[0]}")).status == 405
        assert collector.box.attempts == []
