"""CallRail's signed webhooks: calls in the older and the newer fields, local times, telephones as identifiers."""

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from processors.email import email_hash
from processors.sources import callrail
from processors.sources.callrail import SIGNATURE, CallRailSettings
from processors.sources.local_times import zoned
from processors.sources.phones import phone_id
from tests.processors.signals import IDENTITY_KEY, only, payload, problem, refused, signal

SETTINGS = CallRailSettings(secrets=("company-1", "company-2"), identity_key=IDENTITY_KEY)
PATH = "/webhooks/callrail"


def signed(body, secret="company-1"):
    return {SIGNATURE: b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return callrail.adapt(signal(body, PATH, headers=signed(body), **more), settings)


def call(**more):
    return {
        "id": "CAL8154748ae6bd4e278a7cddd38a662f4f", "resource_id": "CAL8154748ae6bd4e278a7cddd38a662f4f", "direction": "inbound", "answered": True, "duration": 247,
        "start_time": "2026-11-21T16:50:00.000-05:00", "customer_phone_number": "+14045551234", "customer_name": "INITECH INC", "customer_country": "US", "voicemail": False,
        "tracking_phone_number": "+12015911668", "person_resource_id": "PER1", "source_name": "Website pool", "first_call": True, "recording": "https://app.callrail.com/r/1",
    } | more  # fmt: skip


def older(**more):
    said = {"id": "30", "datetime": "2026-11-21 16:50:00", "callernum": "+14045551234", "callername": "INITECH INC", "callercountry": "US", "duration": "247", "answered": "true"}
    return urlencode(said | more).encode()


def ignored(outcome):
    assert (outcome.touchpoints, outcome.rejected) == ((), ())
    return [each.reason for each in outcome.ignored]


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_by_any_company_s_token_proves_and_others_do_not():
    body = json.dumps(call()).encode()
    for secret in ("company-1", "company-2"):
        only(callrail.adapt(signal(body, PATH, headers=signed(body, secret)), SETTINGS))
    sha256 = b64encode(hmac.new(b"company-1", body, hashlib.sha256).digest()).decode()
    for said in (None, "", "AAAA", "\udcff", sha256, signed(body, "wrong")[SIGNATURE], signed(body + b" ")[SIGNATURE]):
        assert "Signature" in refused(callrail.adapt(signal(body, PATH, headers={} if said is None else {SIGNATURE: said}), SETTINGS))
    assert "LEADSTREAM_CALLRAIL_SECRETS" in refused(adapt(call(), replace(SETTINGS, secrets=())))


def test_what_stands_in_the_query_is_not_signed_and_so_not_read():
    said = signal(b"", PATH, headers=signed(b""), query={"id": "30", "callernum": "+14045551234", "datetime": "2026-11-21 16:50:00"})
    assert problem(callrail.adapt(said, SETTINGS)).field == "body"
    both = signal(b'{"id":"31","duration":5}', PATH, headers=signed(b'{"id":"31","duration":5}'), query={"callernum": "+14045551234"})
    assert only(callrail.adapt(both, SETTINGS)).visitor_id == "callrail.31"


# ---- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_is_a_touchpoint_of_its_telephone():
    found = only(adapt(call()))
    assert (found.kind, found.occurred_at, found.channel) == ("phone_call", 1795297800000, "none")
    assert found.visitor_id == "phone." + email_hash("14045551234", IDENTITY_KEY)
    assert found.contact == {"name": "INITECH INC", "phone": "+14045551234"}
    assert (found.properties["answered"], found.properties["duration"], found.properties["source_name"], found.profile) == ("true", "247", "Website pool", {"country": "US"})
    assert "4045551234" not in str(found.properties) + str(found.visitor_id)
    assert "recording" not in found.properties


def test_older_and_newer_fields_of_one_telephone_are_one_lead():
    assert only(adapt(older())).visitor_id == only(adapt(call())).visitor_id
    assert only(adapt(older(callernum="404 555-1234"))).visitor_id == only(adapt(call())).visitor_id


def test_where_a_request_holds_both_the_newer_field_counts_unless_it_is_empty():
    both = call(datetime="2020-01-01 00:00:00", callernum="+493012345", callername="OTHER")
    assert only(adapt(both)) == only(adapt(call()))
    found = only(adapt(both | {"customer_phone_number": "", "customer_name": None}))
    assert found.contact == {"name": "OTHER", "phone": "+493012345"}


def test_a_local_time_is_read_in_the_zone_of_the_company_or_of_the_settings():
    assert only(adapt(older())).occurred_at == 1795279800000  # UTC
    new_york = replace(SETTINGS, time_zone="America/New_York")
    assert only(adapt(older(), new_york)).occurred_at == only(adapt(call(), new_york)).occurred_at == 1795297800000
    assert only(adapt(older(company_time_zone="America/New_York"))).occurred_at == 1795297800000
    assert only(adapt(older(company_time_zone="Nowhere/Land"), new_york)).occurred_at == 1795297800000


@pytest.mark.parametrize(("said", "zone", "written"), [
    ("2026-07-01 12:00:00", "America/New_York", "2026-07-01T12:00:00-04:00"), ("2026-12-01T12:00:00", "America/New_York", "2026-12-01T12:00:00-05:00"),
    ("2026-12-01T12:00:00Z", "America/New_York", "2026-12-01T12:00:00Z"), ("2026-12-01", "Asia/Tokyo", "2026-12-01"), ("soon", "Asia/Tokyo", "soon"), (5, "Asia/Tokyo", 5),
    (None, "Asia/Tokyo", None), ("2026-12-01 12:00:00", "../../etc/passwd", "2026-12-01 12:00:00"), ("2026-12-01 12:00:00", "America", "2026-12-01 12:00:00"),
    ("2026-12-01 12:00:00", "x\x00y", "2026-12-01 12:00:00"), ("2026-12-01 12:00:00", "", "2026-12-01 12:00:00"), ("9" * 50, "Asia/Tokyo", "9" * 50),
])  # fmt: skip
def test_a_zone_is_added_only_where_there_is_none(said, zone, written):
    assert zoned(said, zone) == written


def test_a_call_told_again_has_the_same_id():
    assert only(adapt(call())).event_id == only(adapt(call(duration=250, recording=None, tags=["hot"]))).event_id
    assert only(adapt(call(resource_id="CAL2"))).event_id != only(adapt(call())).event_id
    assert only(adapt(call(id=9007199254740993, resource_id=None))).event_id != only(adapt(call(id=9007199254740992, resource_id=None))).event_id


def test_calls_of_our_own_and_spam_are_ignored_by_name():
    assert ignored(adapt(call(direction="outbound"))) == ["outbound"]
    assert ignored(adapt(call(spam=True))) == ["spam"]
    assert ignored(adapt({"id": "SMS1", "content": "Hello", "direction": "inbound"})) == ["no_call"]


@pytest.mark.parametrize(("more", "channel", "campaign"), [
    ({"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "Q4"}, "paid_search", "Q4"), ({"gclid": "g1", "campaign": "Brand"}, "paid_search", "Brand"),
    ({"landing_page_url": "https://a.io/?utm_source=news&utm_medium=email"}, "email", None), ({"referring_url": "https://www.google.com/", "landing_page_url": "https://a.io/"}, "organic_search", None),
    ({"medium": "PPC", "source_name": "Google Ads"}, "paid_search", None), ({"medium": "Organic"}, "organic_search", None), ({"medium": "Direct", "referring_url": "direct"}, "direct", None),
    ({"landing_page_url": "https://a.io/"}, "direct", None),
])  # fmt: skip
def test_a_call_came_by_the_road_that_its_tracking_number_proves(more, channel, campaign):
    found = only(adapt(call(**more)))
    assert (found.channel, found.campaign) == (channel, campaign)


def test_a_filled_in_form_is_known_by_its_address():
    found = only(adapt({"resource_id": "FRM1", "form_data": {"Email": "ann@initech.com", "Job title": "CEO", "Why?": "because"}, "submitted_at": "2026-11-21T21:50:00Z", "landing_page_url": "https://a.io/?gclid=1"}))
    assert (found.kind, found.email_domain, found.profile["role"], found.channel, found.occurred_at) == ("form_submitted", "initech.com", "c_level", "paid_search", 1795297800000)
    assert found.properties["why"] == "because"


# ---- telephones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, "", "anonymous", "Restricted", "+266696687", "+2562533", "+7378742883", "+86282452253", "12", "0" * 10, "9" * 16, "+１４０４"])
def test_withheld_numbers_are_nobody_in_common(number):
    assert phone_id(number, "US", IDENTITY_KEY) is None
    found = only(adapt(call(customer_phone_number=number)))
    assert found.visitor_id == "callrail.PER1"
    assert only(adapt(call(customer_phone_number=number, person_resource_id=None))).visitor_id == "callrail." + call()["id"]


def test_a_number_is_one_in_all_its_spellings_and_other_numbers_are_others():
    spellings = [("+1 (404) 555-1234", None), ("0014045551234", "US"), ("404.555.1234", "us"), ("14045551234", "US"), ("(404) 555-1234", "CA")]
    assert len({phone_id(number, country, IDENTITY_KEY) for number, country in spellings}) == 1
    assert len({phone_id(number, "DE", IDENTITY_KEY) for number in ("4045551234", "+14045551234", "+4930123456")}) == 3
    assert phone_id("+14045551234", None, b"another key") != phone_id("+14045551234", None, IDENTITY_KEY)


# ---- what cannot be used --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "field"), [
    (call(id=None, resource_id=None), "id"), (call(resource_id="x" * 200), "resource_id"), (call(start_time="1970-01-01T00:00:00Z"), "start_time"), (call(keywords="x" * 40_000), "body.keywords"),
    (b"[]", "body"), (b"", "body"), (b"{", "body"), (b"nonsense", "body"), (b"&".join(b"a%d=1" % number for number in range(600)), "body"), (call(id=True, resource_id=None), "id"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    assert problem(adapt(said)).field == field


@pytest.mark.parametrize("odd", [{"form_data": []}, {"tags": [{}]}, {"customer_country": 5}, {"customer_phone_number": {}}, {"customer_name": []}, {"medium": 5}, {"company_time_zone": {}}, {"utm_source": 5}, {"person_resource_id": {}}])
def test_odd_values_are_no_error(odd):
    assert only(adapt(call(**odd))).kind == "phone_call"


def test_without_a_readable_time_it_is_marked():
    assert only(adapt(call(start_time="soon"))).properties["start_time_unreadable"] == "start_time"


def test_the_recorded_call_is_read_once_its_fields_are_signed():
    body = payload("callrail/snowplow_enrich/blackbox.Callrail.querystring.txt").strip()
    found = only(adapt(body))
    expected = json.loads(payload("callrail/snowplow_enrich/blackbox.Callrail.expected_enriched_event.json"))["data"]["data"]
    assert (found.kind, found.channel, found.occurred_at) == ("phone_call", "direct", 1412871825000)
    assert found.contact == {"name": expected["callername"], "phone": expected["callernum"]}
    assert (found.properties["duration"], found.properties["tracking_phone_number"], found.properties["landing_page_url"]) == ("247", expected["trackingnum"], expected["landingpage"])
    assert found.profile == {"country": "US"}
    assert not {expected["ip"], expected["recording"], expected["callercity"]} & set(found.properties.values())
