"""Signed JSON: events of a CRM, and whatever else signs as Standard Webhooks do."""

import json
from dataclasses import replace

import pytest

from processors.sources import events
from processors.sources.events import ID, SIGNATURE, TIMESTAMP, EventsSettings
from processors.sources.signatures import standard_key, standard_signature
from schemas import kinds
from tests.processors.signals import (
    IDENTITY_KEY,
    NOW,
    SECRET,
    only,
    payload,
    problem,
    refused,
    signal,
    signed_as_event,
    touchpoints,
)

SETTINGS = EventsSettings(secret=SECRET, identity_key=IDENTITY_KEY)


def adapt(body, settings=SETTINGS, headers=None, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return events.adapt(signal(body, "/v1/events", headers=signed_as_event(body) if headers is None else headers, **more), settings)


def event(**more):
    return {"id": "crm-1", "kind": "deal_won", "at": "2026-11-20T10:00:00Z", "crm_id": "c-1", **more}


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_the_published_vector_is_proved():
    proof = json.loads(payload("standard_webhooks/vector/vector.json"))
    key = standard_key(proof["secret"])
    assert key is not None
    body = proof["body"].encode()
    assert standard_signature(body, proof[ID], proof[TIMESTAMP], key=key) == proof[SIGNATURE]
    headers = {name: proof[name] for name in (ID, TIMESTAMP, SIGNATURE)}
    at = int(proof[TIMESTAMP]) * 1000
    settings = replace(SETTINGS, secret=proof["secret"])
    assert problem(adapt(body, settings, headers, received_at=at)).field == "kind"
    assert SIGNATURE in refused(adapt(body + b" ", settings, headers, received_at=at))
    assert SIGNATURE in refused(adapt(body, SETTINGS, headers, received_at=at))


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed():
    body = json.dumps(event()).encode()
    headers = signed_as_event(body)
    only(adapt(body, headers=headers | {SIGNATURE: f"v1,AAAA v2,x {headers[SIGNATURE]}"}))


@pytest.mark.parametrize("broken", [{SIGNATURE: ""}, {SIGNATURE: "v1,"}, {SIGNATURE: "\udcff"}, {ID: ""}, {ID: "other"}, {TIMESTAMP: ""}, {TIMESTAMP: "\udcff"}, {TIMESTAMP: "1"}])
def test_a_broken_proof_is_refused(broken):
    body = json.dumps(event()).encode()
    refused(adapt(body, headers=signed_as_event(body) | broken))


def test_a_request_signed_more_than_five_minutes_ago_is_refused_unless_it_is_an_import():
    body = json.dumps(event()).encode()
    old = signed_as_event(body, timestamp=str(NOW // 1000 - 301))
    assert TIMESTAMP in refused(adapt(body, headers=old))
    assert only(adapt(body, headers=old, import_id="history")).received_at == 1795168800000


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%"])
def test_without_a_secret_the_door_is_closed(secret):
    assert "LEADSTREAM_EVENTS_SECRET" in refused(adapt(event(), replace(SETTINGS, secret=secret)))


# ---- events ---------------------------------------------------------------------------------------------------------


def test_one_event_or_many():
    assert only(adapt(event())).kind == "deal_won"
    assert len(touchpoints(adapt({"events": [event(id=1), event(id=2)]}))) == 2
    assert touchpoints(adapt({"events": []})) == ()


def test_an_event_says_everything_a_touchpoint_holds():
    found = only(adapt(event(
        kind="meeting_held", visitor_id="v", email="Ann@Example.com", channel="Trade Fair", campaign="Autumn", source="Salesforce",
        properties={"amount": 5000.0, "stage": {"name": "x"}}, profile={"job_title": "CTO", "industry": "retail"},
        contact={"name": "Ann Lee", "phone": "1", "company": "Initech", "other": "x"},
    )))  # fmt: skip
    assert (found.visitor_id, found.crm_id, found.email_domain) == ("v", "c-1", "example.com")
    assert (found.source, found.channel, found.campaign) == ("salesforce", "trade_fair", "Autumn")
    assert found.properties == {"amount": "5000", "stage.name": "x"}
    assert found.profile == {"role": "c_level", "function": "it", "industry": "retail"}
    assert found.contact == {"name": "Ann Lee", "phone": "1", "company": "Initech", "email": "ann@example.com"}


@pytest.mark.parametrize(("at", "expected"), [
    ("2026-11-20T10:00:00Z", 1795168800000), (1795168800, 1795168800000), (1795168800123, 1795168800123),
    ("2026-11-20T11:00:00+01:00", 1795168800000), ("2026-11-20", 1795132800000), (1795168800123456, 1795168800123),
])  # fmt: skip
def test_an_instant_comes_in_many_formats(at, expected):
    assert only(adapt(event(at=at))).occurred_at == expected


@pytest.mark.parametrize(("kind", "family", "channel"), [
    ("deal_won", "crm", "crm"), ("custom_partner_call", "crm", "crm"), ("page_view", "web", "none"), ("email_replied", "email", "email"),
    ("ad_clicked", "ads", "paid_search"),
])  # fmt: skip
def test_a_kind_has_its_family_and_its_channel_if_none_is_said(kind, family, channel):
    found = only(adapt(event(kind=kind)))
    assert (events.family(found.kind), found.channel) == (family, channel)
    assert only(adapt(event(kind=kind, channel="other_road"))).channel == "other_road"


def test_a_page_view_s_road_is_read_from_its_address_and_referrer():
    found = only(adapt(event(kind="page_view", properties={"url": "https://example.com/?utm_medium=cpc&utm_source=bing&utm_campaign=q4"})))
    assert (found.channel, found.campaign) == ("paid_search", "q4")


def test_every_known_kind_is_taken_and_a_verdict_must_be_one():
    for kind in kinds.KNOWN - {kinds.SALES_VERDICT}:
        assert only(adapt(event(kind=kind))).kind == kind
    for verdict in ("accepted", "rejected", "recycled", "disqualified"):
        assert only(adapt(event(kind="sales_verdict", properties={"verdict": verdict}))).properties["verdict"] == verdict
    for properties in ({"verdict": "hmm"}, {"verdict": None}, {}, None):
        assert problem(adapt(event(kind="sales_verdict", properties=properties))).field == "properties.verdict"


@pytest.mark.parametrize(("kind", "hint"), [
    ("demo_boked", "demo_booked"), ("DealWon", "deal_won"), ("zzz", "page_view"), ("custom_", "custom_"), ("custom_Bad Name", "custom_"),
    ("import_reached", "custom_"), ("custom_" + "x" * 100, "custom_"),
])  # fmt: skip
def test_an_unknown_kind_is_rejected_with_a_suggestion(kind, hint):
    rejected = problem(adapt(event(kind=kind)))
    assert (rejected.field, rejected.reason) == ("kind", "unknown_kind")
    assert hint in rejected.detail


def test_the_id_makes_the_event_id_within_its_source():
    assert only(adapt(event())).event_id == only(adapt(event(at="2026-11-01", kind="deal_lost"))).event_id
    assert only(adapt(event())).event_id != only(adapt(event(source="hubspot"))).event_id
    assert only(adapt(event(id=7))).event_id == only(adapt(event(id="7"))).event_id


def test_without_an_id_who_did_what_when_makes_it():
    def event_id(**more):
        return only(adapt(event(id=None, **more))).event_id

    assert event_id() == event_id()
    assert len({event_id(), event_id(kind="deal_lost"), event_id(crm_id="c-2"), event_id(at="2026-11-19"), event_id(properties={"a": 1})}) == 5
    assert problem(adapt(event(id=None, at=None))).field == "id"


@pytest.mark.parametrize(("changed", "field"), [
    ({"kind": None}, "kind"), ({"kind": 5}, "kind"), ({"crm_id": None}, "visitor_id"), ({"crm_id": [1]}, "crm_id"), ({"crm_id": "a\x00b"}, "crm_id"),
    ({"email": "nobody"}, "email"), ({"email": 5}, "email"), ({"contact": {"email": "nobody"}}, "email"), ({"at": "1970-01-01"}, "at"), ({"at": "2099-01-01"}, "at"),
    ({"properties": []}, "properties"), ({"properties": {"x": "y" * 40_000}}, "properties.x"), ({"profile": "x"}, "profile"),
    ({"channel": 5}, "channel"), ({"id": {}}, "id"), ({"visitor_id": "x" * 129}, "visitor_id"),
])  # fmt: skip
def test_one_bad_event_is_rejected_by_its_field_and_its_neighbours_are_kept(changed, field):
    outcome = adapt({"events": [event(id=1), event(**changed), event(id=2)]})
    (rejected,) = outcome.rejected
    assert (rejected.index, rejected.field, json.loads(rejected.body)) == (1, field, event(**changed))
    assert len(outcome.touchpoints) == 2


def test_a_single_bad_event_is_rejected_with_its_bytes():
    body = json.dumps(event(crm_id={})).encode()
    assert (problem(adapt(body)).field, problem(adapt(body)).body) == ("crm_id", body)


def test_an_event_nested_beyond_reading_is_rejected_alone():
    deep = b'{"id":1,"kind":"deal_won","properties":' + b'{"a":' * 3000 + b"1" + b"}" * 3001
    outcome = adapt(b'{"events":[' + deep + b"," + json.dumps(event()).encode() + b"]}")
    assert [(each.index, each.reason) for each in outcome.rejected] == [(0, "nested_too_deep")]
    assert len(outcome.touchpoints) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"events":5}', b'{"events":{}}', b"null"])
def test_a_body_is_an_object(body):
    assert problem(adapt(body)).body == body


def test_an_unreadable_instant_is_marked_and_in_an_import_refused():
    assert only(adapt(event(at="soon"))).properties["at_unreadable"] == "at"
    assert problem(adapt(event(at="soon"), import_id="history")).field == "at"
