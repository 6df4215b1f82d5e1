"""The laws of adapters, for Snowplow's events and GA4's: true bodies, with anything in place of anything in them."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.sources import ga4, snowplow
from processors.sources.signal import Adapted, Signal, Unauthorised
from tests.processors import test_source_ga4 as of_ga4
from tests.processors import test_source_snowplow as of_snowplow
from tests.processors.signals import NOW, signal
from tests.processors.test_source_laws import lawful
from tests.processors.test_source_laws_sales import odd, places, put

ELEMENTS = [{"name": "email", "value": "ann@initech.com"}, {"name": "company_size", "value": "420"}]
PEOPLE = of_snowplow.contexts(("com.acme", "user", {"email": "ann@initech.com", "name": "Ann", "plan": {"a": 1}}))
TRUE = {
    "snowplow": (
        of_snowplow.event(uid="u", dtm=str(NOW), stm=str(NOW), co=PEOPLE),
        of_snowplow.event(e="se", se_ca="forms", se_ac="submit", se_la="demo", se_va="42.5"),
        of_snowplow.event(e="ue", ue_pr=of_snowplow.unstruct("submit_form", {"formId": "f", "elements": ELEMENTS}, of_snowplow.OWN)),
        of_snowplow.event(e="ue", ue_pr=of_snowplow.unstruct("link_click", {"targetUrl": "tel:+49"}, of_snowplow.OWN)),
    ),
    "ga4": (
        of_ga4.event("generate_lead", page_location="https://example.com/?gclid=x", email="ann@initech.com", campaign="May", event_id="e"),
        {**of_ga4.event("video_progress", video_percent=25), "timestamp_micros": NOW * 1000},
    ),
}  # fmt: skip


def adapt(source, events, **more):
    if source == "snowplow":
        return snowplow.adapt(signal({"data": events}, snowplow.PATHS[0], query={"writeKey": of_snowplow.KEY}), of_snowplow.SETTINGS)
    said = {"client_id": "1.2", "timestamp_micros": NOW * 1000, "user_properties": {"industry": {"value": "retail"}}, "events": events, **more}
    return ga4.adapt(signal(said, ga4.PATHS[0], query={"api_secret": of_ga4.KEY}), of_ga4.SETTINGS)


@st.composite
def events(draw, source):
    said = copy.deepcopy(draw(st.sampled_from(TRUE[source])))
    for _ in range(draw(st.integers(1, 3))):
        said = put(said, draw(st.sampled_from(list(places(said)))), copy.deepcopy(draw(odd)))
    return said


@pytest.mark.parametrize("source", TRUE)
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_anything_in_place_of_anything_is_one_touchpoint_one_rejection_or_one_named_ignore(source, data):
    said = data.draw(st.lists(events(source), min_size=1, max_size=3))
    outcome = adapt(source, said)
    lawful(outcome, len(said))
    assert adapt(source, said) == outcome, "equal input, equal output, ids included"


@given(name=st.sampled_from(["client_id", "user_id", "timestamp_micros", "user_properties", "user_agent", "app_instance_id", "other"]), value=odd)
@settings(deadline=None, max_examples=100)
def test_anything_beside_the_events_of_a_body_is_lawful(name, value):
    lawful(adapt("ga4", [of_ga4.event()], **{name: value}), 1)


@given(query=st.dictionaries(st.sampled_from(["e", "duid", "uid", "ue_px", "cx", "url", "dtm", "stm", "ttm", "eid", "se_ac", "ua"]), st.text(max_size=200)))
@settings(deadline=None, max_examples=150)
def test_any_query_of_a_pixel_is_lawful(query):
    asked = Signal(method="GET", path="/i", headers={}, query={**query, "aid": of_snowplow.KEY}, body=b"", received_at=NOW)
    lawful(snowplow.adapt(asked, of_snowplow.SETTINGS), 1)


@given(body=st.binary(max_size=300), packed=st.binary(max_size=100))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_an_outcome(body, packed):
    assert isinstance(snowplow.adapt(signal(body, snowplow.PATHS[0], query={"writeKey": of_snowplow.KEY}), of_snowplow.SETTINGS), Adapted)
    assert isinstance(snowplow.adapt(signal(body, snowplow.PATHS[0]), of_snowplow.SETTINGS), Unauthorised)
    assert isinstance(ga4.adapt(signal(body, ga4.PATHS[0], query={"api_secret": of_ga4.KEY}), of_ga4.SETTINGS), Adapted)
    text = json.dumps(packed.decode("latin-1"))
    lawful(snowplow.adapt(signal(b'{"data":[{"e":"ue","aid":"site","duid":"d","ue_px":%b}]}' % text.encode(), snowplow.PATHS[0]), of_snowplow.SETTINGS), 1)
