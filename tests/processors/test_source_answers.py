"""What answers tell: by settings, by the type of their question, by its wording; and signatures with an instant in them."""

import hashlib
import hmac
from base64 import b64encode

import pytest

from processors.sources.answers import ATTRIBUTES, Answer, read_answers, read_meanings
from processors.sources.signatures import keyed_proves
from processors.sources.timed_signatures import timed_refusal
from tests.processors.signals import NOW, signal

HEADER = "x-signature"


def told(*answers, meanings=()):
    return read_answers([Answer(*each) for each in answers], read_meanings(meanings), "answers", at=NOW)


def test_settings_say_what_a_question_asks_for_by_its_words_or_its_reference():
    meanings = ("What do you plan to spend?=budget", "ref-7=timeframe")
    found = told((("What do you plan to spend?",), "20000 EUR"), (("When?", "ref-7"), "in 2 months"), meanings=meanings)
    assert found.profile == {"budget": "10000-49999", "timeframe": "2-3"}
    assert found.rest == {"what_do_you_plan_to_spend": "20000 EUR", "when": "in 2 months"}


def test_without_settings_plain_wordings_are_understood_and_others_are_kept():
    found = told((("Job title",), "VP Marketing"), (("Work email",), "ann@initech.com"), (("Name",), "Ann"), (("Favourite colour?",), "blue"), (("Street",), "6th St"))
    assert (found.email, found.contact, found.profile) == ("ann@initech.com", {"name": "Ann"}, {"role": "vp", "function": "marketing"})
    assert found.rest == {"job_title": "VP Marketing", "favourite_colour": "blue"}


def test_the_type_of_a_question_tells_what_it_asks_for_and_settings_come_first():
    assert told((("Where to?",), "a@b.io", "email")).email == "a@b.io"
    assert told((("Whom to call?",), "Initech", "phone"), meanings=("whom to call=company",)).contact == {"company": "Initech"}


def test_questions_of_the_same_wording_are_kept_under_their_references():
    assert told((("Why?", "r1"), "a"), (("Why?", "r2"), "b"), (("...", "r3"), "c"), (("", None), "d")).rest == {"why": "a", "r2": "b", "r3": "c"}


def test_every_attribute_that_settings_may_name_is_told():
    for attribute in ATTRIBUTES:
        said = {"budget": 20000, "timeframe": "asap", "size": 50, "age": 30, "country": "Germany", "industry": "software", "role": "CEO", "function": "sales", "job_title": "CEO"}
        found = told((("x",), said.get(attribute, "Ann")), meanings=(f"x={attribute}",))
        assert found.email or found.contact or found.profile, attribute


# ---- t=,v1= ---------------------------------------------------------------------------------------------------------


def v1(secret="s", body=b"{}", at=str(NOW // 1000)):
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def refusal(said, body=b"{}", **more):
    headers = {} if said is None else {HEADER: said}
    return timed_refusal(signal(body, headers=headers, **more), HEADER, secrets=("s", "old"), window_s=300, setting="LEADSTREAM_X_SECRETS")


@pytest.mark.parametrize("said", [
    f"t={NOW // 1000},v1={v1()}", f"t={NOW // 1000},v0=abc,v1={v1()}", f"v1={v1()},t={NOW // 1000}", f"t={NOW // 1000}, v1=0000, v1={v1('old')}",
    f"t={NOW // 1000 - 299},v1={v1(at=str(NOW // 1000 - 299))}",
])  # fmt: skip
def test_a_signature_by_any_of_the_secrets_proves(said):
    assert refusal(said) is None


@pytest.mark.parametrize(("said", "word"), [
    (None, "needed"), ("", "needed"), (f"t={NOW // 1000}", "written"), (f"v1={v1()}", "written"), ("nonsense", "written"),
    (f"t={NOW // 1000},v1={v1('other')}", "match"), (f"t={NOW // 1000},v0={v1()}", "written"), (f"t={NOW // 1000 + 1},v1={v1()}", "match"),
    (f"t={NOW // 1000},v1={v1()[:-1]}", "match"), (f"t={NOW // 1000},v1={v1().upper()}", "match"), ("t=\udcff,v1=é", "match"),
    (f"t={NOW // 1000},t={NOW // 1000},v1=", "match"), (f"t={NOW // 1000 - 301},v1={v1(at=str(NOW // 1000 - 301))}", "300 s"),
    (f"t={NOW // 1000 + 301},v1={v1(at=str(NOW // 1000 + 301))}", "300 s"), (f"t=nan,v1={v1(at='nan')}", "300 s"),
])  # fmt: skip
def test_any_other_proves_nothing(said, word):
    assert word in refusal(said)


def test_the_body_is_signed_byte_for_byte():
    said = f"t={NOW // 1000},v1={v1(body=b'{}')}"
    assert "match" in refusal(said, b"{} ")
    assert "match" in refusal(said, b'{"a":1}')


def test_history_may_have_been_signed_long_ago():
    assert refusal(f"t=1500000000,v1={v1(at='1500000000')}", import_id="history") is None


def test_of_many_signatures_only_the_first_are_looked_at():
    assert "match" in refusal(f"t={NOW // 1000}," + "v1=0," * 40 + f"v1={v1()}")


def test_keyed_digests_in_hex_and_base64_by_any_secret():
    digest = hmac.new(b"k", b"m", hashlib.sha1).digest()
    assert keyed_proves(b"m", digest.hex(), secrets=("x", "k"), hashed="sha1")
    assert keyed_proves(b"m", "no", b64encode(digest).decode(), secrets=("k",), hashed="sha1", encode=b64encode)
    assert not keyed_proves(b"m", digest.hex(), secrets=("x",), hashed="sha1")
    assert not keyed_proves(b"m", digest.hex(), secrets=(), hashed="sha1")
