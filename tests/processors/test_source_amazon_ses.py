"""Amazon SES's events through SNS: whose messages are believed, and what each event becomes."""

import json
from dataclasses import replace

import pytest
from cryptography.x509.verification import Store

from processors.sources import amazon_ses
from processors.sources.amazon_ses import SesSettings
from processors.sources.amazon_sns import SnsSettings
from processors.sources.signal import Adapted, Answered, Wanted
from streams.errors import Misconfigured
from streams.settings import Settings
from tests.processors import sns
from tests.processors.signals import IDENTITY_KEY, NOW, only, payload, payloads, problem, refused, signal, touchpoints

ROOTS = Store([sns.root()])
SETTINGS = SesSettings(identity_key=IDENTITY_KEY, sns=SnsSettings(topics=(sns.TOPIC,), store=ROOTS))
FETCHED = {sns.CERTIFICATE_URL: sns.pem(sns.leaf()), sns.ISSUER_URL: sns.der(sns.between())}
MAIL = {"messageId": "m-1", "timestamp": "2026-11-21T21:56:20Z", "destination": ["ann@example.com"], "commonHeaders": {"subject": "Hello"}}


def event(said="Open", mail=None, **sections):
    return {"eventType": said, "mail": {**MAIL, **(mail or {})}, **sections}


def adapt(said, settings=SETTINGS, *, fetched=FETCHED, **more):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return amazon_ses.adapt(replace(signal(body, "/webhooks/amazon-ses", **more), fetched=fetched), settings)


def told(said, **sections):
    return adapt(sns.message(event(said, **sections)))


OPEN = sns.message(event(open={"timestamp": "2026-11-21T21:56:30Z", "userAgent": "Firefox"}))


# ---- who may send ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["Amazon SES", None])
def test_a_signature_of_either_version_proves_the_message(version, subject):
    assert only(adapt(sns.message(event(), version=version, Subject=subject))).kind == "email_opened"


@pytest.mark.parametrize("changed", [
    {"Message": json.dumps(event("Click"))}, {"MessageId": "n-2"}, {"Subject": "other"}, {"Timestamp": "2026-11-21T21:56:41Z"}, {"Signature": "AAAA"}, {"Signature": "%%"},
    {"Signature": None}, {"SignatureVersion": "1"}, {"SignatureVersion": "3"}, {"SignatureVersion": None}, {"Type": "Other"}, {"Type": 5}, {"Message": 5}, {"Timestamp": None},
    {"TopicArn": "arn:aws:sns:us-east-1:123456789012:of-a-stranger"}, {"TopicArn": None}, {"SigningCertURL": None},
])  # fmt: skip
def test_a_changed_message_is_refused(changed):
    refused(adapt({**OPEN, **changed}))


def test_a_stranger_s_topic_is_refused_though_sns_signed_it():
    topic = "arn:aws:sns:us-east-1:999999999999:mine"
    assert "TopicArn" in refused(adapt(sns.message(event(), TopicArn=topic)))
    only(adapt(sns.message(event(), TopicArn=topic), replace(SETTINGS, sns=replace(SETTINGS.sns, topics=(sns.TOPIC, topic)))))
    assert "LEADSTREAM_AMAZON_SES_TOPICS" in refused(adapt(OPEN, replace(SETTINGS, sns=SnsSettings(topics=(), store=None))))


def test_without_roots_nobody_is_believed():
    assert "LEADSTREAM_OUTBOUND_ROOTS" in refused(adapt(OPEN, replace(SETTINGS, sns=replace(SETTINGS.sns, store=None))))


def test_roots_are_read_from_a_file_which_must_hold_some(tmp_path):
    for content in (None, b"", b"nonsense"):
        if content is not None:
            (tmp_path / "roots.pem").write_bytes(content)
        with pytest.raises(Misconfigured, match="LEADSTREAM_OUTBOUND_ROOTS must be a file"):
            Settings.load({"LEADSTREAM_IDENTITY_KEY": "x" * 16, "LEADSTREAM_OUTBOUND_ROOTS": str(tmp_path / "roots.pem")})
    (tmp_path / "good.pem").write_bytes(sns.pem(sns.root()))
    assert Settings.load({"LEADSTREAM_IDENTITY_KEY": "x" * 16, "LEADSTREAM_OUTBOUND_ROOTS": str(tmp_path / "good.pem")}).outbound_roots


@pytest.mark.parametrize("topic", ["ses-events", "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sns:us-east-1:12345:q"])
def test_a_topic_is_an_arn(topic):
    with pytest.raises(Misconfigured, match="LEADSTREAM_AMAZON_SES_TOPICS must be ARNs"):
        Settings.load({"LEADSTREAM_IDENTITY_KEY": "x" * 16, "LEADSTREAM_AMAZON_SES_TOPICS": topic})


@pytest.mark.parametrize("url", [
    "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem", "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
    "https://evil.example/SimpleNotificationService-0123456789abcdef.pem", "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
    "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem", "https://s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
    "https://sns.us-east-1.amazonaws.com/../x/SimpleNotificationService-0123456789abcdef.pem", "https://sns.evil.example/.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x=1", "https://169.254.169.254/latest/meta-data", "file:///etc/passwd",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem\n",
])  # fmt: skip
def test_no_certificate_is_wanted_from_any_other_place(url):
    assert "SigningCertURL" in refused(adapt(sns.message(event(), SigningCertURL=url), fetched=None))


def test_the_certificate_and_its_issuer_are_wanted_one_after_the_other():
    assert adapt(OPEN, fetched=None) == Wanted(url=sns.CERTIFICATE_URL)
    assert adapt(OPEN, fetched={sns.CERTIFICATE_URL: FETCHED[sns.CERTIFICATE_URL]}) == Wanted(url=sns.ISSUER_URL)
    only(adapt(OPEN, fetched={sns.CERTIFICATE_URL: sns.pem(sns.leaf(), sns.between())})), "a chain that came whole"


def chain(leaf, issuer=None):
    return {sns.CERTIFICATE_URL: sns.pem(leaf), sns.ISSUER_URL: sns.der(issuer or sns.between())}


@pytest.mark.parametrize(("fetched", "why"), [
    ({sns.CERTIFICATE_URL: b""}, "no certificate"), ({sns.CERTIFICATE_URL: b"nonsense"}, "read"), (chain(sns.leaf()) | {sns.ISSUER_URL: b""}, "root"),
    (chain(sns.leaf()) | {sns.ISSUER_URL: b"nonsense"}, "read"), (chain(sns.issue("leaf", "between", names=("evil.example",))), "not issued to the sender"),
    (chain(sns.issue("leaf", "between", names=("sns.eu-west-1.amazonaws.com",))), "not issued to the sender"), (chain(sns.issue("leaf", "between", names=())), "not issued"),
    (chain(sns.issue("leaf", "between", names=("sns.amazonaws.com",), days=(-30, -1))), "root"), (chain(sns.issue("leaf", "between", names=("sns.amazonaws.com",), days=(1, 30))), "root"),
    (chain(sns.issue("leaf", "other", names=("sns.amazonaws.com",)), sns.issue("other", "other", ca=True, issuer_at=None)), "root"),
    (chain(sns.issue("leaf", "leaf", names=("sns.amazonaws.com",))), "root"),
    (chain(sns.issue("leaf", "between", names=("sns.amazonaws.com",)), sns.issue("between", "root", names=("x.example",), issuer_at=None)), "root"),
    (chain(sns.issue("leaf", "between", names=("sns.amazonaws.com",), issuer_at="http://evil.example/r.cer")), "root"),
    (chain(sns.issue("leaf", "between", names=("sns.amazonaws.com",), issuer_at="http://crt.evil.amazontrust.com.evil.example/r.cer")), "root"),
])  # fmt: skip
def test_a_certificate_whose_chain_name_or_time_is_wrong_is_not_trusted(fetched, why):
    assert why in refused(adapt(OPEN, fetched=fetched))


@pytest.mark.parametrize("name", ["sns.amazonaws.com", "sns.us-east-1.amazonaws.com", "sns-signing.us-east-1.amazonaws.com"])
def test_a_certificate_has_one_of_the_names_of_its_region(name):
    only(adapt(OPEN, fetched=chain(sns.issue("leaf", "between", names=(name,)))))


def test_another_key_than_the_certificate_s_proves_nothing():
    assert "does not match" in refused(adapt(sns.message(event(), signer="other")))


def test_a_recorded_message_is_of_no_use_after_the_time_that_sns_sends_again():
    only(adapt(OPEN, received_at=NOW + 7 * 3_600_000 - 1_000))
    assert "25200 s" in refused(adapt(OPEN, received_at=NOW + 7 * 3_600_000 + 1_000))
    assert only(adapt(OPEN, received_at=NOW + 99 * 3_600_000, import_id="history")).import_id == "history"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b"5", b'{"eventType": "Open"}'])
def test_what_is_no_message_proves_nothing(body):
    refused(adapt(body))


def test_a_subscription_is_confirmed_by_a_visit_where_sns_says():
    assert adapt(sns.confirmation()) == Wanted(url=sns.CONFIRM_URL, kept=False)
    assert isinstance(adapt(sns.confirmation(), fetched={**FETCHED, sns.CONFIRM_URL: b"<ok/>"}), Answered)
    assert "SubscribeURL" in refused(adapt(sns.confirmation(), fetched={**FETCHED, sns.CONFIRM_URL: b""}))
    refused(adapt({**sns.confirmation(), "Token": "other"}))


@pytest.mark.parametrize("url", [
    "https://evil.example/?Action=ConfirmSubscription", "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription", "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic",
    "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Action=DeleteTopic", "https://sns.us-east-1.amazonaws.com.evil.example/?Action=ConfirmSubscription",
    "https://sns.us-east-1.amazonaws.com/x?Action=ConfirmSubscription", None,
])  # fmt: skip
def test_no_other_place_is_visited_though_the_message_is_signed(url):
    refused(adapt(sns.confirmation(SubscribeURL=url)))


def test_what_sns_says_of_itself_is_ignored_by_name():
    for said in (sns.confirmation(Type="UnsubscribeConfirmation"), sns.message("Successfully validated SNS topic for Amazon SES event publishing.")):
        assert [each.reason for each in adapt(said).ignored] == ["no_email_event"]


# ---- recordings ------------------------------------------------------------------------------------------------------


def test_every_recorded_event_signed_anew_is_its_touchpoints_or_its_named_refusal():
    expected = {
        "bounce_event": ["email_bounced"], "click_event": ["email_clicked"], "complaint_event": ["email_complained"], "delivery_event": ["email_delivered"],
        "multiple_bounce_event": ["email_bounced"] * 2, "open_event": ["email_opened"], "reject_event": ["email_dropped"],
        "rendering_failure_event": ["email_dropped"], "send_event": ["email_sent"], "incorrect_received_event": "inbound",
    }  # fmt: skip
    prefix = "AmazonSESNotificationsTests.test_"
    found = {path.name.removeprefix(prefix).removesuffix(".headers.json") for path in payloads("amazon_ses/anymail", prefix + "*.headers.json")}
    assert found == set(expected)
    for name, kinds in expected.items():
        recorded = json.loads(payload(f"amazon_ses/anymail/{prefix}{name}.json"))
        refused(adapt(recorded))
        again = adapt(sns.message(recorded["Message"]))
        if kinds == "inbound":
            assert [each.reason for each in again.ignored] == [kinds]
        else:
            assert [each.kind for each in touchpoints(again)] == kinds, name


def test_every_recorded_message_about_subscriptions_proves_nothing_as_it_stands():
    for path in payloads("amazon_ses/anymail", "AmazonSES[SW]*Tests.*[a-z].json"):
        if not path.name.endswith(".headers.json"):
            refused(adapt(path.read_bytes()))


# ---- events ----------------------------------------------------------------------------------------------------------


def test_each_event_has_its_kind():
    one = [{"emailAddress": "ann@example.com", "diagnosticCode": "550 no", "status": "5.1.1"}]
    for said, name, section, kind in (
        ("Send", "send", {}, "email_sent"), ("Delivery", "delivery", {"recipients": ["ann@example.com"]}, "email_delivered"),
        ("DeliveryDelay", "deliveryDelay", {"delayedRecipients": one}, "email_deferred"), ("Bounce", "bounce", {"bouncedRecipients": one}, "email_bounced"),
        ("Bounce", "bounce", {"bouncedRecipients": one, "bounceSubType": "OnAccountSuppressionList"}, "email_dropped"),
        ("Complaint", "complaint", {"complainedRecipients": one}, "email_complained"), ("Reject", "reject", {"reason": "Bad content"}, "email_dropped"),
        ("Rendering Failure", "failure", {"errorMessage": "no"}, "email_dropped"), ("Open", "open", {}, "email_opened"), ("Click", "click", {"link": "https://x.example/a"}, "email_clicked"),
        ("Subscription", "subscription", {"newTopicPreferences": {"unsubscribeAll": True}}, "email_unsubscribed"),
        ("Subscription", "subscription", {"newTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": [{"subscriptionStatus": "OptIn"}]}}, "email_resubscribed"),
    ):  # fmt: skip
        found = only(told(said, **{name: {"timestamp": "2026-11-21T21:56:30Z", **section}}))
        assert (found.kind, found.channel, amazon_ses.family(kind), found.occurred_at) == (kind, "email", "email", NOW - 10_000), said
        assert (found.properties["message_id"], found.contact) == ("m-1", {"email": "ann@example.com"})


def test_an_open_by_a_proxy_is_no_open_by_a_person():
    for agent in ("Mozilla/5.0", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"):
        assert only(told("Open", open={"userAgent": agent, "ipAddress": "192.0.2.1"})).kind == "email_machine_opened"


def test_of_several_recipients_those_are_told_whom_the_event_names():
    several = ["ann@example.com", "bob@example.com"]
    assert len(touchpoints(told("Send", mail={"destination": several}))) == 2
    assert [each.reason for each in told("Open", mail={"destination": several}).ignored] == ["several_recipients"]
    assert only(told("Bounce", mail={"destination": several}, bounce={"bouncedRecipients": [{"emailAddress": "bob@example.com"}]})).contact == {"email": "bob@example.com"}
    assert [each.reason for each in told("Complaint", complaint={"complaintFeedbackType": "not-spam"}).ignored] == ["not_spam"]


def test_tags_name_campaign_and_crm_id_and_the_same_event_again_is_the_same():
    tags = {"campaign": ["Q4"], "crm_id": ["c-7"], "ses:configuration-set": ["main"], "ses:source-ip": ["192.0.2.0"]}
    found = only(told("Open", mail={"tags": tags}))
    assert (found.campaign, found.crm_id, found.properties["configuration_set"]) == ("Q4", "c-7", "main")
    assert "192.0.2.0" not in str(found)
    one = only(adapt(OPEN)).event_id
    assert only(adapt(sns.message(json.loads(OPEN["Message"]), MessageId="n-2"))).event_id == one, "told by two topics"
    assert only(adapt(sns.message(event(open={"timestamp": "2026-11-21T21:56:31Z"})))).event_id != one


@pytest.mark.parametrize(("said", "field"), [
    (event("Seen"), "eventType"), (event(None), "eventType"), ({}, "eventType"), (event(mail={"destination": []}), "mail.destination"), (event(mail={"destination": None}), "mail.destination"),
    (event(open={"timestamp": "1999-01-01T00:00:00Z"}), "timestamp"), ("[]", "Message"), ("no JSON", "Message"), (event(mail={"tags": {"crm_id": ["x" * 200]}}), "mail.tags.crm_id"),
    (event("Bounce", bounce={"bouncedRecipients": [{}]}), "bounce.bouncedRecipients"),
])  # fmt: skip
def test_what_cannot_be_used_is_rejected_by_its_field(said, field):
    assert problem(adapt(sns.message(said))).field == field


def test_put_back_a_message_needs_no_proof():
    proved = replace(signal(json.dumps({"Type": "Notification", "Message": json.dumps(event())}).encode()), proved=True)
    assert isinstance(amazon_ses.adapt(proved, SETTINGS), Adapted)
