"""Write keys: hashed at rest, for some sources alone, until a day; two at once while one takes the other's place."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.sources.write_keys import (
    HASHED,
    KEY_CHARS_MAX,
    WriteKey,
    digest_of,
    entry_of,
    keyring,
    let_in,
    read_entry,
)

NOW = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 1000
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def opens(said, *entries, source="segment", at=NOW):
    return let_in(frozenset(entries), said, source=source, at=at)


def test_a_hashed_key_is_found_by_the_key_and_not_by_its_digest():
    assert digest_of("hello") == HELLO
    found = opens("hello", f"site {HASHED}{HELLO}")
    assert (found.name, found.digest) == ("site", HELLO)
    assert opens(HELLO, f"site {HASHED}{HELLO}") is None
    assert opens(HASHED + HELLO, f"site {HASHED}{HELLO}") is None


def test_a_key_as_it_is_has_a_name_that_is_not_the_key():
    found = opens("hello", "hello")
    assert found.name == f"key-{HELLO[:8]}"
    assert opens("hello", "site hello").name == "site"


@pytest.mark.parametrize("said", ["", "x" * (KEY_CHARS_MAX + 1), None, 7, "hellO", "hello "])
def test_nothing_else_opens(said):
    assert opens(said, "hello") is None
    assert opens(said) is None


def test_a_key_opens_the_doors_of_its_sources_alone():
    entry = "site hello sources=segment+snowplow"
    assert opens("hello", entry) and opens("hello", entry, source="snowplow")
    assert opens("hello", entry, source="ga4") is None


def test_a_key_opens_up_to_the_end_of_its_last_day():
    entry, end = "old hello until=2026-05-01", int(datetime(2026, 5, 2, tzinfo=UTC).timestamp()) * 1000
    assert opens("hello", entry, at=end - 1)
    assert opens("hello", entry, at=end) is None


def test_two_keys_overlap_while_one_takes_the_others_place():
    entries = ("site-2025 hello until=2026-05-31", "site-2026 world")
    june = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1000
    assert [found and found.name for found in (opens("hello", *entries), opens("world", *entries))] == ["site-2025", "site-2026"]
    assert [found and found.name for found in (opens("hello", *entries, at=june), opens("world", *entries, at=june))] == [None, "site-2026"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("a b c", "must have entries of the form"),
        ("", "must have entries of the form"),
        ("sources=segment", "must have entries of the form"),
        ("k until=2026-01-01 until=2026-01-02", "must have entries of the form"),
        ("sha256:abc", "64 hex digits"),
        ("k until=tomorrow", "until=2026-12-31"),
        ("k until=9999-12-31", "until=2026-12-31"),
        ("na/me k", "names of letters"),
        ("k" * (KEY_CHARS_MAX + 1), "at most 256"),
    ],
)
def test_what_is_no_entry_says_how_one_looks_and_not_the_key(entry, told):
    with pytest.raises(ValueError, match=r"^must have") as problem:
        read_entry(entry)
    assert told in str(problem.value)
    assert "kkk" not in str(problem.value)


keys = st.builds(
    WriteKey,
    name=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    digest=st.binary(max_size=40).map(lambda some: digest_of(some.hex())),
    sources=st.none() | st.frozensets(st.sampled_from(["segment", "snowplow", "ga4"]), min_size=1),
    until=st.none() | st.dates().filter(lambda day: day.year > 1970 and day.year < 9999).map(lambda day: (day.toordinal() - 719_163) * 86_400_000),
)


@given(keys)
def test_an_entry_is_read_as_it_was_written(key):
    assert read_entry(entry_of(key)) == key
    assert keyring(frozenset({entry_of(key)})) == {key.digest: key}
