"""The secret of senders that sign nothing: where it may stand, and that nothing else opens the door."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.sources.machine_opens import by_machine
from processors.sources.shared_secret import refusal
from tests.processors.signals import signal

SECRET = "0123456789abcdef"
OTHER = "fedcba9876543210"


def basic(credentials):
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def asked(*, headers=None, query=None, secrets=(SECRET,)):
    return refusal(signal(b"{}", headers=headers, query=query), secrets, setting="LEADSTREAM_X_SECRETS")


@pytest.mark.parametrize("proof", [
    {"headers": basic(f"leadstream:{SECRET}")}, {"headers": basic(f"{SECRET}:")}, {"headers": basic(SECRET)}, {"headers": basic(f":{SECRET}")},
    {"headers": {"authorization": f"Bearer {SECRET}"}}, {"headers": {"authorization": f"bearer  {SECRET} "}},
    {"headers": {"x-leadstream-secret": SECRET}}, {"query": {"secret": SECRET}},
    {"query": {"secret": SECRET}, "headers": basic("someone:else")},
])  # fmt: skip
def test_the_secret_may_stand_where_consoles_let_one_put_it(proof):
    assert asked(**proof) is None


@pytest.mark.parametrize("proof", [
    {}, {"headers": basic(f"leadstream:{SECRET}x")}, {"headers": basic(f"{SECRET}:wrong")}, {"headers": {"authorization": f"Digest {SECRET}"}},
    {"headers": {"authorization": "Basic %%%"}}, {"headers": {"authorization": "Basic é"}}, {"headers": {"authorization": SECRET}},
    {"headers": {"x-leadstream-secret": SECRET[:-1]}}, {"query": {"secret": ""}}, {"query": {"key": SECRET}}, {"query": {"secret": "\udcff"}},
])  # fmt: skip
def test_anything_else_is_refused_and_not_repeated(proof):
    said = asked(**proof)
    assert said is not None
    assert "LEADSTREAM_X_SECRETS" in said
    assert SECRET[:-1] not in said


def test_both_secrets_are_right_while_one_is_being_changed():
    assert asked(query={"secret": OTHER}, secrets=(SECRET, OTHER)) is None
    assert asked(query={"secret": SECRET}, secrets=(SECRET, OTHER)) is None


def test_without_a_secret_the_door_is_closed_even_to_an_empty_one():
    for headers in ({}, basic(":"), basic(""), {"authorization": "Bearer "}, {"x-leadstream-secret": ""}):
        assert "set LEADSTREAM_X_SECRETS" in asked(headers=headers, secrets=())


def test_what_is_taken_out_of_a_dead_letter_was_proved_when_it_came():
    assert refusal(replace(signal(b"{}"), proved=True), (), setting="X") is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_header_is_right_or_wrong_and_never_an_error(one, other):
    assert asked(headers={"authorization": one, "x-leadstream-secret": other}, query={"secret": one}) is not None


@pytest.mark.parametrize(("agent", "machine"), [
    ("Mozilla/5.0", True), ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", True),
    ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", True),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", False), ("", False), (None, False), (5, False), (["Mozilla/5.0"], False),
])  # fmt: skip
def test_pictures_fetched_by_proxies_are_no_opens_by_people(agent, machine):
    assert by_machine(agent) is machine
