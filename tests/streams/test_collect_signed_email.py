"""The doors of the email services that sign, or stop, in a way of their own, through a running collector."""

import hashlib
import hmac
import json

import pytest

from processors.sources.signal import Adapted, Signal
from processors.sources.signatures import standard_key, standard_signature
from streams.collecting.doors import doors
from streams.settings import Settings
from tests.streams.collecting import NOW, served

LOCAL = Settings.local()
AT = NOW // 1000
ANN = "ann@initech.com"
URL = "https://x.example/a"


def js(value) -> bytes:
    return json.dumps(value).encode()


def mailgun(event_data, token="t-1") -> bytes:
    signature = hmac.new(LOCAL.mailgun_keys[0].encode(), f"{AT}{token}".encode(), hashlib.sha256).hexdigest()
    return js({"event-data": event_data, "signature": {"timestamp": str(AT), "token": token, "signature": signature}})


def mailgun_form(**said) -> bytes:
    signature = hmac.new(LOCAL.mailgun_keys[0].encode(), f"{AT}t-9".encode(), hashlib.sha256).hexdigest()
    fields = {**said, "timestamp": AT, "token": "t-9", "signature": signature}
    parts = (f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    return "".join((*parts, "--b--\r\n")).encode()


SENT = {
    "mailgun": mailgun({"event": "clicked", "id": "1", "timestamp": AT, "recipient": ANN, "url": URL}),
    "postmark": js({"RecordType": "Click", "MessageID": "m", "Recipient": ANN, "ReceivedAt": "2026-11-21T21:56:30.9065619Z", "OriginalLink": URL}),
    "resend": js({"type": "email.clicked", "created_at": "2026-11-21T21:56:30Z", "data": {"email_id": "m", "to": [ANN], "click": {"link": URL}}}),
    "standard": js({"type": "email.clicked", "timestamp": "2026-11-21T21:56:30Z", "data": {"email": ANN, "url": URL}}),
}
UNUSABLE = {
    "mailgun": (mailgun({"event": "seen", "recipient": ANN}), "event", 406), "postmark": (js({"RecordType": "Click", "Recipient": "nobody"}), "Recipient", 403),
    "resend": (js({"type": "email.clicked", "data": {"to": ["nobody"]}}), "data.to", 200), "standard": (js({"type": "email.clicked"}), "data", 200),
}  # fmt: skip


def proof(door: str, body: bytes) -> dict[str, str]:
    """The headers that let *body* in; Mailgun's proof lies within it."""
    if door == "mailgun":
        return {}
    if door == "postmark":
        return {"Authorization": f"Bearer {LOCAL.postmark_secrets[0]}"}
    secret, prefix = (LOCAL.resend_secrets[0], "svix-") if door == "resend" else (LOCAL.standard_webhooks_secrets[0], "webhook-")
    signature = standard_signature(body, "msg_1", str(AT), key=standard_key(secret))
    return {prefix + "id": "msg_1", prefix + "timestamp": str(AT), prefix + "signature": signature}


@pytest.mark.parametrize("door", SENT)
async def test_an_event_goes_to_the_topic_of_email_and_a_redelivery_has_the_same_id(door):
    body = SENT[door]
    async with served() as collector:
        for _ in range(2):
            answer = await collector.post(f"/webhooks/{door}/", body, headers=proof(door, body))
            assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1})
        one, again = collector.box.touchpoints()
        assert (one.kind, one.contact["email"], one.properties["url"], one.event_id) == ("email_clicked", ANN, URL, again.event_id)
        assert {topic for topic, *_ in collector.box.records} == {"touchpoints.email"}


async def test_mailgun_s_older_forms_come_in_by_the_same_door():
    body = mailgun_form(event="opened", recipient=ANN, campaign="Q4")
    async with served() as collector:
        answer = await collector.post("/webhooks/mailgun", body, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert (answer.status, collector.box.touchpoints()[0].campaign) == (200, "Q4")


async def test_a_proof_of_mailgun_s_that_was_seen_lets_no_other_event_in_but_a_re_send_after_an_outage():
    async with served() as collector:
        collector.box.problem = "Kafka is away"
        assert (await collector.post("/webhooks/mailgun", SENT["mailgun"])).status == 503
        collector.box.problem = None
        assert (await collector.post("/webhooks/mailgun", mailgun({"event": "clicked", "recipient": "eve@initech.com"}))).status == 401
        assert (await collector.post("/webhooks/mailgun", SENT["mailgun"])).status == 200
        assert [each.contact["email"] for each in collector.box.touchpoints()] == [ANN]


@pytest.mark.parametrize("door", SENT)
async def test_who_proves_nothing_gets_nowhere_and_leaves_nothing(door):
    async with served() as collector:
        for body, headers in ((b"{}", {}), (SENT[door].replace(b"ann@", b"eve@").replace(b"t-1", b"t-2"), proof(door, SENT[door]) if door != "postmark" else {})):
            answer = await collector.post(f"/webhooks/{door}", body, headers=headers)
            assert (answer.status, answer.json["code"], collector.box.attempts) == (401, "unauthorised", [])


@pytest.mark.parametrize("door", SENT)
async def test_a_door_without_its_secret_is_closed(door):
    async with served(mailgun_keys=(), postmark_secrets=(), resend_secrets=(), standard_webhooks_secrets=()) as collector:
        answer = await collector.post(f"/webhooks/{door}", SENT[door], headers=proof(door, SENT[door]))
        assert (answer.status, f"LEADSTREAM_{door.upper()}" in answer.json["message"]) == (401, True)


@pytest.mark.parametrize("door", SENT)
async def test_what_cannot_be_used_is_kept_with_its_bytes_and_not_sent_again(door):
    """Mailgun stops at 406 and Postmark at 403; the others send again whatever is not answered 200."""
    body, field, status = UNUSABLE[door]
    async with served() as collector:
        answer = await collector.post(f"/webhooks/{door}", body, headers=proof(door, body))
        assert (answer.status, answer.json.get("field", field)) == (status, field)
        (letter,) = collector.box.dead_letters()
        assert (letter.headers["field"], letter.body) == (field, body)
        (kept,) = (each for each in doors(LOCAL) if f"/webhooks/{door}" in each.paths)
        again = kept.adapt(Signal(method="POST", path=kept.paths[0], headers=letter.headers, query={}, body=kept.alone(kept.paths[0], letter.body), received_at=NOW, proved=True))
        assert isinstance(again, Adapted)
        assert [(each.field, each.body) for each in again.rejected] == [(field, body)]
