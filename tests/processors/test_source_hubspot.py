"""HubSpot: three versions of its signature, contacts and their changes, and what names no person ignored by name."""

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from processors.sources import hubspot
from processors.sources.hubspot import HubSpotSettings
from processors.sources.signal import Adapted, Unauthorised
from schemas import kinds
from tests.processors.signals import IDENTITY_KEY, NOW, signal

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads" / "hubspot"
SECRET, ADDRESS = "client-secret", "https://collector.example.com/webhooks/hubspot"
SETTINGS = HubSpotSettings(secrets=("old-secret", SECRET), identity_key=IDENTITY_KEY, address=ADDRESS)
CREATED = {"eventId": 1, "subscriptionId": 25458, "portalId": 4737818, "occurredAt": NOW - 1000, "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 123}


def changed(name: str, value: str, **more) -> dict:
    return {**CREATED, "subscriptionType": "contact.propertyChange", "propertyName": name, "propertyValue": value, **more}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def signed(body: bytes, *, secret=SECRET, address=ADDRESS, at=NOW) -> dict[str, str]:
    message = f"POST{address}".encode() + body + str(at).encode()
    return {hubspot.SIGNATURE_3: b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode(), hubspot.TIMESTAMP_3: str(at)}


def adapt(said, settings=SETTINGS, headers=None):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return hubspot.adapt(signal(body, hubspot.PATHS[0], headers=signed(body) if headers is None else headers), settings)


def only(said, settings=SETTINGS):
    outcome = adapt([said], settings)
    assert isinstance(outcome, Adapted)
    (touchpoint,) = outcome.touchpoints
    return touchpoint


# ---- who may enter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_each_version_of_the_signature_lets_in_with_the_right_secret_alone(version):
    body = json.dumps([CREATED]).encode()

    def headers(secret, sent=body):
        if version == "v3":
            return signed(sent, secret=secret)
        head = "" if version == "v1" else f"POST{ADDRESS}"
        return {hubspot.SIGNATURE: sha(secret + head + sent.decode()), hubspot.VERSION: version}

    assert isinstance(adapt(body, headers=headers(SECRET)), Adapted)
    assert isinstance(adapt(body, headers=headers("old-secret")), Adapted)
    assert isinstance(adapt(body, headers=headers("guess")), Unauthorised)
    assert isinstance(adapt(body, headers=headers(SECRET, body + b" ")), Unauthorised)


def test_the_vectors_that_were_published():
    if not PAYLOADS.exists():
        pytest.skip(f"{PAYLOADS} is not there: recordings are not part of the project")
    vector = json.loads((PAYLOADS / "signature_vectors" / "vectors.json").read_text())
    settings = HubSpotSettings(secrets=(vector["client_secret"],), identity_key=IDENTITY_KEY, address=vector["url"], window_s=10**10)
    body = vector["request_body"].encode()
    for headers in (
        {hubspot.SIGNATURE: vector["v1"]}, {hubspot.SIGNATURE: vector["v2_POST"], hubspot.VERSION: "v2"},
        {hubspot.SIGNATURE_3: vector["v3"], hubspot.TIMESTAMP_3: str(vector["timestamp"])},
    ):  # fmt: skip
        outcome = adapt(body, settings, headers)
        assert isinstance(outcome, Adapted), headers
        assert outcome.rejected[0].reason == "no_json"


@pytest.mark.parametrize("at", [NOW - 301_000, NOW + 301_000])
def test_a_request_signed_long_ago_is_refused(at):
    body = json.dumps([CREATED]).encode()
    outcome = adapt(body, headers=signed(body, at=at))
    assert isinstance(outcome, Unauthorised)
    assert "300 s" in outcome.detail


@pytest.mark.parametrize(
    ("settings", "headers", "told"),
    [
        (replace(SETTINGS, secrets=()), None, "LEADSTREAM_HUBSPOT_SECRETS"),
        (replace(SETTINGS, address=""), None, "LEADSTREAM_HUBSPOT_ADDRESS"),
        (replace(SETTINGS, address=""), {hubspot.SIGNATURE: "x", hubspot.VERSION: "v2"}, "LEADSTREAM_HUBSPOT_ADDRESS"),
        (SETTINGS, {}, "is needed"),
        (SETTINGS, {hubspot.SIGNATURE_3: "x"}, hubspot.TIMESTAMP_3),
        (SETTINGS, {hubspot.SIGNATURE: "x", hubspot.VERSION: "v9"}, "must be v1 or v2"),
        (SETTINGS, {hubspot.SIGNATURE_3: "\udcff", hubspot.TIMESTAMP_3: "nan"}, "does not match"),
    ],
)
def test_what_is_wrong_with_a_proof_is_told(settings, headers, told):
    outcome = adapt([CREATED], settings, headers)
    assert isinstance(outcome, Unauthorised)
    assert told in outcome.detail


# ---- what is told -----------------------------------------------------------------------------------------------------


def test_a_contact_that_was_made_is_known_by_its_id():
    found = only(CREATED)
    assert (found.kind, found.crm_id, found.occurred_at, found.channel) == ("contact_created", "123", NOW - 1000, kinds.NO_CHANNEL)
    assert only(CREATED).event_id == found.event_id
    assert only({**CREATED, "attemptNumber": 3}).event_id == found.event_id
    assert only({**CREATED, "objectId": 124}).event_id != found.event_id


def test_a_deletion_for_privacy_is_a_request_to_be_forgotten_of_the_same_lead():
    forgotten = only({**CREATED, "subscriptionType": "contact.privacyDeletion", "subscriptionId": 2})
    assert (forgotten.kind, forgotten.channel, hubspot.family(forgotten.kind)) == (kinds.ERASURE_REQUESTED, kinds.NO_CHANNEL, "crm")
    assert forgotten.identifiers() == only(CREATED).identifiers() == ("c:123",)
    assert adapt([{**CREATED, "subscriptionType": "contact.privacyDeletion", "objectId": None}]).rejected[0].reason == "no_identity"


def test_a_changed_address_joins_it_with_the_contact_and_is_kept_apart():
    found = only(changed("email", "Ann@Acme.example"))
    assert (found.kind, found.crm_id, found.email_domain) == ("identified", "123", "acme.example")
    assert found.contact == {"email": "Ann@acme.example"} or found.contact["email"].lower() == "ann@acme.example"
    assert "acme" not in json.dumps(found.properties)


@pytest.mark.parametrize(
    ("name", "value", "kind", "verdict"),
    [
        ("lifecyclestage", "customer", "deal_won", None), ("lifecyclestage", "opportunity", "deal_opened", None),
        ("hs_lead_status", "UNQUALIFIED", "sales_verdict", "disqualified"), ("hs_lead_status", "bad_timing", "sales_verdict", "recycled"),
    ],
)  # fmt: skip
def test_changes_mean_what_the_table_says(name, value, kind, verdict):
    found = only(changed(name, value))
    assert (found.kind, found.properties.get("verdict")) == (kind, verdict)


def test_the_table_is_the_user_s_own():
    own = replace(SETTINGS, changes=("stage_of_ours=42=meeting_booked",))
    assert only(changed("stage_of_ours", "42"), own).kind == "meeting_booked"
    assert adapt([changed("lifecyclestage", "customer")], own).ignored[0].reason == "no_meaning"


def test_what_tells_of_fit_becomes_a_code():
    found = only(changed("jobtitle", "VP Marketing"))
    assert found.profile["role"] == "vp"
    assert "Marketing" not in json.dumps(found.properties)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({**CREATED, "subscriptionType": "deal.propertyChange"}, "no_contact"), ({**CREATED, "subscriptionType": "contact.deletion"}, "deletion"),
        ({**CREATED, "subscriptionType": "contact.merge"}, "no_change"), (changed("favourite_colour", "red"), "no_meaning"), (changed("email", ""), "no_meaning"),
    ],
)  # fmt: skip
def test_what_names_no_person_or_means_nothing_is_ignored_by_name(event, reason):
    assert [each.reason for each in adapt([event]).ignored] == [reason]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({**CREATED, "objectId": None}, "objectId"), ({**CREATED, "objectId": True}, "objectId"), ({**CREATED, "subscriptionType": 7}, "subscriptionType"),
        (changed("email", "nobody"), "propertyValue"), ({**CREATED, "occurredAt": 1}, "occurredAt"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_and_the_rest_is_kept(event, field):
    outcome = adapt([event, CREATED])
    assert [(each.index, each.field) for each in outcome.rejected] == [(0, field)]
    assert len(outcome.touchpoints) == 1
    assert json.loads(outcome.rejected[0].body) == event


def test_recorded_bodies_are_read():
    folder = PAYLOADS / "snowplow_enrich"
    if not folder.exists():
        pytest.skip(f"{folder} is not there: recordings are not part of the project")
    for file in folder.glob("*.body.json"):
        events = json.loads(file.read_text())
        outcome = adapt(file.read_bytes())
        assert len(outcome.touchpoints) + len(outcome.ignored) == len(events)
        assert not outcome.rejected
