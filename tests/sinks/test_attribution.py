"""Attribution: hand-computed parts of small journeys, sums to one, restated after a merge with what was said before kept."""

import random
from collections import defaultdict
from dataclasses import dataclass

import pytest

from schemas.facts import LeadForwarded, Touch, TouchpointCounted
from schemas.ids import derive
from sinks.attribution import restate
from streams.attributing import weigh
from tests.processors.building import DAY_MS, T0, touch
from tests.sinks.records import Topics

RULES = ("first", "last", "last_non_direct", "linear", "u_shaped", "w_shaped", "time_decay")


@pytest.fixture
def database(clickhouse):
    for table in ("attribution_weights", "attribution_statements", "attribution_totals", "ad_costs"):
        clickhouse.command(f"TRUNCATE TABLE {table}")
    return clickhouse


@dataclass
class Lives:
    """Leads told day by day."""

    topics: Topics
    offset: int = 0

    def touched(self, lead_id: str, *touches: tuple[float, str]) -> "Lives":
        for day, channel in touches:
            self.offset += 1
            event_id = derive(lead_id, str(self.offset))
            fact = TouchpointCounted(
                fact_id=derive("fact", event_id), lead_id=lead_id, event_id=event_id, recorded_at=T0 + int(day * DAY_MS), model="test@1",
                kind="page_view", touch=Touch(channel, None, T0 + int(day * DAY_MS)),
            )  # fmt: skip
            self.topics.fact(fact, offset=self.offset)
        return self

    def moved(self, lead_id: str, from_stage: str, to_stage: str, *, day: float) -> "Lives":
        self.offset += 1
        self.topics.transition(lead_id, from_stage, to_stage, day=day, offset=self.offset)
        return self

    def forwarded(self, lead_id: str, to: str) -> "Lives":
        self.offset += 1
        fact = LeadForwarded(fact_id=derive(lead_id, to), lead_id=lead_id, event_id="x", recorded_at=T0, model="test@1", to=to, handed_over=True)
        self.topics.fact(fact, offset=self.offset)
        return self


def lives() -> Lives:
    return Lives(Topics())


def parts(client, lead_id: str, stage: str) -> dict[str, dict[str, float]]:
    """Of each attribution, what each channel has of the conversion."""
    found = defaultdict(dict)
    rows = client.query("SELECT attribution, channel, sum(credit) AS credit FROM attribution_credits WHERE lead_id = %(lead)s AND stage = %(stage)s GROUP BY attribution, channel", {"lead": lead_id, "stage": stage})
    for row in rows:
        if row["credit"]:
            found[row["attribution"]][row["channel"]] = pytest.approx(row["credit"], abs=1e-12)
    return dict(found)


def test_a_conversion_is_divided_by_each_rule(database):
    life = lives().touched("v:ann", (0, "social"), (2, "email"), (4, "paid_search"), (9, "direct"))
    life.moved("v:ann", "visitor", "mql", day=2).moved("v:ann", "mql", "customer", day=9).topics.deliver(database)
    fading = {"social": 2 ** (-9 / 7), "email": 2 ** (-7 / 7), "paid_search": 2 ** (-5 / 7), "direct": 1.0}
    assert parts(database, "v:ann", "customer") == {
        "first": {"social": 1},
        "last": {"direct": 1},
        "last_non_direct": {"paid_search": 1},
        "linear": dict.fromkeys(fading, 0.25),
        "u_shaped": {"social": 0.4, "email": 0.1, "paid_search": 0.1, "direct": 0.4},
        "w_shaped": {"social": 0.3, "email": 0.3, "paid_search": 0.1, "direct": 0.3},
        "time_decay": {channel: weight / sum(fading.values()) for channel, weight in fading.items()},
    }


def test_short_journeys_are_divided_whole(database):
    life = lives().touched("v:one", (0, "email")).moved("v:one", "visitor", "mql", day=1)
    life.touched("v:two", (0, "social"), (1, "email")).moved("v:two", "visitor", "mql", day=1)
    life.moved("v:none", "visitor", "mql", day=1).topics.deliver(database)
    assert parts(database, "v:one", "mql") == {rule: {"email": 1} for rule in RULES}
    two = parts(database, "v:two", "mql")
    assert (two["u_shaped"], two["linear"]) == ({"social": 0.5, "email": 0.5}, {"social": 0.5, "email": 0.5})
    third = 0.1 / 3
    assert two["w_shaped"]["social"] == pytest.approx((0.3 + third) / (0.9 + 3 * third))
    assert parts(database, "v:none", "mql") == {rule: {"unknown": 1} for rule in RULES}


def test_only_touches_within_the_look_back_and_before_the_conversion_count(database):
    life = lives().touched("v:ann", (0, "social"), (95, "email"), (101, "paid_search")).moved("v:ann", "visitor", "mql", day=100)
    life.topics.deliver(database)
    assert parts(database, "v:ann", "mql")["linear"] == {"email": 1}


def test_who_skips_a_stage_has_converted_to_it_too_as_in_the_funnel(database):
    life = lives().touched("v:ann", (0, "social")).moved("v:ann", "visitor", "sql", day=1)
    life.touched("v:bob", (0, "email")).moved("v:bob", "visitor", "mql", day=1).topics.deliver(database)
    found = database.query("SELECT lead_id, stage FROM conversions ORDER BY lead_id, stage")
    assert [(row["lead_id"], row["stage"]) for row in found] == [("v:ann", "mql"), ("v:ann", "sql"), ("v:bob", "mql")]


def test_revenue_goes_where_the_credit_goes(database):
    won = touch("deal_won", at=T0 + 2 * DAY_MS, crm_id="7", properties={"amount": "900.50", "currency": "eur"})
    life = lives().touched("c:7", (0, "email"), (1, "social"))
    life.topics.touchpoint(won)
    fact = TouchpointCounted(
        fact_id=derive("won"), lead_id="c:7", event_id=won.event_id, recorded_at=won.occurred_at, model="test@1", kind="deal_won",
        touch=Touch("none", None, won.occurred_at),
    )  # fmt: skip
    life.topics.fact(fact, offset=99)
    life.moved("c:7", "visitor", "customer", day=2).topics.deliver(database)
    (row,) = database.query("SELECT revenue, currency, conversions FROM attribution WHERE attribution = 'linear' AND stage = 'customer' AND channel = 'email'")
    assert row == {"revenue": 450.25, "currency": "EUR", "conversions": 0.5}
    database.insert("ad_costs", {"day": [won_day(won)], "channel": ["email"], "campaign": [""], "currency": ["EUR"], "cost": [100.0]})
    (cost,) = database.query("SELECT cost, conversions, cost_per_conversion, return_on_spend FROM cost_per_conversion WHERE attribution = 'linear' AND stage = 'customer'")
    assert cost == {"cost": 100.0, "conversions": 0.5, "cost_per_conversion": 200.0, "return_on_spend": 4.5025}


def won_day(won):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(won.occurred_at / 1000, UTC).date()


def many(count: int = 60) -> Lives:
    """Journeys over three channels, of which those by email convert."""
    life = lives()
    for n in range(count):
        roads = (("email",), ("social", "email"), ("social",), ("direct", "social"), ("email", "direct", "email"))[n % 5]
        life.touched(f"v:{n}", *((k, road) for k, road in enumerate(roads)))
        if "email" in roads or n % 7 == 0:
            life.moved(f"v:{n}", "visitor", "mql", day=len(roads))
    return life


def test_what_the_data_say_divides_every_conversion_too(database):
    many().topics.deliver(database)
    told = weigh(database, T0)
    assert max(told["mql"], key=told["mql"].get) == "email"
    rows = database.query("SELECT lead_id, attribution, sum(credit) AS total FROM attribution_credits GROUP BY lead_id, attribution")
    assert {row["attribution"] for row in rows} == {*RULES, "markov", "shapley"}
    assert all(row["total"] == pytest.approx(1, abs=1e-9) for row in rows)
    converted = {row["lead_id"] for row in database.query("SELECT lead_id FROM conversions")}
    assert len(rows) == 9 * len(converted)


def test_a_second_look_states_nothing_anew(database):
    many().topics.deliver(database)
    weigh(database, T0)
    first = restate(database, T0)
    rows = "SELECT attribution, stage, channel, campaign, currency, conversions, revenue FROM {} ORDER BY ALL"
    assert database.query(rows.format("attribution_totals_now")) == database.query(rows.format("attribution")) != []
    assert first.first > 0
    assert (first.changed, first.withdrawn) == (0, 0)
    assert restate(database, T0 + 1) == (0, 0, 0)


def test_a_merge_restates_a_conversion_and_what_was_said_before_stays(database):
    life = lives().touched("v:ann", (3, "email")).moved("v:ann", "visitor", "mql", day=4)
    life.touched("v:phone", (0, "social")).topics.deliver(database)
    assert restate(database, T0 + 10) == (7, 0, 0)
    lives().forwarded("v:ann", "e:ann").forwarded("v:phone", "e:ann").topics.deliver(database)
    again = restate(database, T0 + 20)
    assert again == (7, 0, 7)  # the same conversion under the name that the lead has now, and none any more under the old one
    found = database.query("SELECT lead_id, stage, before, after FROM attribution_restated WHERE attribution = 'linear'")
    assert [(row["lead_id"], row["before"], row["after"]) for row in found] == [("v:ann", [("email", "", 1.0)], [])]
    assert parts(database, "e:ann", "mql")["linear"] == {"email": 0.5, "social": 0.5}


def test_a_late_event_restates_a_conversion(database):
    life = lives().touched("v:ann", (3, "email")).moved("v:ann", "visitor", "mql", day=4)
    life.topics.deliver(database)
    restate(database, T0 + 10)
    late = Lives(Topics(), offset=50).touched("v:ann", (1, "social"))
    late.topics.deliver(database)
    changed = restate(database, T0 + 20)
    assert (changed.first, changed.withdrawn) == (0, 0)
    assert changed.changed == 5  # first, linear, u_shaped, w_shaped, time_decay; the last one stays
    (row,) = database.query("SELECT before, after FROM attribution_restated WHERE attribution = 'first'")
    assert row == {"before": [("email", "", 1.0)], "after": [("social", "", 1.0)]}


def test_every_rule_gives_what_a_published_implementation_gives(database):
    why = "marketing-attribution-models is not installed: pip install -e '.[attribution]' (it is large)"
    mam, polars = pytest.importorskip("mam.core", reason=why), pytest.importorskip("polars", reason=why)
    chance, life, told = random.Random(5), lives(), []
    for n in range(300):
        path = chance.choices(("direct", "email", "paid_search", "social"), k=chance.randint(1, 7))
        life.touched(f"v:{n}", *((6 * k / 24, channel) for k, channel in enumerate(path)))
        if converted := chance.random() < 0.2 + 0.2 * ("email" in path):
            life.moved(f"v:{n}", "visitor", "mql", day=6 * len(path) / 24)
        told.append((str(n), " > ".join(path), " > ".join(str(6.0 * (len(path) - k)) for k in range(len(path))), converted))
    life.topics.deliver(database)
    weigh(database, T0)
    ids, paths, hours, converted = map(list, zip(*told, strict=True))
    peer = mam.MAM(polars.DataFrame({"journey_id": ids, "path": paths, "time_till_end": hours, "converted": converted}), "journey", "path", "converted")
    published = {
        "first": peer.run_first_click(), "last": peer.run_last_click(), "linear": peer.run_linear(), "u_shaped": peer.run_position_based(),
        "time_decay": peer.run_time_decay(), "markov": peer.run_markov(), "shapley": peer.run_shapley(max_size=None),
    }  # fmt: skip
    for attribution, result in published.items():
        rows = database.query("SELECT channel, conversions FROM attribution WHERE attribution = %(name)s AND stage = 'mql'", {"name": attribution})
        ours = {row["channel"]: row["conversions"] for row in rows}
        theirs = result.to_polars()
        expected = dict(zip(theirs["channels"].to_list(), theirs["attribution"].to_list(), strict=True))
        assert ours == pytest.approx(expected, abs=1e-9), attribution
