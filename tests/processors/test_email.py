"""One spelling per mailbox, and a keyed hash of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.email import email_hash, normalise_email, read_email

KEY = b"an identity key for tests"


@pytest.mark.parametrize(("written", "spelling"), [
    ("ann@example.com", "ann@example.com"), ("  Ann.Lee@Example.COM ", "ann.lee@example.com"), ("mailto:ann@example.com", "ann@example.com"),
    ("Ann Lee <ann@example.com>", "ann@example.com"), ("<ann@example.com>", "ann@example.com"), ("ann+news@example.com", "ann+news@example.com"),
    ("ann@bücher.de", "ann@xn--bcher-kva.de"), ("ann@XN--BCHER-KVA.de", "ann@xn--bcher-kva.de"), ("ann@ｅxample.com", "ann@example.com"),
    ("jürgen@example.com", "jürgen@example.com"), ("o'neil@example.co.uk", "o'neil@example.co.uk"), ("invalid@invalid", "invalid@invalid"),
])  # fmt: skip
def test_an_address_has_one_spelling(written, spelling):
    assert normalise_email(written) == spelling


@pytest.mark.parametrize("written", [
    "", "ann", "@example.com", "ann@", "ann@@example.com", "a b@example.com", "ann@exa mple.com", "ann@example..com", "ann@.com", "ann@example.com.",
    "ann\x00@example.com", "ann@example.com\nx", "x" * 65 + "@example.com", "ann@" + "x" * 260 + ".com", "ann@example.com, bob@example.com", "x" * 10**6,
])  # fmt: skip
def test_what_is_no_address_has_none(written):
    assert normalise_email(written) is None
    assert read_email(written, KEY) is None


def test_dots_and_plus_tags_are_other_mailboxes():
    assert len({email_hash(each, KEY) for each in ("ann.lee@example.com", "annlee@example.com", "annlee+x@example.com")}) == 3


def test_the_hash_never_changes_from_one_release_to_the_next():
    """It names leads for life."""
    assert email_hash("ann@example.com", KEY) == "71524ea0ed748a7f2da8a93412ce202d"


def test_the_hash_is_of_the_spelling_and_needs_the_key():
    assert email_hash(" ANN@example.com", KEY) == email_hash("ann@example.com", KEY)
    assert email_hash("ann@example.com", KEY) != email_hash("ann@example.com", b"another key of the same length")
    assert read_email("Ann <ANN@Example.com>", KEY) == ("ann@example.com", email_hash("ann@example.com", KEY), "example.com")


@given(st.text(max_size=300))
def test_any_text_has_a_hash_and_a_spelling_is_its_own_spelling(text):
    assert len(email_hash(text, KEY)) == 32
    spelling = normalise_email(text)
    assert spelling is None or normalise_email(spelling) == spelling
