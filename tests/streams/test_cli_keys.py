"""`leadstream keys new`: a key that lets in, of which the entry keeps the digest alone."""

import json

from processors.sources.write_keys import let_in
from tests.streams.installed import call


def made(capsys, monkeypatch, *words):
    said = call(capsys, monkeypatch, None)("keys", "new", *words, "--json")
    assert said.code == 0
    return json.loads(said.out)


def test_the_entry_lets_in_the_key_and_does_not_hold_it(capsys, monkeypatch):
    new = made(capsys, monkeypatch, "site")
    assert new["key"] not in new["entry"]
    key = let_in(frozenset({new["entry"]}), new["key"], source="segment", at=0)
    assert key is not None and key.name == "site"
    assert made(capsys, monkeypatch, "site")["key"] != new["key"]


def test_sources_and_a_last_day_go_into_the_entry(capsys, monkeypatch):
    new = made(capsys, monkeypatch, "site", "--sources", "segment,ga4", "--until", "2026-12-31")
    assert new["entry"].endswith(" sources=ga4+segment until=2026-12-31")


def test_people_are_told_where_each_of_the_two_goes(capsys, monkeypatch):
    said = call(capsys, monkeypatch, None)("keys", "new", "site")
    assert said.out.splitlines()[0].startswith("key    ")
    assert said.out.splitlines()[1].startswith("entry  site sha256:")
    assert "LEADSTREAM_WRITE_KEYS_FILE" in said.err


def test_a_day_or_a_name_that_is_none_ends_with_64(capsys, monkeypatch):
    said = call(capsys, monkeypatch, None)("keys", "new", "site", "--until", "soon")
    assert (said.code, said.out) == (64, "")
    assert "until=2026-12-31" in said.err
    assert call(capsys, monkeypatch, None)("keys", "new", "a b").code == 64
