"""`leadstream attribute` and `leadstream costs`, from facts in ClickHouse to what is told and stored."""

import json
from dataclasses import replace

import pytest

from sinks.migrate import migrate
from streams.clickhouse import connected
from tests.sinks.test_attribution import many
from tests.streams.installed import Installation, call


@pytest.fixture
def leadstream(here, capsys, monkeypatch):
    return call(capsys, monkeypatch, here.settings)


@pytest.fixture(scope="module")
def here(local_stack):
    found = Installation.on(local_stack, "attribute.")
    with connected(found.settings) as client:
        migrate(client)
        many().topics.deliver(client)
    return found


def test_weights_are_told_and_conversions_stated_once(leadstream):
    first = json.loads(leadstream("attribute", "--json").out)
    assert max(first["weights"]["mql"], key=first["weights"]["mql"].get) == "email"
    assert sum(first["weights"]["mql"].values()) == pytest.approx(1)
    assert first["restated"]["first"] > 0
    again = json.loads(leadstream("attribute", "--json").out)
    assert again["restated"] == {"first": 0, "changed": 0, "withdrawn": 0}
    said = leadstream("attribute")
    assert "email" in said.out
    assert "0 anew" in said.err


def test_without_clickhouse_it_says_so(here, capsys, monkeypatch):
    said = call(capsys, monkeypatch, replace(here.settings, clickhouse_port=1))("attribute")
    assert said.code == 69
    assert "ClickHouse at 127.0.0.1:1" in said.err


def costs_of(here, *columns):
    with connected(here.settings) as client:
        return [tuple(row.values()) for row in client.query(f"SELECT {', '.join(columns)} FROM ad_costs FINAL ORDER BY day, channel, campaign")]


def test_costs_are_imported_and_a_day_told_again_replaces(here, leadstream, tmp_path):
    file = tmp_path / "ads.csv"
    file.write_text("day,channel,campaign,cost,currency\n2026-05-01,paid_search,spring,10.5,eur\n2026-05-01,social,,7,EUR\n")
    assert json.loads(leadstream("costs", str(file), "--json").out) == {"rows": 2, "days": 1}
    file.write_text("day,channel,campaign,cost,currency\n2026-05-01,paid_search,spring,11,EUR\n")
    assert leadstream("costs", str(file)).err == "1 row of 1 day imported\n"
    assert costs_of(here, "channel", "campaign", "cost", "currency") == [("paid_search", "spring", 11.0, "EUR"), ("social", "", 7.0, "EUR")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("day,channel,cost\n", "has no column currency"),
        ("day,channel,cost,currency\n31.5.2026,social,1,EUR\n", "line 2: day: must be a date such as 2026-05-31"),
        ("day,channel,cost,currency\n0001-01-01,social,1,EUR\n", "line 2: day: must lie between"),
        ("day,channel,cost,currency\n2026-05-31,Paid Search!,1,EUR\n", "line 2: channel: must be one"),
        ('day,channel,cost,currency\n2026-05-31,social,"1,50",EUR\n', "line 2: cost: must be a number"),
        ("day,channel,cost,currency\n2026-05-31,social,-1,EUR\n", "line 2: cost: must be a number"),
        ("day,channel,cost,currency\n2026-05-31,social,1,euro\n2026-05-31,,1,EUR\n", "line 3: channel"),
    ],
)  # fmt: skip
def test_nothing_is_imported_while_a_row_is_wrong_and_every_one_is_told(here, leadstream, tmp_path, text, told):
    file = tmp_path / "ads.csv"
    file.write_text(text)
    before = costs_of(here, "day")
    said = leadstream("costs", str(file))
    assert said.code == 78
    assert told in said.err
    assert costs_of(here, "day") == before


def test_an_interval_below_a_minute_is_refused(leadstream):
    assert "at least a minute" in leadstream("attribute", "--every", "5s").err
