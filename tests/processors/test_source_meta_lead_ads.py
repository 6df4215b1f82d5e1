"""Meta's lead ads: who may ask and tell, what is wanted from the Graph, and what its answers become."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.attribution.channels import PAID_SOCIAL, SOCIAL
from processors.sources import meta_lead_ads
from processors.sources.meta_lead_ads import LEADS_MAX, MetaSettings
from processors.sources.signal import Adapted, Answered, Unauthorised, Wanted
from tests.processors.signals import IDENTITY_KEY, NOW, payload, signal

SECRET = "app-secret"
SETTINGS = MetaSettings(
    secrets=("old-secret", SECRET), verify_token="verify", access_token="page-token", identity_key=IDENTITY_KEY, graph="https://graph.example.com/v1", answers=("plan=timeframe",)
)
LEAD = {"leadgen_id": "321", "form_id": "456", "page_id": "123", "created_time": NOW // 1000}
ANSWERS = {
    "id": "321", "created_time": "2026-11-21T21:50:00+0000", "campaign_name": "Spring", "form_id": "456", "platform": "ig",
    "field_data": [
        {"name": "email", "values": ["Ann@Acme.example"]}, {"name": "full_name", "values": ["Ann Smith"]}, {"name": "job_title", "values": ["VP Sales"]},
        {"name": "what_do_you_need?", "values": ["leads", "sleep"]},
    ],
    "custom_disclaimer_responses": [{"checkbox_key": "news", "is_checked": "1"}, {"checkbox_key": "calls", "is_checked": ""}],
}  # fmt: skip


def told(*leads) -> dict:
    return {"object": "page", "entry": [{"id": "9", "time": NOW // 1000, "changes": [{"field": "leadgen", "value": lead} for lead in leads]}]}


def signed(body: bytes, secret=SECRET) -> dict[str, str]:
    return {meta_lead_ads.SIGNATURE: "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def adapt(said, *, fetched=None, settings=SETTINGS, headers=None):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    request = signal(body, meta_lead_ads.PATHS[0], headers=signed(body) if headers is None else headers)
    return meta_lead_ads.adapt(replace(request, fetched=fetched), settings)


def answered(*leads, answers=ANSWERS):
    """What becomes of *leads* once every answer that is wanted is there."""
    fetched: dict[str, bytes] = {}
    while isinstance(outcome := adapt(told(*leads), fetched=fetched), Wanted):
        fetched[outcome.url] = answers if isinstance(answers, bytes) else json.dumps(answers).encode()
    return outcome


def asked(**query):
    return meta_lead_ads.adapt(replace(signal(b"", meta_lead_ads.PATHS[0], query={name.replace("_", ".", 1): value for name, value in query.items()}), method="GET"), SETTINGS)


def test_the_challenge_is_said_back_to_who_knows_the_token():
    assert asked(hub_mode="subscribe", hub_challenge="1158201444", hub_verify_token="verify") == Answered(body=b"1158201444", content_type="text/plain")
    assert isinstance(asked(hub_challenge="1158201444", hub_verify_token="guess"), Unauthorised)
    assert isinstance(asked(hub_challenge="<script>", hub_verify_token="verify"), Unauthorised)
    assert isinstance(asked(hub_verify_token="verify"), Unauthorised)


@pytest.mark.parametrize(
    ("settings", "headers", "said"),
    [
        (SETTINGS, {}, "is needed"), (SETTINGS, {meta_lead_ads.SIGNATURE: "sha256=00"}, "does not match"), (SETTINGS, signed(b"other"), "does not match"),
        (replace(SETTINGS, secrets=()), None, "LEADSTREAM_META_SECRETS"), (replace(SETTINGS, access_token=""), None, "LEADSTREAM_META_ACCESS_TOKEN"),
    ],
)  # fmt: skip
def test_who_proves_nothing_is_refused_and_nothing_is_fetched(settings, headers, said):
    outcome = adapt(told(LEAD), settings=settings, headers=headers)
    assert isinstance(outcome, Unauthorised)
    assert said in outcome.detail


def test_a_secret_may_be_changed_with_an_overlap():
    body = json.dumps(told(LEAD)).encode()
    assert isinstance(adapt(body, headers=signed(body, "old-secret")), Wanted)


def test_the_answers_of_each_lead_are_wanted_from_the_graph_and_from_nowhere_else():
    wanted = adapt(told(LEAD))
    assert isinstance(wanted, Wanted)
    assert wanted.url.startswith("https://graph.example.com/v1/321?fields=")
    assert wanted.url.endswith("access_token=page-token")
    assert not wanted.kept
    for forged in ("../me", "321/../..", "https://evil.example", "3 2", "", None, True, "9" * 33):
        outcome = adapt(told({**LEAD, "leadgen_id": forged}))
        assert isinstance(outcome, Adapted)
        assert [each.field for each in outcome.rejected] == ["leadgen_id"]


def test_a_lead_is_who_the_answers_say():
    (found,) = answered(LEAD).touchpoints
    assert (found.kind, found.channel, found.campaign, found.email_domain) == ("lead_form_submitted", PAID_SOCIAL, "Spring", "acme.example")
    assert found.contact["name"] == "Ann Smith"
    assert found.profile["role"] == "vp"
    assert (found.properties["what_do_you_need"], found.properties["form_id"]) == ("leads, sleep", "456")
    assert (found.properties["consent.news"], found.properties["consent.calls"]) == ("true", "false")
    assert found.occurred_at == 1795297800000
    assert "Ann" not in json.dumps(found.properties)


def test_a_lead_told_again_has_the_same_id_and_one_without_an_address_is_kept():
    first, second = answered(LEAD).touchpoints[0], answered({**LEAD, "created_time": 1}).touchpoints[0]
    assert first.event_id == second.event_id
    (nameless,) = answered(LEAD, answers={"id": "321", "is_organic": True, "field_data": []}).touchpoints
    assert (nameless.visitor_id, nameless.channel, nameless.occurred_at) == ("meta_lead_ads.321", SOCIAL, NOW // 1000 * 1000)


@pytest.mark.parametrize("answers", [b"", b"{", b"[]"])
def test_answers_that_cannot_be_fetched_are_told_with_what_to_look_at(answers):
    (rejected,) = answered(LEAD, answers=answers).rejected
    assert (rejected.field, rejected.reason) == ("leadgen_id", "no_answers")
    assert "LEADSTREAM_META_ACCESS_TOKEN" in rejected.detail
    assert json.loads(rejected.body) == told(LEAD)


def test_several_leads_in_one_request_are_each_for_itself():
    outcome = answered(LEAD, {**LEAD, "leadgen_id": "x"}, {**LEAD, "leadgen_id": "322"})
    assert len({each.event_id for each in outcome.touchpoints}) == 2
    assert [each.index for each in outcome.rejected] == [1]
    too_many = adapt(told(*({**LEAD, "leadgen_id": str(n + 1)} for n in range(LEADS_MAX + 1))))
    assert too_many.rejected[0].reason == "too_many_events"


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"object": "user", "entry": []}, "no_page"), ({}, "no_page"), (b"{", "no_json")],
)
def test_what_tells_of_no_page_is_rejected(body, reason):
    assert [each.reason for each in adapt(body).rejected] == [reason]


def test_empty_entries_and_other_fields_do_no_harm():
    assert adapt({"object": "page", "entry": []}) == Adapted()
    assert adapt({"object": "page", "entry": [None, {"changes": [None, {"field": "feed", "value": {}}]}]}).ignored[0].reason == "no_lead"


def test_the_recorded_webhook_wants_its_lead():
    wanted = adapt(payload("meta_lead_ads/fbsamples/webhook.leadgen.json"))
    assert isinstance(wanted, Wanted)
    assert "/321321321?" in wanted.url
