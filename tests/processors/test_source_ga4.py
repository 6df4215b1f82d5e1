"""Bodies of GA4's Measurement Protocol, and what each event becomes."""

import json

import pytest

from processors.sources import ga4
from processors.sources.ga4 import Ga4Settings
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal, touchpoints

KEY = "an-api-secret"
SETTINGS = Ga4Settings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY)
MICROS = NOW * 1000 - 5_000_000
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def send(*events, settings=SETTINGS, query=None, headers=None, **body):
    said = {"client_id": "123.456", "timestamp_micros": str(MICROS), "events": list(events), **body}
    return ga4.adapt(signal(said, ga4.PATHS[0], query={"measurement_id": "G-1", "api_secret": KEY} if query is None else query, headers=headers), settings)


def event(name="page_view", **params):
    return {"name": name, "params": params}


def test_a_page_view_tells_page_and_road():
    url = "https://example.com/pricing?utm_source=google&utm_medium=cpc&utm_campaign=Autumn"
    found = only(send(event(page_location=url, page_title="Pricing", page_referrer="https://www.google.com/", engagement_time_msec=100)))
    assert (found.kind, found.channel, found.campaign, found.visitor_id) == ("page_view", "paid_search", "Autumn", "123.456")
    assert found.properties.items() >= {"path": "/pricing", "title": "Pricing", "referrer": "https://www.google.com/", "engagement_time_msec": "100"}.items()
    assert found.occurred_at == NOW - 5_000


def test_the_campaign_of_the_parameters_names_the_road():
    found = only(send(event("campaign_details", source="news", medium="email", campaign="May")))
    assert (found.channel, found.campaign) == ("email", "May")


@pytest.mark.parametrize(("name", "kind"), [
    ("generate_lead", "form_submitted"), ("sign_up", "signed_up"), ("view_search_results", "search_performed"), ("demo_request", "demo_booked"),
    ("ebook_download", "ebook_downloaded"), ("tutorial_begin", "tutorial_begin"), ("login", "signed_in"), ("Demo Booked", "demo_booked"),
])  # fmt: skip
def test_each_event_has_its_kind(name, kind):
    assert only(send(event(name))).kind == kind


def test_a_video_is_watched_to_a_part():
    assert only(send(event("video_progress", video_percent=25))).properties["percent"] == "25"
    assert only(send(event("video_complete"))).properties["percent"] == "100"


def test_who_it_was_is_the_client_the_user_or_an_address():
    found = only(send(event("sign_up", email="Ann@Initech.com", method="x"), user_id="u-1"))
    assert (found.visitor_id, found.crm_id, found.email_domain, found.contact) == ("123.456", "u-1", "initech.com", {"email": "ann@initech.com"})
    assert "email" not in found.properties
    assert only(send(event(), user_id="ann@initech.com")).crm_id is None
    assert only(send(event(), client_id=123.456)).visitor_id == "123.456", "some send it as a number"
    assert problem(send(event(), client_id=None)).reason == "no_identity"
    told = only(send(event(), user_properties={"company_size": {"value": "420"}, "name": {"value": "Ann"}, "odd": 5}))
    assert (told.profile, told.contact) == ({"size": "201-1000"}, {"name": "Ann"})


def test_the_api_secret_is_a_write_key():
    assert "api_secret" in refused(send(event(), query={"api_secret": "wrong"}))
    assert "api_secret" in refused(send(event(), query={}))
    assert "LEADSTREAM_WRITE_KEYS" in refused(send(event(), settings=Ga4Settings(write_keys=frozenset(), identity_key=IDENTITY_KEY)))
    scoped = Ga4Settings(write_keys=frozenset({f"{KEY} sources=segment"}), identity_key=IDENTITY_KEY)
    refused(send(event(), settings=scoped))


def test_a_body_sent_again_has_the_same_ids_and_two_alike_in_one_are_two():
    first, second = touchpoints(send(event(x=1), event(x=1)))
    assert first.event_id != second.event_id
    assert touchpoints(send(event(x=1), event(x=1))) == (first, second)
    assert only(send(event(x=1), client_id="another")).event_id != first.event_id
    assert only(send(event(x=1), timestamp_micros=MICROS + 1)).event_id != first.event_id
    assert len({each.event_id for each in touchpoints(send(event(), event(), timestamp_micros=None))}) == 2
    ordered = {"event_id": "o-1"}
    assert only(send(event(**ordered))).event_id == only(send(event(**ordered, y=2), timestamp_micros=MICROS + 9)).event_id


def test_an_event_s_own_instant_comes_before_the_body_s():
    assert only(send({**event(), "timestamp_micros": MICROS - 10**6})).occurred_at == NOW - 6_000
    assert only(send(event(), timestamp_micros="soon")).properties["timestamp_unreadable"] == "timestamp_micros"


@pytest.mark.parametrize(("bad", "field"), [
    (5, "events.name"), ({}, "events.name"), ({"name": 5}, "events.name"), ({"name": "!!"}, "events.name"), ({"name": "sales_verdict"}, "events.name"), ({"name": "bot_verdict"}, "events.name"),
    ({"name": "erasure_requested"}, "events.name"),
])  # fmt: skip
def test_a_bad_event_is_refused_as_a_body_that_can_be_read_again(bad, field):
    outcome = send(event(), bad)
    (rejected,) = outcome.rejected
    assert (len(outcome.touchpoints), rejected.index, rejected.field) == (1, 1, field)
    again = json.loads(ga4.alone(ga4.PATHS[0], rejected.body))
    assert (again["client_id"], again["events"]) == ("123.456", [bad])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"events":5}', b'{"client_id":"c"}', b'{"client_id":{},"events":[{"name":"x"}]}'])
def test_a_body_without_events_is_refused_whole(body):
    assert problem(ga4.adapt(signal(body, ga4.PATHS[0], query={"api_secret": KEY}), SETTINGS)).index == -1


def test_what_a_crawler_does_is_no_visitor_s():
    outcome = send(event(), event(), user_agent=GOOGLEBOT)
    assert ([each.reason for each in outcome.ignored], outcome.touchpoints) == (["crawler", "crawler"], ())
    assert only(send(event(), headers={"user-agent": "python-requests/2.32"})).kind == "page_view"
