"""The laws of adapters, for the services that send email: whatever is sent, nothing is raised, lost or told twice."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.sources import brevo, mailchimp, mailjet, mandrill, sparkpost
from processors.sources.email_events import EmailSettings
from processors.sources.signal import Adapted, Unauthorised
from tests.processors.signals import IDENTITY_KEY, NOW, signal
from tests.processors.test_source_laws import lawful, values

SECRET = "a-secret-0123456789"
SETTINGS = EmailSettings(secrets=(SECRET,), identity_key=IDENTITY_KEY)
SIGNED = mandrill.MandrillSettings(secrets=(SECRET,), addresses=("https://a.example/",), identity_key=IDENTITY_KEY)

likely = {
    "event": st.sampled_from(["click", "open", "sent", "bounce"]), "type": st.sampled_from(["click", "open", "bounce", "subscribe"]),
    "email": st.sampled_from(["ann@example.com", "Ann <ann@example.com>"]), "rcpt_to": st.just("ann@example.com"),
    "ts": st.just(NOW // 1000), "ts_epoch": st.just(NOW), "time": st.just(NOW // 1000), "timestamp": st.just(str(NOW // 1000)),
}  # fmt: skip
NAMES = (
    "event", "type", "email", "rcpt_to", "raw_rcpt_to", "ts", "ts_epoch", "ts_event", "time", "timestamp", "event_id", "message-id", "message_id", "MessageID", "_id",
    "link", "URL", "url", "target_link_url", "tag", "tags", "Payload", "X-Mailin-custom", "rcpt_meta", "metadata", "campaign_id", "user_agent", "agent", "bounce_class", "error",
)  # fmt: skip


@st.composite
def events(draw):
    """A true event of these services, with anything in place of some of its fields, and beside them."""
    anything = draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=draw(st.sampled_from([0, 2, 8]))))
    spared = draw(st.sets(st.sampled_from(sorted(likely)), min_size=len(likely) - 1))
    return anything | {name: draw(likely[name]) for name in likely if name in spared or name not in anything}


def as_form(said):
    return urlencode({name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}).encode()


def adapt_json(source):
    def adapt(said):
        return source.adapt(signal(json.dumps(said).encode(), query={"secret": SECRET}), SETTINGS), len(said)

    return adapt


def adapt_sparkpost(said):
    return adapt_json(sparkpost)([each if not isinstance(each, dict) or "_id" in each else {"msys": {"track_event": each}} for each in said])


def adapt_mandrill(said):
    each = [{**event, "msg": event} if isinstance(event, dict) else event for event in said]
    field = json.dumps(each)
    signature = base64.b64encode(hmac.new(SECRET.encode(), b"https://a.example/mandrill_events" + field.encode(), hashlib.sha1).digest()).decode()
    return mandrill.adapt(signal(urlencode({"mandrill_events": field}).encode(), headers={mandrill.SIGNATURE: signature}), SIGNED), len(said)


def adapt_mailchimp(said):
    one = said[0] if said and isinstance(said[0], dict) else {"type": "profile"}
    kinds = {"click": "subscribe", "open": "profile", "bounce": "cleaned"}
    said_type = one.get("type")
    form = as_form({"type": kinds.get(said_type, said_type) if isinstance(said_type, str) else said_type, "fired_at": one.get("timestamp"), **{f"data[{name}]": value for name, value in one.items()}})
    outcome = mailchimp.adapt(signal(form, query={"secret": SECRET}), SETTINGS)
    assert all(rejected.body == form for rejected in outcome.rejected)
    as_json = tuple(msgspec.structs.replace(each, body=b"{}") for each in outcome.rejected)
    return msgspec.structs.replace(outcome, rejected=as_json), 1


ADAPTERS = {
    "brevo": adapt_json(brevo), "mailjet": adapt_json(mailjet), "sparkpost": adapt_sparkpost, "mandrill": adapt_mandrill, "mailchimp": adapt_mailchimp,
}  # fmt: skip


@pytest.mark.parametrize("source", ADAPTERS)
@given(said=st.lists(events() | values, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_every_event_is_one_bounded_touchpoint_one_rejection_or_one_named_ignore(source, said):
    lawful(*ADAPTERS[source](said))
    assert ADAPTERS[source](said) == ADAPTERS[source](said)


@pytest.mark.parametrize("source", ADAPTERS)
def test_a_true_event_is_a_touchpoint_so_that_the_law_speaks_of_touchpoints_too(source):
    said = {"event": "click", "type": "subscribe" if source == "mailchimp" else "click", "email": "ann@example.com", "rcpt_to": "ann@example.com"}
    outcome, _ = ADAPTERS[source]([{**said, "ts": NOW // 1000, "timestamp": str(NOW // 1000)}])
    assert len(outcome.touchpoints) == 1


@pytest.mark.parametrize("source", [brevo, mailjet, sparkpost, mailchimp])
@given(body=st.binary(max_size=200))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_an_outcome(source, body):
    assert isinstance(source.adapt(signal(body, query={"secret": SECRET}), SETTINGS), Adapted)


@given(body=st.binary(max_size=200), said=st.text(max_size=40))
def test_no_bytes_are_a_proof(body, said):
    assert isinstance(mandrill.adapt(signal(body, headers={mandrill.SIGNATURE: said}), SIGNED), Unauthorised)
