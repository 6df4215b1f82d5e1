"""`leadstream channels`: a marketer finds out what a table does, and what is wrong with it, without any server or setting."""

import json
import re
from pathlib import Path

import pytest

from processors.attribution.channels import KNOWN
from streams.collecting.doors import doors
from streams.settings import Settings
from tests.streams.installed import call

TABLE = """\
channels: [review_site]
cases: [{channel: review_site, source: g2}]
click_ids: {paid_social: [fbclid]}
referrers: {social: [forum.org], social_odd: [x.org]}
"""
SOUND = TABLE.replace(", social_odd: [x.org]", "")


@pytest.fixture
def leadstream(capsys, monkeypatch):
    return call(capsys, monkeypatch, None)


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND)
    return str(file)


def test_it_says_what_a_visit_would_be_and_why(leadstream, table):
    address = "https://you.example/?utm_source=g2&utm_medium=cpc&utm_campaign=Autumn"
    assert leadstream("channels", "of", address).out == "paid_search: utm_medium cpc\ncampaign Autumn\n"
    assert leadstream("channels", "of", address, "--table", table).out.splitlines()[0] == "review_site: case 1"
    said = leadstream("channels", "of", "https://you.example/", "--referrer", "https://www.forum.org/t/1", "--table", table, "--json")
    assert json.loads(said.out) == {"channel": "social", "campaign": None, "marks": {}, "because": "referrer forum.org, by forum.org"}


def test_the_table_of_the_installation_is_asked_where_none_is_named(leadstream, table, monkeypatch):
    monkeypatch.setenv("LEADSTREAM_CHANNELS", table)
    assert leadstream("channels", "of", "https://you.example/?fbclid=1").out.startswith("paid_social: ")
    assert leadstream("channels", "show").out.startswith("channels: [review_site]\n")
    monkeypatch.setenv("LEADSTREAM_CHANNELS", table + ".not")
    said = leadstream("channels", "show")
    assert said.code == 78
    assert "LEADSTREAM_CHANNELS" in said.err


def test_a_sound_table_is_told_by_what_it_changes(leadstream, table):
    said = leadstream("channels", "check", table)
    assert said.code == 0
    assert said.out.splitlines() == ["1 case asked before all others", "click_ids: fbclid is paid_social, not social", "referrers: forum.org is social"]
    changes = json.loads(leadstream("channels", "check", table, "--json").out)["changes"]
    assert changes["referrers"] == {"forum.org": [None, "social"]}


def test_every_problem_is_told_with_its_line_and_ends_with_65(leadstream, table):
    Path(table).write_text(TABLE + "mediums: {email: ['7']}\n")
    said = leadstream("channels", "check", table)
    assert (said.code, said.out) == (65, "")
    assert f"{table}:4:34: referrers.social_odd: " in said.err
    assert f"{table}:5:19: mediums.email[0]: " in said.err
    assert json.loads(leadstream("channels", "check", table, "--json").out)["ok"] is False
    Path(table).write_bytes(b"\xff")
    assert "save it as such" in leadstream("channels", "check", table).err


def test_what_is_shown_holds_every_word_of_both_tables(leadstream, table):
    shown = leadstream("channels", "show", "--table", table).out
    for word in ("review_site", "forum.org", "duckduckgo", "gclid", "source_is: social"):
        assert word in shown
    assert json.loads(leadstream("channels", "show", "--table", table, "--json").out)["table"] == shown


def test_the_page_s_example_is_sound_and_does_what_it_says(leadstream, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
    example = tmp_path / "example.yaml"
    example.write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])

    def channel(*words):
        return leadstream("channels", "of", *words, "--table", str(example)).out.partition(":")[0]

    assert leadstream("channels", "check", str(example)).code == 0
    assert channel("https://you.example/?utm_source=capterra-de&utm_medium=cpc") == "review_site"
    assert channel("https://you.example/?gclid=1&utm_campaign=2026-Brand&utm_medium=odd") == "paid_search"
    assert channel("https://you.example/", "--referrer", "https://checkout.stripe.com/c/pay") == "none"
    assert channel("https://you.example/?utm_medium=Booth") == "event"


def test_the_page_names_every_known_channel():
    page = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
    assert [name for name in KNOWN if f"`{name}`" not in page] == []


def test_every_door_that_asks_for_a_road_has_the_table_of_the_installation(table):
    told = {door.source: door.adapt.keywords["settings"] for door in doors(Settings.local(channels=table))}
    asking = {source: settings.channels for source, settings in told.items() if hasattr(settings, "channels")}
    assert {"segment", "events"} < asking.keys()
    assert {source for source, channels in asking.items() if channels.road(referrer="https://forum.org/").channel != "social"} == set()
