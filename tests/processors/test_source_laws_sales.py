"""The laws of adapters, for booking, form, call and billing tools: true bodies, with anything in place of anything in them."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.sources import calendly, callrail, stripe, typeform, zoom
from processors.sources.signal import Adapted, Answered, Unauthorised
from tests.processors import (
    test_source_calendly,
    test_source_callrail,
    test_source_stripe,
    test_source_typeform,
    test_source_zoom,
)
from tests.processors.signals import signal
from tests.processors.test_source_laws import lawful, values

FORM = (("Email", "email", "ann@initech.com"), ("Budget", "choice", {"label": "10000"}), ("Tools", "choices", {"labels": ["a"], "other": "b"}))
ADAPTERS = {
    "stripe": (test_source_stripe, stripe, (test_source_stripe.checkout(), test_source_stripe.invoice(), test_source_stripe.subscription("updated", before={"status": "trialing"}))),
    "calendly": (test_source_calendly, calendly, (test_source_calendly.event(questions_and_answers=[{"question": "Budget", "answer": "5000"}], tracking={"utm_source": "x", "salesforce_uuid": "s"}), test_source_calendly.event("invitee.canceled", cancellation={"reason": "x"}))),
    "zoom": (test_source_zoom, zoom, (test_source_zoom.registration(custom_questions=[{"title": "a", "value": "b"}], tracking_source={"source_name": "x"}), test_source_zoom.join(), test_source_zoom.question())),
    "typeform": (test_source_typeform, typeform, (test_source_typeform.event(*FORM, hidden={"utm_source": "x", "visitor_id": "v", "user_id": "u"}, calculated={"score": 5}),)),
    "callrail": (test_source_callrail, callrail, (test_source_callrail.call(tags=["a"], utm_source="x"), {"resource_id": "F", "form_data": {"Email": "ann@initech.com"}, "submitted_at": "2026-11-21"})),
}  # fmt: skip

odd = st.one_of(values, st.text(max_size=300), st.sampled_from([10**40, -(10**19), 1e300, "\ud800", "\x00", "x" * 3000, "a@b.io" * 60, [[[[[]]]]], {"": {"": {}}}, "🙂" * 70]))


def places(said, path=()):
    """The path of every value within *said*."""
    yield path
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in inner:
        yield from places(value, (*path, name))


def put(said, path, value):
    """*said* with *value* at *path*, where there is still such a place."""
    if not path:
        return value
    inner = said
    for name in path[:-1]:
        try:
            inner = inner[name]
        except (KeyError, IndexError, TypeError):
            return said
    if (isinstance(inner, dict) and isinstance(path[-1], str)) or (isinstance(inner, list) and isinstance(path[-1], int) and path[-1] < len(inner)):
        inner[path[-1]] = value
    return said


@st.composite
def bodies(draw, source):
    said = copy.deepcopy(draw(st.sampled_from(ADAPTERS[source][2])))
    for _ in range(draw(st.integers(1, 3))):
        said = put(said, draw(st.sampled_from(list(places(said)))), copy.deepcopy(draw(odd)))
    return json.dumps(said).encode()


@pytest.mark.parametrize("source", ADAPTERS)
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_anything_in_place_of_anything_is_one_touchpoint_one_rejection_or_one_named_ignore(source, data):
    theirs, _, _ = ADAPTERS[source]
    body = data.draw(bodies(source))
    outcome = theirs.adapt(body)
    if source == "zoom" and isinstance(outcome, Answered):
        return
    lawful(outcome, 1)
    assert theirs.adapt(body) == outcome, "equal input, equal output, ids included"


@pytest.mark.parametrize("source", ADAPTERS)
@given(body=st.binary(max_size=300))
@settings(deadline=None, max_examples=50)
def test_any_signed_bytes_are_an_outcome(source, body):
    assert isinstance(ADAPTERS[source][0].adapt(body), Adapted)


@pytest.mark.parametrize("source", ADAPTERS)
@given(one=st.text(max_size=60), other=st.text(max_size=60))
@settings(deadline=None, max_examples=50)
def test_any_proof_is_wrong_and_never_an_error(source, one, other):
    theirs, ours, _ = ADAPTERS[source]
    for said in (one, f"t={one},v1={other}", f"v0={one}", f"sha256={one}"):
        headers = {ours.SIGNATURE: said, zoom.TIMESTAMP: other}
        assert isinstance(ours.adapt(signal(b"{}", headers=headers), theirs.SETTINGS), Unauthorised)
