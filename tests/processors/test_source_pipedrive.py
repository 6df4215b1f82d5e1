"""Pipedrive, version 2: what persons, deals and activities become, and what is ignored by name."""

import base64
import json

import pytest

from processors.sources import pipedrive
from processors.sources.pipedrive import PipedriveSettings
from processors.sources.signal import Adapted, Unauthorised
from tests.processors.signals import IDENTITY_KEY, NOW, signal

SETTINGS = PipedriveSettings(secrets=("old", "secret"), identity_key=IDENTITY_KEY)
BASIC = {"authorization": "Basic " + base64.b64encode(b"pipedrive:secret").decode()}
PERSON = {
    "id": 7, "name": "Ann Smith", "job_title": "VP Sales", "phones": [{"value": "+1 555 0100", "primary": True}],
    "emails": [{"value": "ann@private.example", "primary": False}, {"value": "Ann@Acme.example", "primary": True}],
}  # fmt: skip
DEAL = {"id": 70, "person_id": 7, "status": "open", "value": 900.5, "currency": "EUR", "title": "Ann's deal"}


def event(entity, action, data, previous=None, **meta):
    return {"meta": {"entity": entity, "action": action, "id": "m-1", "timestamp": "2026-11-21T21:50:00.123Z", "version": "2.0", **meta}, "data": data, "previous": previous}


def adapt(said, headers=BASIC, settings=SETTINGS):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return pipedrive.adapt(signal(body, pipedrive.PATHS[0], headers=headers), settings)


def only(said):
    outcome = adapt(said)
    assert isinstance(outcome, Adapted)
    (touchpoint,) = outcome.touchpoints
    return touchpoint


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic " + base64.b64encode(b"pipedrive:guess").decode()}, {"authorization": "Basic !"}])
def test_without_the_password_nobody_enters(headers):
    assert isinstance(adapt(event("person", "create", PERSON), headers), Unauthorised)
    assert "LEADSTREAM_PIPEDRIVE_SECRETS" in adapt(event("person", "create", PERSON), settings=PipedriveSettings(secrets=(), identity_key=IDENTITY_KEY)).detail


def test_a_person_is_known_by_id_and_primary_address():
    found = only(event("person", "create", PERSON))
    assert (found.kind, found.crm_id, found.email_domain, found.occurred_at) == ("contact_created", "7", "acme.example", 1795297800123)
    assert (found.contact["name"], found.contact["phone"], found.profile["role"]) == ("Ann Smith", "+1 555 0100", "vp")
    assert "Ann" not in json.dumps(found.properties)


@pytest.mark.parametrize(
    ("entity", "action", "data", "previous", "kind"),
    [
        ("person", "change", PERSON, {"emails": []}, "identified"),
        ("deal", "create", DEAL, None, "deal_opened"),
        ("deal", "create", {**DEAL, "status": "won"}, None, "deal_won"),
        ("deal", "change", {**DEAL, "status": "won"}, {"status": "open"}, "deal_won"),
        ("deal", "change", {**DEAL, "status": "lost"}, {"status": "open"}, "deal_lost"),
        ("activity", "create", {"id": 1, "person_id": 7, "type": "meeting", "done": False}, None, "meeting_booked"),
        ("activity", "change", {"id": 1, "person_id": 7, "type": "meeting", "done": True}, {"done": False}, "meeting_held"),
        ("activity", "change", {"id": 1, "person_id": 7, "type": "call", "done": True}, {"done": False}, "phone_call"),
    ],
)
def test_what_happened_has_its_kind(entity, action, data, previous, kind):
    found = only(event(entity, action, data, previous))
    assert (found.kind, found.crm_id) == (kind, "7")


def test_a_won_deal_tells_what_it_is_worth():
    found = only(event("deal", "change", {**DEAL, "status": "won"}, {"status": "open"}))
    assert (found.properties["amount"], found.properties["currency"], found.properties["deal_id"]) == ("900.5", "EUR", "70")
    assert "title" not in found.properties


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (event("organization", "create", {"id": 1}), "no_person"), (event("person", "delete", None, PERSON), "deletion"), (event("deal", "change", DEAL, {"stage_id": 1}), "no_change"),
        (event("deal", "change", {**DEAL, "status": "won"}, {"value": 1}), "no_change"), (event("person", "change", PERSON, {"label": 1}), "no_change"), ({}, "no_person"),
        (event("activity", "create", {"id": 1, "person_id": 7, "type": "lunch", "done": False}), "no_change"),
    ],
)  # fmt: skip
def test_what_is_of_no_use_is_ignored_by_name(said, reason):
    assert [each.reason for each in adapt(said).ignored] == [reason]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (event("deal", "create", {**DEAL, "person_id": None}), "data.person_id"), (event("person", "create", {**PERSON, "id": None}), "data.id"),
        (event("deal", "create", DEAL, timestamp="1999-01-01T00:00:00Z"), "meta.timestamp"), (b"[]", "body"), (b"{", "body"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    (rejected,) = adapt(said).rejected
    assert rejected.field == field


def test_the_same_event_has_the_same_id_with_or_without_its_own():
    assert only(event("deal", "create", DEAL)).event_id == only(event("deal", "create", {**DEAL, "value": 1})).event_id
    bare = event("deal", "create", DEAL, id=None)
    assert only(bare).event_id == only(bare).event_id != only(event("deal", "create", {**DEAL, "id": 71}, id=None)).event_id
    assert only(bare).received_at == NOW
