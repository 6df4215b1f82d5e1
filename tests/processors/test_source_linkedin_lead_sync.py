"""LinkedIn Lead Sync: challenge and signature, what is wanted of LinkedIn, what its answers become, and who wants to be forgotten."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from processors.attribution.channels import PAID_SOCIAL, SOCIAL
from processors.sources import linkedin_lead_sync
from processors.sources.linkedin_lead_sync import LinkedInSettings
from processors.sources.signal import Adapted, Answered, Unauthorised, Wanted
from schemas import kinds
from tests.processors.signals import IDENTITY_KEY, NOW, only, problem, refused, signal
from tests.processors.test_sales_journey import Installation

SECRET, CODE = "client-secret", "890e4665-4dfe-4ab1-b689-ed553bceeed0"
SETTINGS = LinkedInSettings(
    secrets=(SECRET, "old-secret"), access_token="a-token", identity_key=IDENTITY_KEY, api="https://api.example.com/rest", answers=("what_can_you_spend=budget",)
)
CREATED = {
    "type": "LEAD_ACTION", "leadGenFormResponse": "urn:li:leadGenFormResponse:1a2b3c-4", "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:7,1)",
    "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:5"}, "leadType": "SPONSORED", "leadAction": "CREATED", "occurredAt": NOW - 5_000,
}  # fmt: skip
DELETED = {**CREATED, "leadAction": "DELETED", "occurredAt": NOW - 1_000}


def text(question: int, answer: str) -> dict:
    return {"questionId": question, "answerDetails": {"textQuestionAnswer": {"answer": answer}}}


def asking(question: int, name: str, predefined: str | None = None, **details) -> dict:
    return {"questionId": question, "name": name, "question": {"localized": {"de_DE": name}}, "predefinedField": predefined, "questionDetails": details}


SIZES = {"options": [{"id": 1, "text": {"localized": {"en_US": "51-200"}}}, {"id": 2, "text": {"localized": {"en_US": "201-500"}}}]}
ANSWERS = {
    "id": "1a2b3c-4", "leadType": "SPONSORED", "submittedAt": NOW - 6_000, "testLead": False,
    "leadMetadataInfo": {"sponsoredLeadMetadataInfo": {"campaign": {"id": "urn:li:sponsoredCampaign:9", "name": "Spring"}}},
    "form": {
        "id": 7, "name": "E-book", "hiddenFields": [{"name": "region", "value": "north"}],
        "content": {"questions": [
            asking(1, "Vorname", "FIRST_NAME"), asking(2, "Nachname", "LAST_NAME"), asking(3, "Mail", "EMAIL"), asking(4, "Mail im Betrieb", "WORK_EMAIL"),
            asking(5, "Titel", "JOB_TITLE"), asking(6, "Firma", "COMPANY_NAME"), asking(7, "What can you spend?"), asking(9, "Profil", "LINKEDIN_PROFILE_LINK"),
            asking(8, "Größe", "COMPANY_SIZE", multipleChoiceQuestionDetails=SIZES), asking(10, "Post", "ZIP_CODE"),
        ]},
    },
    "formResponse": {
        "answers": [
            text(1, "Ann"), text(2, "Smith"), text(3, "ann@home.example"), text(4, "Ann@Acme.example"), text(5, "VP Sales"), text(6, "Acme"), text(7, "20000"),
            {"questionId": 8, "answerDetails": {"multipleChoiceAnswer": {"options": [2]}}}, text(9, "https://linkedin.example/in/ann"), text(10, "80331"),
        ],
        "consentResponses": [{"consentId": 11, "accepted": True}, {"consentId": 12, "accepted": False}],
    },
}  # fmt: skip


def signed(body: bytes, secret=SECRET) -> dict[str, str]:
    return {linkedin_lead_sync.SIGNATURE: hmac.new(secret.encode(), b"hmacsha256=" + body, hashlib.sha256).hexdigest()}


def adapt(said, *, fetched=None, settings=SETTINGS, headers=None):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    request = signal(body, linkedin_lead_sync.PATHS[0], headers=signed(body) if headers is None else headers)
    return linkedin_lead_sync.adapt(replace(request, fetched=fetched), settings)


def answered(said=CREATED, answers=ANSWERS, settings=SETTINGS):
    """What becomes of a notification once the answers that it wants are there."""
    outcome = adapt(said, settings=settings)
    if not isinstance(outcome, Wanted):
        return outcome
    return adapt(said, settings=settings, fetched={outcome.url: answers if isinstance(answers, bytes) else json.dumps(answers).encode()})


def asked(query, settings=SETTINGS):
    return linkedin_lead_sync.adapt(replace(signal(b"", linkedin_lead_sync.PATHS[0], query=query), method="GET"), settings)


# ---- who may enter ----------------------------------------------------------------------------------------------------


def test_the_challenge_is_answered_with_its_digest():
    answer = asked({"challengeCode": CODE})
    assert isinstance(answer, Answered)
    right = hmac.new(SECRET.encode(), CODE.encode(), hashlib.sha256).hexdigest()
    assert (json.loads(answer.body), answer.content_type) == ({"challengeCode": CODE, "challengeResponse": right}, "application/json")
    assert "LEADSTREAM_LINKEDIN_SECRETS" in refused(asked({"challengeCode": CODE}, replace(SETTINGS, secrets=())))


@pytest.mark.parametrize("code", ["", "x", CODE + "0", CODE[:-1], "hmacsha256=" + json.dumps(DELETED), f"hmacsha256={CODE}", CODE + "\n"])
def test_nobody_has_a_body_of_his_own_signed_by_asking_with_it(code):
    """The same secret answers challenges and signs bodies."""
    assert isinstance(asked({"challengeCode": code}), Unauthorised)


@pytest.mark.parametrize(
    ("settings", "headers", "said"),
    [
        (SETTINGS, {}, "is needed"), (SETTINGS, {linkedin_lead_sync.SIGNATURE: "00"}, "does not match"), (SETTINGS, signed(b"other"), "does not match"),
        (SETTINGS, {linkedin_lead_sync.SIGNATURE: hmac.new(SECRET.encode(), json.dumps(CREATED).encode(), "sha256").hexdigest()}, "does not match"),
        (SETTINGS, {linkedin_lead_sync.SIGNATURE: "\udcff"}, "does not match"), (replace(SETTINGS, secrets=()), None, "LEADSTREAM_LINKEDIN_SECRETS"),
        (replace(SETTINGS, access_token=""), None, "LEADSTREAM_LINKEDIN_ACCESS_TOKEN"),
    ],
)  # fmt: skip
def test_who_proves_nothing_is_refused_and_nothing_is_fetched(settings, headers, said):
    assert said in refused(adapt(CREATED, settings=settings, headers=headers))


@pytest.mark.parametrize("secret", [SECRET, "old-secret"])
def test_a_secret_may_be_changed_with_an_overlap(secret):
    body = json.dumps(CREATED).encode()
    assert isinstance(adapt(body, headers=signed(body, secret)), Wanted)


# ---- what is told -----------------------------------------------------------------------------------------------------


def test_the_answers_are_wanted_from_linkedin_with_its_headers_and_from_nowhere_else():
    wanted = adapt(CREATED)
    assert isinstance(wanted, Wanted)
    assert wanted.url.startswith("https://api.example.com/rest/leadFormResponses/1a2b3c-4?fields=")
    assert dict(wanted.headers) == {"Authorization": "Bearer a-token", "LinkedIn-Version": SETTINGS.version, "X-Restli-Protocol-Version": "2.0.0"}
    assert (wanted.kept, wanted.tries) == (False, 3)
    for forged in ("1a2b3c-4", "urn:li:leadGenFormResponse:../me", "urn:li:x:a/b", "urn:li:x:a?b", "https://evil.example", "urn:li:x:", "", None, 5, "urn:li:x:" + "9" * 101):
        rejected = problem(adapt({**CREATED, "leadGenFormResponse": forged}))
        assert (rejected.field, rejected.reason) == ("leadGenFormResponse", "no_id")


def test_a_lead_is_who_the_answers_say():
    found = only(answered())
    assert (found.kind, found.channel, found.campaign, found.email_domain) == ("lead_form_submitted", PAID_SOCIAL, "Spring", "acme.example")
    assert found.contact == {"name": "Ann Smith", "company": "Acme", "email": "ann@acme.example"}
    assert found.profile == {"role": "vp", "function": "sales", "size": "201-1000", "budget": "10000-49999"}
    assert {name: found.properties[name] for name in ("form", "form_id", "lead_type", "region", "consent.11", "consent.12")} == {
        "form": "E-book", "form_id": "7", "lead_type": "SPONSORED", "region": "north", "consent.11": "true", "consent.12": "false",
    }  # fmt: skip
    assert (found.occurred_at, found.identifiers()[0]) == (NOW - 6_000, "v:linkedin_lead_sync.1a2b3c-4")
    assert not any(private in json.dumps(found.properties) for private in ("Ann", "80331", "/in/ann", "home.example"))


def test_a_lead_told_again_has_the_same_id_and_one_without_an_address_is_kept():
    assert only(answered({**CREATED, "occurredAt": NOW})).event_id == only(answered()).event_id
    nameless = only(answered({**CREATED, "leadType": "EVENT"}, {"formResponse": {}}))
    assert (nameless.email_hash, nameless.channel, nameless.occurred_at) == (None, SOCIAL, NOW - 5_000)
    assert only(answered({**CREATED, "occurredAt": (NOW - 5_000) // 1000}, {})).occurred_at == (NOW - 5_000) // 1000 * 1000


def test_a_campaign_without_a_name_goes_by_its_number():
    assert only(answered(answers={"leadMetadata": {"sponsoredLeadMetadata": {"campaign": "urn:li:sponsoredCampaign:9"}}})).campaign == "9"


@pytest.mark.parametrize("answers", [b"", b"{", b"[]"])
def test_answers_that_cannot_be_fetched_are_told_with_what_to_look_at(answers):
    rejected = problem(answered(answers=answers))
    assert (rejected.field, rejected.reason, json.loads(rejected.body)) == ("leadGenFormResponse", "no_answers", CREATED)
    assert "LEADSTREAM_LINKEDIN_ACCESS_TOKEN" in rejected.detail


@pytest.mark.parametrize(
    ("said", "reason"),
    [({**CREATED, "leadAction": "CHANGED"}, "unknown_action"), ({}, "unknown_action"), (b"{", "no_json"), (b"[]", "wrong_type"), ({**DELETED, "leadGenFormResponse": 5}, "no_id")],
)
def test_what_cannot_be_used_is_kept_with_its_reason(said, reason):
    assert problem(adapt(said)).reason == reason


def test_what_is_no_lead_or_only_a_test_is_ignored_by_name():
    for outcome, reason in ((adapt({**CREATED, "type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"}), "no_lead"), (answered(answers={**ANSWERS, "testLead": True}), "test")):
        assert isinstance(outcome, Adapted)
        assert [each.reason for each in outcome.ignored] == [reason]


# ---- who wants to be forgotten ----------------------------------------------------------------------------------------


def test_a_deletion_is_a_request_to_be_forgotten_for_which_nothing_need_be_fetched():
    found = only(adapt(DELETED, settings=replace(SETTINGS, access_token="")))
    assert (found.kind, found.channel, found.occurred_at) == (kinds.ERASURE_REQUESTED, kinds.NO_CHANNEL, NOW - 1_000)
    assert found.identifiers() == ("v:linkedin_lead_sync.1a2b3c-4",)
    assert linkedin_lead_sync.family(found.kind) == linkedin_lead_sync.family("lead_form_submitted")
    assert only(adapt({**DELETED, "occurredAt": NOW})).event_id == found.event_id != only(answered()).event_id
    assert only(adapt({**DELETED, "occurredAt": "x"})).properties == {"timestamp_unreadable": "occurredAt"}


@pytest.mark.parametrize("order", [(CREATED, DELETED), (DELETED, CREATED)])
def test_a_deletion_comes_to_the_lead_that_the_address_names(order):
    here = Installation()
    for said in (*order, *order):
        here.receive(answered(said))
    assert here.counted() == {"lead_form_submitted": 1, kinds.ERASURE_REQUESTED: 1}
    (lead_id,) = here.live_leads()
    assert lead_id == "e:" + only(answered()).email_hash
