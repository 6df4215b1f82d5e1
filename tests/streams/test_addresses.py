"""Whose request it is: nobody can write himself another address, and whoever has a network is one sender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collecting.addresses import UNKNOWN, client, limited_by, networks

PROXIES = networks(("10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.7"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours: what it says of itself is nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the left one is what the client wrote
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.9.9.9, 192.0.2.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        ("2001:db8:ffff::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1," * 1000 + "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2," * 1000], "10.0.0.1"),
        ("", ["198.51.100.1"], UNKNOWN),
        (None, [], UNKNOWN),
    ],
)
def test_only_what_trusted_proxies_added_is_believed(peer, forwarded, found):
    assert client(peer, forwarded, PROXIES) == found


def test_without_proxies_nothing_forwarded_is_believed():
    assert client("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"


@given(st.lists(st.text(max_size=40), max_size=20))
def test_whatever_a_header_holds_a_stranger_stays_who_he_is(forwarded):
    assert client("203.0.113.9", forwarded, PROXIES) == "203.0.113.9"
    assert client("10.0.0.1", [*forwarded, "203.0.113.9"], PROXIES) == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "limited"),
    [("203.0.113.77", "203.0.113.77"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), (UNKNOWN, UNKNOWN)],
)
def test_a_household_is_limited_as_one(address, limited):
    assert limited_by(address) == limited
