"""Typeform's signed webhooks: a filled-in form, its answers by their questions, its hidden fields."""

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import replace

import pytest

from processors.sources import typeform
from processors.sources.typeform import SIGNATURE, TypeformSettings
from tests.processors.signals import IDENTITY_KEY, NOW, only, payload, problem, refused, signal

SETTINGS = TypeformSettings(secrets=("typeform-secret", "older"), identity_key=IDENTITY_KEY)
PATH = "/webhooks/typeform"
MEANINGS = ("What do you want to spend?=budget", "when-ref=timeframe")


def signed(body, secret="typeform-secret"):
    return {SIGNATURE: "sha256=" + b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()}


def adapt(body, settings=SETTINGS, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return typeform.adapt(signal(body, PATH, headers=signed(body), **more), settings)


def event(*answers, **more):
    """A response whose answers are (question, type, value), each question with a reference `<type>-ref`."""
    fields = [{"id": f"f{number}", "ref": f"{kind}-ref", "type": kind, "title": title} for number, (title, kind, _) in enumerate(answers)]
    said = [{"type": kind, kind: value, "field": {"id": f"f{number}", "ref": f"{kind}-ref", "type": kind}} for number, (_, kind, value) in enumerate(answers)]
    response = {
        "form_id": "F1", "token": "tok-1", "landed_at": "2026-11-21T21:50:00Z", "submitted_at": "2026-11-21T21:55:00Z",
        "definition": {"id": "F1", "title": "Request an offer", "fields": fields}, "answers": said,
    }  # fmt: skip
    return {"event_id": "evt-1", "event_type": "form_response", "form_response": response | more}


EMAIL = ("Where do we send it?", "email", "Ann@Initech.com")


def ignored(outcome):
    assert (outcome.touchpoints, outcome.rejected) == ((), ())
    return [each.reason for each in outcome.ignored]


# ---- proof ----------------------------------------------------------------------------------------------------------


def test_a_signature_by_any_of_the_secrets_proves_and_others_do_not():
    body = json.dumps(event(EMAIL)).encode()
    for secret in ("typeform-secret", "older"):
        only(typeform.adapt(signal(body, PATH, headers=signed(body, secret)), SETTINGS))
    right = signed(body)[SIGNATURE]
    for said in (None, "", right.removeprefix("sha256="), "sha256=", "sha256=\udcff", right + "=", signed(body, "wrong")[SIGNATURE], signed(body + b" ")[SIGNATURE], "sha256=" + hmac.new(b"typeform-secret", body, hashlib.sha256).hexdigest()):
        assert SIGNATURE in refused(typeform.adapt(signal(body, PATH, headers={} if said is None else {SIGNATURE: said}), SETTINGS))
    assert "LEADSTREAM_TYPEFORM_SECRETS" in refused(adapt(event(EMAIL), replace(SETTINGS, secrets=())))


# ---- answers --------------------------------------------------------------------------------------------------------


def test_a_form_is_a_touchpoint_of_its_person_with_the_answers_as_properties():
    found = only(adapt(event(EMAIL, ("First name", "text", "Ann"), ("Last name", "text", "Lee"), ("Call me", "phone_number", "+49301"), ("Company", "text", "Initech"), ("Tools?", "choices", {"labels": ["Excel", "CRM"], "other": "Paper"}), ("Sure?", "boolean", True), ("Your rating", "number", 4))))
    assert (found.kind, found.channel, found.occurred_at, found.email_domain, found.visitor_id) == ("form_submitted", "none", 1795298100000, "initech.com", None)
    assert found.contact == {"name": "Ann Lee", "phone": "+49301", "company": "Initech", "email": "ann@initech.com"}
    assert found.properties == {"form": "Request an offer", "form_id": "F1", "tools": "Excel,CRM,Paper", "sure": "true", "your_rating": "4"}


def test_budget_and_timeframe_are_what_settings_say_they_are():
    said = event(EMAIL, ("What do you want to spend?", "choice", {"label": "10.000 - 50.000 €"}), ("When?", "when", "in 2 months"))
    assert only(adapt(said)).profile == {}
    assert only(adapt(said, replace(SETTINGS, meanings=MEANINGS))).profile == {"budget": "10000-49999", "timeframe": "2-3"}
    by_id = replace(SETTINGS, meanings=("f1=budget",))
    assert only(adapt(said, by_id)).profile == {"budget": "10000-49999"}


def test_a_choice_in_own_words_and_a_single_one_of_many_are_read_too():
    said = event(EMAIL, ("Budget", "choice", {"other": "20000"}), ("Timeframe", "choices", {"labels": ["ASAP"]}))
    assert only(adapt(said)).profile == {"budget": "10000-49999", "timeframe": "0-1"}


def test_settings_say_which_form_is_a_demo():
    demos = replace(SETTINGS, kinds=("F1=demo_booked", "F2=contact_form_submitted"))
    assert only(adapt(event(EMAIL), demos)).kind == "demo_booked"
    assert only(adapt(event(EMAIL, form_id="F3"), demos)).kind == "form_submitted"


def test_files_and_payments_are_kept_nowhere():
    found = only(adapt(event(EMAIL, ("CV", "file_url", "https://x/cv.pdf"), ("Pay", "payment", {"amount": "$5", "last4": "1234", "name": "Ann"}))))
    assert found.properties == {"form": "Request an offer", "form_id": "F1"}


def test_hidden_fields_are_ids_the_road_and_more_answers():
    hidden = {"visitor_id": "v-1", "user_id": "c-1", "utm_source": "google", "utm_medium": "cpc", "utm_campaign": "Q4", "gclid": "g", "plan": "pro", "company": "Initech", "email": "bob@initech.com"}
    found = only(adapt(event(hidden=hidden)))
    assert (found.visitor_id, found.crm_id, found.channel, found.campaign, found.email_domain) == ("v-1", "c-1", "paid_search", "Q4", "initech.com")
    assert (found.properties["plan"], found.properties["gclid"], found.contact["company"]) == ("pro", "g", "Initech")
    assert not {"visitor_id", "user_id", "email"} & set(found.properties)
    assert only(adapt(event(EMAIL, hidden=hidden))).contact["email"] == "ann@initech.com"
    assert only(adapt(event(hidden={"cookie": "v-2"}), replace(SETTINGS, visitor_id_fields=("cookie",)))).visitor_id == "v-2"


def test_a_form_without_address_is_not_lost():
    found = only(adapt(event(("Colour?", "text", "blue"))))
    assert (found.visitor_id, found.email_hash, found.properties["colour"]) == ("typeform.tok-1", None, "blue")


def test_the_score_of_a_quiz_is_a_property():
    assert only(adapt(event(EMAIL, calculated={"score": 9}))).properties["score"] == "9"


def test_a_redelivery_has_the_same_id():
    assert only(adapt(event(EMAIL))).event_id == only(adapt(event(EMAIL) | {"event_id": "evt-2"})).event_id
    assert only(adapt(event(EMAIL, token="tok-2"))).event_id != only(adapt(event(EMAIL))).event_id
    assert only(adapt(event(EMAIL, token=None))).event_id != only(adapt(event(EMAIL))).event_id


def test_what_is_no_filled_in_form_is_ignored_by_name():
    assert ignored(adapt(event() | {"event_type": "form_response_partial"})) == ["partial"]
    assert ignored(adapt({"event_type": "something_new"})) == ["other_event"]


@pytest.mark.parametrize(("said", "field"), [
    ({"event_type": "form_response"}, "form_response"), ({"event_type": 5}, "event_type"), ({"form_response": []}, "form_response"), (event(token=None) | {"event_id": None}, "form_response.token"),
    (event(token="x" * 200), "form_response.token"), (event(token=5), "form_response.token"), (event(submitted_at=5), "form_response.submitted_at"), (event(answers=5), "form_response.answers"),
    (event(hidden=[]), "form_response.hidden"), (event(hidden={"user_id": "x" * 200}), "form_response.hidden.user_id"), (event(("Why?", "text", "x" * 40_000)), "form_response.why"),
    (b"[]", "body"), (b"", "body"), (b"{", "body"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field_with_its_bytes(said, field):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.body) == (field, body)


@pytest.mark.parametrize("odd", [
    {"answers": [5, None, {"type": []}, {"type": "text", "text": {"a": []}}, {"type": "choices", "choices": {"labels": []}}]}, {"definition": 5}, {"definition": {"fields": [5, {"id": []}]}},
    {"answers": [{"type": "text", "text": "x", "field": {"id": []}}]}, {"hidden": {"utm_source": 5, "x": {"y": 1}}}, {"calculated": 5}, {"form_id": None},
])  # fmt: skip
def test_odd_values_are_no_error(odd):
    assert only(adapt(event(**odd))).visitor_id == "typeform.tok-1"


def test_without_a_readable_time_it_is_marked():
    assert only(adapt(event(EMAIL, submitted_at="soon"))).properties["submitted_at_unreadable"] == "submitted_at"
    assert only(adapt(event(EMAIL, submitted_at=None))).occurred_at == NOW


def test_the_recorded_response_is_read_inside_its_event_and_refused_by_name_without():
    recorded = json.loads(payload("typeform/activepieces/form_response_inner.json"))
    found = only(adapt({"event_id": "E", "event_type": "form_response", "form_response": recorded}, replace(SETTINGS, meanings=("r2NV4a7LSugq=industry",))))
    assert (found.kind, found.visitor_id, found.occurred_at) == ("form_submitted", "typeform.9q3v9bp5alonta6239q3q1rfly2c2ukh", 1675025557000)
    assert found.properties == {"form": "test2", "form_id": "o3TT4IlE", "01_gqzmfyad53_n13_mc7_g0_akfwc6": "Choice 1"}
    assert problem(adapt(recorded)).field == "form_response"
