"""Whatever is written twice is seen once, in every view."""

from datetime import date

import pytest

from schemas.facts import PointsWithdrawn
from schemas.ids import derive, event_key
from sinks import rows
from sinks.attribution import restate
from sinks.costs import Cost, put
from sinks.insert import forget
from streams.attributing import weigh
from tests.processors.building import DAY_MS, T0, touch
from tests.sinks.records import Topics, lived, points, quarter

# What depends on the instant of the query, or on the insert itself.
PASSING = {
    "leads": "EXCEPT (score, reasons, points)",
    "time_in_stage": "EXCEPT days",
    "time_in_stage_medians": "EXCEPT (median_days, p90_days)",
    "accounts": "EXCEPT (points, hottest_points)",
    "audiences": "EXCEPT score",
    **dict.fromkeys(
        ("touchpoints_once", "facts_once", "transitions_once", "profiles_once", "dead_letters_once"),
        "EXCEPT inserted_at",
    ),
}


def views(client):
    names = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name"
    )
    return {
        row["name"]: client.query(f"SELECT * {PASSING.get(row['name'], '')} FROM {row['name']} ORDER BY ALL")
        for row in names
    }


def everything() -> Topics:
    """Something for every view to show."""
    won = touch("deal_won", event="won", at=T0 + 80 * DAY_MS, email_hash="a" * 32, properties={"amount": "900", "currency": "EUR"})
    forgotten = touch("erasure_requested", event="forgotten", at=T0 + 81 * DAY_MS, email_hash="a" * 32)
    told = lived([*quarter(), won, forgotten]).letter("one").letter("two", topic="touchpoints.web", partition=1, offset=7)
    machine = touch("email_clicked", event="machine", visitor_id="scanner")
    taken = PointsWithdrawn(
        fact_id=derive("taken"), lead_id="v:scanner", event_id="x", recorded_at=T0, model="test@1", reason="security_scanner", sums=(),
        event_ids=((event_key(machine.event_id), T0),),
    )  # fmt: skip
    told.transition("v:scanner", "mql", "visitor", day=3, offset=9_998, reason="cooled")
    return told.touchpoint(machine).fact(taken, offset=9_999)


def attributed(client):
    """What `leadstream attribute` and `leadstream costs` store, at given instants; a statement among it that was replaced."""
    weigh(client, T0)
    restate(client, T0)
    client.command("INSERT INTO attribution_statements (lead_id, stage, attribution, stated_at) VALUES ('v:gone', 'mql', 'first', '2025-01-01 00:00:00')")
    client.command("INSERT INTO attribution_statements (lead_id, stage, attribution, stated_at) VALUES ('v:gone', 'mql', 'first', '2025-01-02 00:00:00')")
    put(client, [Cost(day=date(2025, 6, 1), channel=channel, campaign="", currency="EUR", cost=10.0) for channel in ("email", "social", "paid_search", "direct")])


def test_the_same_batch_inserted_twice_is_seen_once_in_every_view(clickhouse):
    told = everything()
    assert told.deliver(clickhouse) == []
    attributed(clickhouse)
    once = views(clickhouse)
    assert told.deliver(clickhouse) == []
    attributed(clickhouse)
    for table in rows.TABLES:
        held, distinct = (
            clickhouse.query(f"SELECT count() AS n FROM {table.name} {final}")[0]["n"] for final in ("", "FINAL")
        )
        assert held == 2 * distinct > 0, f"{table.name} must hold every row twice for this test to say anything"
    twice = views(clickhouse)
    assert [name for name in once if not once[name]] == []
    for name, expected in once.items():
        assert twice[name] == expected, name


def test_a_resend_is_another_touchpoint_and_a_redelivery_is_not(clickhouse):
    event = touch("page_view", event="1")
    told = Topics().touchpoint(event).touchpoint(event)
    told.deliver(clickhouse)
    told.deliver(clickhouse)
    assert clickhouse.query("SELECT event_id, offset FROM touchpoints_once ORDER BY offset") == [
        {"event_id": event.event_id, "offset": 0},
        {"event_id": event.event_id, "offset": 1},
    ]


def test_an_older_profile_that_arrives_late_does_not_replace_a_newer_one(clickhouse):
    Topics().profile(stage="sql", offset=20).deliver(clickhouse)
    Topics().profile(stage="mql", offset=10).deliver(clickhouse)
    assert clickhouse.query("SELECT stage FROM leads") == [{"stage": "sql"}]


def test_a_row_holds_every_field_of_its_record(clickhouse):
    reasons = (points("demo", 40.0, half_life_s=60, count=2), points("page", -1.5))
    Topics().profile(
        reasons=reasons, criteria={"decides": 60.0}, attributes={"role": "vp"}, verdict="accepted", verdict_expires_at=0
    ).deliver(clickhouse)
    row = clickhouse.query("SELECT * FROM profiles_once")[0]
    assert row["reasons.rule"] == ["demo", "page"]
    assert row["reasons.points"] == [40.0, -1.5]
    assert row["reasons.half_life_s"] == [60, 0]
    assert [instant.timestamp() * 1000 for instant in row["reasons.as_of"]] == [T0, T0]
    assert (row["criteria"], row["attributes"]) == ({"decides": 60.0}, {"role": "vp"})
    assert (row["first_channel"], row["first_campaign"], row["first_touch_at"].timestamp() * 1000) == (
        "email",
        "spring",
        T0,
    )
    assert (row["last_channel"], row["last_touch_at"]) == ("", None)
    assert (row["verdict"], row["verdict_expires_at"].timestamp()) == ("accepted", 0)


@pytest.mark.parametrize(("order", "left"), [((0, 1), 0), ((1, 0), 0)])
def test_a_tombstone_deletes_the_profile_before_it_in_whatever_order_the_two_arrive_again(clickhouse, order, left):
    profile, tombstone = Topics().profile(offset=20), [("v:ann", 1)]
    profile.deliver(clickhouse)
    for step in (1, *order):
        if step == 0:
            profile.deliver(clickhouse)
        else:
            forget(clickhouse, tombstone)
    assert clickhouse.query("SELECT count() AS n FROM leads") == [{"n": left}]


def test_a_profile_written_after_a_tombstone_stays_though_both_are_recorded_again(clickhouse):
    Topics().profile(offset=20).deliver(clickhouse)
    forget(clickhouse, [("v:ann", 1)])
    later = Topics().profile("v:bob").profile("v:ann", stage="mql", offset=30)
    later.deliver(clickhouse)
    forget(clickhouse, [("v:ann", 1)])
    later.deliver(clickhouse)
    assert clickhouse.query("SELECT lead_id, stage FROM leads ORDER BY lead_id") == [
        {"lead_id": "v:ann", "stage": "mql"},
        {"lead_id": "v:bob", "stage": "visitor"},
    ]
