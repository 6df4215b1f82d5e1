"""The laws of adapters, for the email services with proofs of their own: whatever is sent, nothing is raised, lost or told twice."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from processors.sources import amazon_ses, mailgun, postmark, resend, standard_webhooks
from processors.sources.amazon_ses import SesSettings
from processors.sources.amazon_sns import SnsSettings
from processors.sources.email_events import EmailSettings
from processors.sources.mailgun import MailgunSettings
from processors.sources.resend import ResendSettings
from processors.sources.signal import Adapted, Unauthorised
from processors.sources.standard_webhooks import StandardSettings
from tests.processors.signals import IDENTITY_KEY, NOW, SECRET, signal
from tests.processors.test_source_laws import lawful, values

ADAPTERS = {
    "mailgun": (mailgun, MailgunSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)), "postmark": (postmark, EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)),
    "resend": (resend, ResendSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)),
    "standard_webhooks": (standard_webhooks, StandardSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)),
    "amazon_ses": (amazon_ses, SesSettings(identity_key=IDENTITY_KEY, sns=SnsSettings(topics=(), store=None))),
}  # fmt: skip
ANN = "ann@example.com"
AT = "2026-11-21T21:56:30Z"
TRUE = {
    "mailgun": {"event": "clicked", "id": "1", "timestamp": NOW // 1000, "recipient": ANN, "tags": [], "user-variables": {}, "client-info": {}, "message": {}, "delivery-status": {}, "url": "u"},
    "postmark": {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "MessageID": "m", "Email": ANN, "BouncedAt": AT, "Metadata": {}, "Tag": "t", "UserAgent": "u", "OriginalLink": "u"},
    "resend": {"type": "email.clicked", "created_at": AT, "to": [ANN], "email_id": "m", "tags": {}, "click": {"link": "u"}, "bounce": {}, "subject": "s"},
    "standard_webhooks": {"type": "user.created", "timestamp": AT, "email": ANN, "user": {}, "crm_id": 1, "campaign": "c", "email_addresses": [], "url": "u", "name": "Ann"},
    "amazon_ses": {"eventType": "Bounce", "mail": {"destination": [ANN]}, "bounce": {"bouncedRecipients": [{"emailAddress": ANN}]}, "click": {}, "open": {}, "Type": "Notification"},
}  # fmt: skip


def body_of(source, said):
    """The body of *source* that holds the event *said*, its fields in their places."""
    if not isinstance(said, dict):
        return json.dumps(said).encode()
    if source == "mailgun":
        return json.dumps({"event-data": said}).encode()
    if source in ("resend", "standard_webhooks"):
        outside = ("type", "created_at", "timestamp")
        return json.dumps({name: said[name] for name in outside if name in said} | {"data": {name: value for name, value in said.items() if name not in outside}}).encode()
    if source == "amazon_ses":
        return json.dumps({"Type": said.get("Type"), "Timestamp": AT, "MessageId": "n", "Message": json.dumps(said)}).encode()
    return json.dumps(said).encode()


def adapt(source, body, *, proved=True):
    adapter, chosen = ADAPTERS[source]
    return adapter.adapt(replace(signal(body), proved=proved), chosen)


@pytest.mark.parametrize("source", ADAPTERS)
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)
def test_every_event_is_bounded_touchpoints_one_rejection_or_one_named_ignore_and_always_the_same(source, data):
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(TRUE[source])), values, max_size=3) | values)
    said = {**TRUE[source], **changed} if isinstance(changed, dict) else changed
    body = body_of(source, said)
    outcome = adapt(source, body)
    assert isinstance(outcome, Adapted)
    lawful(outcome, len(outcome.touchpoints) + len(outcome.rejected) + len(outcome.ignored) or 1)
    assert outcome == adapt(source, body)


@pytest.mark.parametrize("source", ADAPTERS)
def test_the_true_event_is_a_touchpoint(source):
    assert len(adapt(source, body_of(source, TRUE[source])).touchpoints) == 1


@pytest.mark.parametrize("source", ADAPTERS)
@given(body=st.binary(max_size=300), content_type=st.sampled_from(["", "multipart/form-data; boundary=a", "application/x-www-form-urlencoded"]))
@example(body=b'{"event-data":' + b'{"a":' * 2_000, content_type="")
@example(body=b'{"Type":"Notification","Message":"' + b"[" * 9_000 + b'"}', content_type="")
@example(body=b"\r\n--a\r\n\r\n--a--", content_type="multipart/form-data; boundary=a")
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_an_outcome_and_let_nobody_in(source, body, content_type):
    adapter, chosen = ADAPTERS[source]
    stranger = signal(body, headers={"content-type": content_type})
    assert isinstance(adapter.adapt(stranger, chosen), Unauthorised)
    assert isinstance(adapter.adapt(replace(stranger, proved=True), chosen), Adapted)
