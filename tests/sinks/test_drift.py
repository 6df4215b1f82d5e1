"""Drift: each lead's score recomputed from the facts, against the stream's own. It is 0, and it can fail."""

import math
import re
from dataclasses import replace

import pytest

from processors.model.scoring_model import Rule
from schemas.facts import LeadForwarded, Touch, TouchpointCounted
from schemas.ids import derive
from tests.processors.building import DAY_MS, DAY_S, MODEL, T0, touch
from tests.sinks import records
from tests.sinks.records import Topics, lived, points, quarter


def drift(client):
    return client.query("SELECT leads, drift_max, leads_adrift FROM drift_max")[0]


def counted(lead_id, value, *, day=0, name="", half_life_s=0) -> TouchpointCounted:
    at = T0 + day * DAY_MS
    return TouchpointCounted(
        fact_id=derive(lead_id, name, str(day)), lead_id=lead_id, event_id=derive(name, str(day)), recorded_at=at, model="test@1",
        kind="page_view", touch=Touch("email", None, at), sums=(points("page", value, as_of=at, half_life_s=half_life_s),),
    )  # fmt: skip


def test_drift_is_zero_on_what_the_core_says_through_merges_and_fading(clickhouse):
    lived(quarter()).deliver(clickhouse)
    found = drift(clickhouse)
    assert found["leads"] == 3  # ann, whose visitors and CRM id were forwarded; bob; cleo
    assert found["drift_max"] < 1e-9
    assert found["leads_adrift"] == 0
    scores = clickhouse.query("SELECT lead_id, stream_score FROM drift ORDER BY lead_id")
    assert [row["lead_id"] for row in scores] == ["e:" + "a" * 32, "v:bob", "v:cleo"]
    assert all(row["stream_score"] != 0 for row in scores)


@pytest.mark.parametrize(
    ("missing", "about", "drift_min"),
    [("touchpoint_counted", b"demo", 1), ("identity_merged", b"pricing", 1), ("stage_changed", b"customer", 0)],
)
def test_a_missing_fact_shows_as_drift(clickhouse, missing, about, drift_min):
    told = lived(quarter())
    at = next(
        n
        for n, (table, value, _) in enumerate(told.records)
        if table.name == "facts" and all(part in value for part in (b"e:" + b"a" * 32, missing.encode(), about))
    )
    del told.records[at]
    told.deliver(clickhouse)
    found = drift(clickhouse)
    assert found["leads_adrift"] == 1
    assert found["drift_max"] >= drift_min


def test_points_taken_back_from_a_security_scanner_leave_no_drift_and_its_clicks_are_shown(clickhouse, monkeypatch):
    clicked = Rule(name="clicked", kinds=("email_clicked",), points=4, half_life_s=21 * DAY_S)
    monkeypatch.setattr(records, "MODEL", replace(MODEL, rules=(*MODEL.rules, clicked)))
    said = [("a", 20), ("b", 22), ("c", 25), ("a", 3_600)]
    mails = [
        touch("email_clicked", event=f"{link} {s}", at=T0 + s * 1000, email_hash="ann", properties={"message_id": "m", "url": link}) for link, s in said
    ]
    delivered = touch("email_delivered", event="delivered", at=T0, email_hash="ann", properties={"message_id": "m"})
    told = lived([touch("page_view", at=T0 - DAY_MS, event="page", email_hash="ann"), *mails[:2], delivered, *mails[2:]])
    told.deliver(clickhouse)
    assert (drift(clickhouse)["leads_adrift"], drift(clickhouse)["drift_max"] < 1e-9) == (0, True)
    shown = clickhouse.query("SELECT lead_id, reason, event_id FROM touchpoints_by_machines")
    assert {row["event_id"] for row in shown} == {each.event_id for each in mails[:3]}
    assert {(row["lead_id"], row["reason"]) for row in shown} == {("e:ann", "security_scanner")}
    (lead,) = clickhouse.query("SELECT score, touches FROM profiles FINAL")
    assert lead["touches"] == 6
    assert 5 < lead["score"] < 6, "one click by a person, and a page seen the day before"


def test_points_fade_by_their_half_life_to_the_instant_of_the_profile(clickhouse):
    #   day 0      day 10     day 30 = as_of
    #   8 points   4 points   8/8 + 4/4 = 2, at a half-life of 10 days
    told = Topics().fact(counted("v:ann", 8.0, half_life_s=10 * DAY_S), offset=1)
    told.fact(counted("v:ann", 4.0, day=10, half_life_s=10 * DAY_S), offset=2)
    told.profile(score=2.0, touches=2, as_of=T0 + 30 * DAY_MS, offset=3)
    told.deliver(clickhouse)
    assert clickhouse.query("SELECT facts_score, drift, facts_touches FROM drift") == [
        {"facts_score": 2.0, "drift": 0.0, "facts_touches": 2}
    ]


def test_facts_that_the_profile_does_not_know_yet_are_left_out(clickhouse):
    told = Topics().fact(counted("v:ann", 8.0), offset=1).fact(counted("v:ann", 5.0, day=1), offset=2)
    told.profile(score=8.0, touches=1, offset=2)
    told.deliver(clickhouse)
    assert drift(clickhouse) == {"leads": 1, "drift_max": 0.0, "leads_adrift": 0}


def test_a_lead_that_was_released_after_it_handed_over_starts_anew(clickhouse):
    handed = LeadForwarded(
        fact_id=derive("f"), lead_id="v:ann", event_id="x", recorded_at=T0, model="test@1", to="e:1", handed_over=True
    )
    told = (
        Topics()
        .fact(counted("v:ann", 8.0), offset=1)
        .fact(handed, offset=2)
        .fact(counted("v:ann", 3.0, day=1), offset=3)
    )
    told.profile(score=3.0, touches=1, offset=4)
    told.deliver(clickhouse)
    assert drift(clickhouse) == {"leads": 1, "drift_max": 0.0, "leads_adrift": 0}


def test_the_score_in_leads_has_faded_until_now_and_its_reasons_add_up(clickhouse):
    told = Topics().profile(
        score=88.0,
        reasons=(
            points("page", 40.0, half_life_s=100 * 365 * DAY_S, count=3),
            points("demo", 50.0),
            points("careers", -2.0),
        ),
    )
    told.deliver(clickhouse)
    lead = clickhouse.query(
        "SELECT score, points, reasons, dateDiff('millisecond', as_of, now64(3)) AS age_ms FROM leads"
    )[0]
    page = 40.0 * math.exp2(-lead["age_ms"] / 1000 / (100 * 365 * DAY_S))
    assert lead["points"] == {"page": pytest.approx(page, rel=1e-6), "demo": 50.0, "careers": -2.0}
    assert lead["score"] == pytest.approx(sum(lead["points"].values()))
    assert lead["score"] < 88.0
    assert [re.sub(r"\d+\.?\d*(?= \()", "N", reason) for reason in lead["reasons"]] == [
        "demo +50",
        "page +N (3 times)",
        "careers -2",
    ]
