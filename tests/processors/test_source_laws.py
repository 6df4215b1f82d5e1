"""What holds of every adapter, whatever is sent: nothing is raised, nothing is lost, nothing is told twice."""

import base64
import json
from functools import partial

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.profile.vocabulary import CODES
from processors.sources import events, google_ads, segment, sendgrid
from processors.sources.bounds import ENTRIES_MAX, NAME_CHARS_MAX, SHORTENED, TEXT_CHARS_MAX
from processors.sources.signal import WHOLE_BODY, Adapted, Unauthorised
from schemas.touchpoint import IDENTIFIER_CHARS_MAX
from tests.processors.signals import IDENTITY_KEY, NOW, PUBLIC_KEY, SECRET, signal, signed_as_event, signed_as_sendgrid

MARKS = 4  # properties that adapters add beyond the bound: marks, and what proves the road

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=40),
    st.sampled_from(["track", "page", "identify", "alias", "open", "deal_won", "ann@example.com", "2026-01-01", "\x00", "x" * 2000, NOW, NOW // 1000]),
)  # fmt: skip
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4), max_leaves=12)
NAMES = (
    "type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "sentAt", "traits", "properties", "context", "email", "kind", "id",
    "at", "crm_id", "visitor_id", "contact", "profile", "campaign", "category", "sg_event_id", "lead_id", "user_column_data", "is_test", "form_id",
)  # fmt: skip
things = st.dictionaries(st.sampled_from(NAMES), values, max_size=10) | values


def adapt_segment(said):
    body = json.dumps({"batch": said}).encode()
    allowed = segment.SegmentSettings(write_keys=frozenset({"k"}), identity_key=IDENTITY_KEY)
    return segment.adapt(signal(body, "/v1/batch", query={"writeKey": "k"}), allowed), len(said)


def adapt_single(said, *, call):
    body = json.dumps(said[0] if said else {}).encode()
    allowed = segment.SegmentSettings(write_keys=frozenset({"k"}), identity_key=IDENTITY_KEY)
    return segment.adapt(signal(body, f"/v1/{call}", query={"writeKey": "k"}), allowed), 1


def adapt_sendgrid(said):
    body = json.dumps(said).encode()
    allowed = sendgrid.SendGridSettings(public_key=PUBLIC_KEY, identity_key=IDENTITY_KEY)
    return sendgrid.adapt(signal(body, "/webhooks/sendgrid", headers=signed_as_sendgrid(body)), allowed), len(said)


def adapt_events(said):
    body = json.dumps({"events": said}).encode()
    allowed = events.EventsSettings(secret=SECRET, identity_key=IDENTITY_KEY)
    return events.adapt(signal(body, "/v1/events", headers=signed_as_event(body)), allowed), len(said)


def adapt_google(said):
    one = said[0] if said and isinstance(said[0], dict) else {}
    body = json.dumps({**one, "google_key": "k"}).encode()
    return google_ads.adapt(signal(body), google_ads.GoogleAdsSettings(google_key="k", identity_key=IDENTITY_KEY)), 1


ADAPTERS = {
    "segment": adapt_segment, "sendgrid": adapt_sendgrid, "events": adapt_events, "google_ads": adapt_google,
    **{call: partial(adapt_single, call=call) for call in ("track", "page", "identify", "alias", "group")},
}  # fmt: skip


@pytest.mark.parametrize("source", ADAPTERS)
@given(said=st.lists(things, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
def test_every_event_is_one_bounded_touchpoint_one_rejection_or_one_named_ignore(source, said):
    lawful(*ADAPTERS[source](said))


def lawful(outcome, sent, *, readable=json.loads):
    """Assert that each of the events *sent* is one of the three, and within bounds; what is rejected stays *readable*."""
    assert isinstance(outcome, Adapted)
    indexes = [each.index for each in (*outcome.rejected, *outcome.ignored)]
    if indexes != [WHOLE_BODY]:
        assert len(outcome.touchpoints) + len(indexes) == sent
        assert len(set(indexes)) == len(indexes)
        assert all(0 <= index < sent for index in indexes)
    for rejected in outcome.rejected:
        assert rejected.field.split(".")[0].split("[")[0] in rejected.detail
        readable(rejected.body)
    for found in outcome.touchpoints:
        assert found.identifiers()
        assert all(0 < len(each) <= IDENTIFIER_CHARS_MAX + 2 and each.isprintable() for each in found.identifiers())
        assert len(found.event_id) == 32
        assert found.occurred_at <= found.received_at == NOW
        assert len(found.properties) <= ENTRIES_MAX + MARKS + 12
        assert all(len(name) <= NAME_CHARS_MAX * 2 and 0 < len(text) <= TEXT_CHARS_MAX for name, text in found.properties.items() if name != SHORTENED)
        assert all("\x00" not in text for text in (*found.properties.values(), *found.contact.values(), found.campaign or ""))
        assert all(found.profile[name] in CODES[name] for name in found.profile)
        assert set(found.contact) <= {"email", "name", "phone", "company"}
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=type(found)) == found


@pytest.mark.parametrize("source", ADAPTERS)
@given(said=st.lists(things, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=15)
def test_equal_input_gives_equal_output_ids_included(source, said):
    assert ADAPTERS[source](said) == ADAPTERS[source](said)


@given(st.binary(max_size=300), st.sampled_from(["/v1/batch", "/v1/t", "/v1/identify"]))
@settings(deadline=None)
def test_any_bytes_are_an_outcome(body, path):
    allowed = segment.SegmentSettings(write_keys=frozenset({"k"}), identity_key=IDENTITY_KEY)
    assert isinstance(segment.adapt(signal(body, path, query={"writeKey": "k"}), allowed), Adapted)
    crm = events.EventsSettings(secret=SECRET, identity_key=IDENTITY_KEY)
    assert isinstance(events.adapt(signal(body, headers=signed_as_event(body)), crm), Adapted)
    ads = google_ads.GoogleAdsSettings(google_key="k", identity_key=IDENTITY_KEY)
    assert isinstance(google_ads.adapt(signal(body), ads), Adapted | Unauthorised)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_proof_is_right_or_wrong_and_never_an_error(one, other, third):
    headers = {events.ID: one, events.TIMESTAMP: other, events.SIGNATURE: third, sendgrid.TIMESTAMP: one, sendgrid.SIGNATURE: base64.b64encode(third.encode()).decode()}
    crm = events.EventsSettings(secret=SECRET, identity_key=IDENTITY_KEY)
    assert isinstance(events.adapt(signal(b"{}", headers=headers), crm), Unauthorised)
    email = sendgrid.SendGridSettings(public_key=PUBLIC_KEY, identity_key=IDENTITY_KEY)
    assert isinstance(sendgrid.adapt(signal(b"[]", headers=headers), email), Unauthorised)
