"""Google Ads lead forms, made from the fields of the official message."""

import json
import re

import pytest

from processors.sources import google_ads
from processors.sources.google_ads import FormLead, GoogleAdsSettings
from processors.sources.signal import Adapted
from tests.processors.signals import IDENTITY_KEY, NOW, only, payload, problem, refused, signal

SETTINGS = GoogleAdsSettings(google_key="shared-with-google", identity_key=IDENTITY_KEY)


def adapt(body, **more):
    return google_ads.adapt(signal(body, "/webhooks/google-ads", **more), SETTINGS)


def column(column_id, value, **more):
    return {"column_id": column_id, "string_value": value, "column_name": column_id.title(), **more}


def lead(*columns, **more):
    return {
        "lead_id": "TeSter-1", "api_version": "1.0", "form_id": 9007199254740993, "campaign_id": 20, "adgroup_id": 30,
        "creative_id": 40, "asset_group_id": 0, "google_key": "shared-with-google", "gcl_id": "click-1", "is_test": False,
        "lead_stage": "", "lead_submit_time": "2026-11-21T12:30:00Z", "user_column_data": list(columns), **more,
    }  # fmt: skip


EMAIL = column("EMAIL", "Ann@Example.com")


def test_every_field_of_the_official_message_is_known():
    proto = payload("google_ads_lead_form/docs/schema.proto.txt").decode()
    official = set(re.findall(r"^\s*(?:optional|repeated)?\s*\w+ (\w+) = \d+", proto.partition("message WebhookLead")[2], re.MULTILINE))
    assert len(official) == 13
    assert official - set(FormLead.__struct_fields__) == {"api_version"}


def test_a_lead_form_becomes_a_touchpoint_of_its_person():
    found = only(adapt(lead(EMAIL, column("FULL_NAME", "Ann Lee"), column("PHONE_NUMBER", "+49 30 1"), column("COMPANY_NAME", "Initech"), column("JOB_TITLE", "VP Marketing"), column("COUNTRY", "Germany"), column("STREET_ADDRESS", "6th St"))))
    assert (found.kind, found.channel, found.campaign, google_ads.family(found.kind)) == ("lead_form_submitted", "paid_search", "20", "ads")
    assert found.contact == {"name": "Ann Lee", "phone": "+49 30 1", "company": "Initech", "email": "ann@example.com"}
    assert found.profile == {"role": "vp", "function": "marketing", "country": "DE"}
    assert found.properties == {
        "form_id": "9007199254740993", "campaign_id": "20", "adgroup_id": "30", "creative_id": "40", "gclid": "click-1",
        "job_title": "VP Marketing", "country": "Germany",
    }  # fmt: skip
    assert found.occurred_at == 1795264200000


def test_first_and_last_name_make_a_name_and_a_work_address_comes_before_a_private_one():
    found = only(adapt(lead(EMAIL, column("WORK_EMAIL", "ann@initech.com"), column("FIRST_NAME", "Ann"), column("LAST_NAME", "Lee"))))
    assert (found.contact["name"], found.email_domain) == ("Ann Lee", "initech.com")


def test_a_question_of_one_s_own_becomes_a_property():
    found = only(adapt(lead(EMAIL, {"column_name": "What is your budget?", "string_value": "10000"})))
    assert found.properties["what_is_your_budget"] == "10000"


def test_a_form_fill_without_address_is_not_lost():
    found = only(adapt(lead(column("PHONE_NUMBER", "+49 30 1"))))
    assert (found.visitor_id, found.email_hash, found.contact) == ("google_ads.TeSter-1", None, {"phone": "+49 30 1"})


def test_a_redelivered_lead_has_the_same_id():
    assert only(adapt(lead(EMAIL))).event_id == only(adapt(lead(EMAIL, lead_submit_time=None, gcl_id=None))).event_id
    assert only(adapt(lead(EMAIL))).event_id != only(adapt(lead(EMAIL, lead_id="another"))).event_id
    assert only(adapt(lead(EMAIL, lead_id=None))).event_id == only(adapt(lead(EMAIL, lead_id=None))).event_id


def test_a_test_lead_is_answered_and_counted_nowhere():
    outcome = adapt(lead(EMAIL, is_test=True))
    assert (outcome.touchpoints, outcome.rejected, [each.reason for each in outcome.ignored]) == ((), (), ["test"])


def test_without_submit_time_it_happened_when_we_received_it():
    assert only(adapt(lead(EMAIL, lead_submit_time=None))).occurred_at == NOW
    assert only(adapt(lead(EMAIL, lead_submit_time="soon"))).properties["lead_submit_time_unreadable"] == "lead_submit_time"


def test_new_fields_are_ignored_and_ids_may_be_text():
    assert only(adapt(lead(EMAIL, form_id="9007199254740993", brand_new={"a": 1}))).properties["form_id"] == "9007199254740993"


@pytest.mark.parametrize("key", ["wrong", None, 5, "", ["shared-with-google"], "shared-with-googl\u00e9"])
def test_the_key_is_compared_before_anything_is_read(key):
    assert "google_key" in refused(adapt(lead(EMAIL, google_key=key, user_column_data=5)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"[" * 100_000])
def test_a_body_without_a_key_is_refused(body):
    assert "google_key" in refused(adapt(body))


def test_without_a_configured_key_the_door_is_closed():
    closed = GoogleAdsSettings(google_key="", identity_key=IDENTITY_KEY)
    assert "LEADSTREAM_GOOGLE_ADS_KEY" in refused(google_ads.adapt(signal(lead(EMAIL, google_key="")), closed))


@pytest.mark.parametrize(("changed", "field"), [
    ({"user_column_data": 5}, "user_column_data"), ({"user_column_data": [5]}, "user_column_data[0]"), ({"lead_id": {}}, "lead_id"),
    ({"lead_id": "x" * 200}, "lead_id"), ({"lead_id": None, "user_column_data": []}, "lead_id"),
    ({"lead_submit_time": "1970-01-01"}, "lead_submit_time"), ({"gcl_id": 5}, "gcl_id"),
    ({"user_column_data": [{"column_id": "EMAIL", "string_value": "x" * 40_000}]}, "user_column_data.EMAIL"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_with_its_bytes(changed, field):
    body = json.dumps(lead(EMAIL, **changed)).encode()
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.body) == (field, body)


@pytest.mark.parametrize("odd", [{"is_test": []}, {"is_test": "maybe"}, {"form_id": [1]}, {"form_id": {}}, {"lead_stage": [1]}, {"campaign_id": True}])
def test_fields_of_odd_types_that_nothing_hangs_on_do_no_harm(odd):
    assert isinstance(adapt(lead(EMAIL, **odd)), Adapted)
    only(adapt(lead(EMAIL, **odd)))
