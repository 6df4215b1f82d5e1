"""The demo's quarter: a pure function of its seed, shaped as the business it plays, and read by the real adapters as it says."""

import gzip
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from processors.sources.signal import Adapted, Signal
from schemas.touchpoint import EMAIL, VISITOR, Touchpoint
from streams.collecting.doors import doors
from streams.demo.chance import Chance
from streams.demo.people import DAY_MS, WEEK_MS, Interest, person, weekday
from streams.demo.quarter import VISITORS, WEEKS, Quarter
from streams.demo.seal import mail_key, public_key, seal_of
from streams.demo.wire import Request, Traffic, traffic
from streams.settings import Settings

END = 1_782_777_600_000  # 2026-06-30
NOW = END + 5 * 3_600_000
SETTINGS = Settings.local(sendgrid_public_key=public_key(mail_key(1)))


def quarter(seed: int = 1, visitors: int = VISITORS) -> Quarter:
    return Quarter(seed=seed, end=END, visitors=visitors, google_key=SETTINGS.google_ads_key)


@cache
def played(seed: int = 1, visitors: int = VISITORS) -> Traffic:
    return traffic(quarter(seed, visitors))


@cache
def adapted() -> tuple[tuple[Request, Adapted], ...]:
    """Every request of the default quarter and what its adapter makes of it, signatures and keys and all."""
    seal = seal_of(SETTINGS, 1, import_id="demo")
    adapters = {path: door.adapt for door in doors(SETTINGS) for path in door.paths}
    found = []
    for request in requests(played()):
        headers = {name.lower(): value for name, value in seal.headers(request, now_ms=NOW).items()}
        body = gzip.decompress(request.body) if request.zipped else request.body
        signal = Signal(method="POST", path=request.path, headers=headers, query={}, body=body, received_at=NOW, import_id="demo")
        outcome = adapters[request.path](signal)
        assert isinstance(outcome, Adapted), outcome
        found.append((request, outcome))
    return tuple(found)


def requests(made: Traffic) -> Iterator[Request]:
    return (request for week in made.weeks for request in week.requests)


def touchpoints() -> list[Touchpoint]:
    return [touchpoint for _, outcome in adapted() for touchpoint in outcome.touchpoints]


# --- chance ---


def test_chance_is_what_its_names_say_on_every_machine() -> None:
    one, other = Chance("a", 1), Chance("a", 1)
    assert [one.whole(0, 99) for _ in range(8)] == [other.whole(0, 99) for _ in range(8)] == [92, 26, 90, 45, 67, 21, 1, 68]


def test_what_one_stream_draws_does_not_move_another() -> None:
    chance = Chance("a")
    before = chance.of("b").unit()
    chance.unit()
    assert chance.of("b").unit() == before != chance.of("c").unit()


def test_draws_are_even_and_weights_are_kept() -> None:
    chance = Chance("even")
    assert Counter(chance.whole(1, 4) for _ in range(8_000)).most_common()[-1][1] > 1_850
    weighed = Counter(chance.weigh({"a": 3.0, "b": 1.0, "never": 0.0}) for _ in range(8_000))
    assert 2.7 < weighed["a"] / weighed["b"] < 3.3
    assert "never" not in weighed
    assert 9.5 < sum(chance.wait(10.0) for _ in range(8_000)) / 8_000 < 10.5


# --- determinism ---


def test_the_same_seed_is_the_same_traffic_to_the_byte() -> None:
    assert traffic(quarter(3, 60)) == traffic(quarter(3, 60))


def test_another_seed_is_another_quarter() -> None:
    ids = [{message.body.get("messageId") or message.body.get("sg_event_id") or message.body.get("id") for message in quarter(seed, 60).messages()} for seed in (1, 2)]
    assert not ids[0] & ids[1] - {None}


def test_a_visitor_does_not_depend_on_how_many_others_come() -> None:
    few, many = (
        {message.body["messageId"] for message in quarter(1, visitors).messages() if message.door == "segment"} for visitors in (40, 80)
    )
    assert few < many


# --- shape ---


def test_the_default_quarter_is_large_and_comes_through_every_door() -> None:
    made = played()
    assert VISITORS >= 1_000
    assert made.accepted >= 20_000
    assert {request.door for request in requests(made)} == {"segment", "sendgrid", "google_ads", "events"}
    assert {request.path for request in requests(made)} >= {"/v1/batch", "/v1/p", "/v1/t", "/v1/i"}
    assert sum(request.zipped for request in requests(made)) > 50


def test_weeks_follow_each_other_and_hold_what_was_sent_in_them() -> None:
    made = played()
    assert len(made.weeks) == WEEKS
    assert made.weeks[-1].until == END - 1
    for week, after in pairwise(made.weeks):
        assert after.until - week.until == WEEK_MS
    for week in made.weeks:
        assert all(week.until - WEEK_MS < request.at <= week.until for request in week.requests)
        assert [request.at for request in week.requests] == sorted(request.at for request in week.requests)


def test_people_come_on_working_days_and_by_day() -> None:
    views = [t.occurred_at for t in touchpoints() if t.kind == "page_view"]
    days = Counter(weekday(at) for at in views)
    assert max(days[5], days[6]) < 0.5 * min(days[day] for day in range(5))
    night = sum(at % DAY_MS < DAY_MS // 4 for at in views)
    assert night < len(views) / 10


def test_visitors_come_by_many_roads_with_their_campaigns() -> None:
    channels = Counter(t.channel for t in touchpoints() if t.kind == "page_view")
    assert set(channels) >= {"organic_search", "direct", "paid_search", "paid_social", "social", "referral", "display", "email", "ai_assistant"}
    assert {t.campaign for t in touchpoints()} >= {"brand-eu", "condition-monitoring", "plant-managers", "weekly"}


def test_all_that_practice_names_happens() -> None:
    kinds = {t.kind for t in touchpoints()}
    assert kinds >= {
        "page_view", "identified", "video_watched", "newsletter_subscribed", "ebook_downloaded", "white_paper_downloaded", "webinar_registered",
        "trial_started", "demo_booked", "contact_form_submitted", "assessment_ordered", "analysis_ordered", "lead_form_submitted", "email_sent",
        "email_delivered", "email_opened", "email_machine_opened", "email_clicked", "email_bounced", "email_unsubscribed", "contact_created",
        "phone_call", "sales_verdict", "meeting_booked", "meeting_held", "deal_opened", "deal_won", "deal_lost",
    }  # fmt: skip
    assert {t.properties["verdict"] for t in touchpoints() if t.kind == "sales_verdict"} == {"accepted", "rejected", "recycled", "disqualified"}


# --- what must become of it ---


def test_every_request_is_accepted_and_rejected_as_it_says() -> None:
    for request, outcome in adapted():
        assert (len(outcome.touchpoints), len(outcome.rejected), len(outcome.ignored)) == (request.good, request.bad, 0), request.path


def test_what_is_sent_twice_has_the_same_ids() -> None:
    ids = Counter(t.event_id for t in touchpoints())
    assert len(ids) == played().unique
    duplicates = played().accepted - played().unique
    assert duplicates == sum(count - 1 for count in ids.values())
    assert duplicates > played().unique / 100


def test_what_is_of_no_use_is_so_for_many_reasons_and_never_the_same_twice() -> None:
    rejected = [each for _, outcome in adapted() for each in outcome.rejected]
    assert len({each.reason for each in rejected}) >= 8
    # What was rejected is sent again with the rest of its batch, and is otherwise unlike anything else.
    assert len({(each.index, each.body) for each in rejected}) > 0.9 * len(rejected)


def test_some_events_are_told_days_after_they_happened() -> None:
    late = [request.at - t.occurred_at for request, outcome in adapted() for t in outcome.touchpoints]
    assert sum(delay > 3 * DAY_MS for delay in late) > 50
    assert min(late) >= 0


def test_the_number_of_leads_is_known_beforehand() -> None:
    better: dict[str, str] = {}
    for touchpoint in touchpoints():
        *weaker, best = touchpoint.identifiers()
        for identifier in weaker if best.startswith(EMAIL) else ():
            assert better.setdefault(identifier, best) == best, "a device, and an id of the CRM, belongs to one person"
    assert len({better.get(t.identifiers()[-1], t.identifiers()[-1]) for t in touchpoints()}) == played().people


def test_a_persons_devices_say_whose_they_are_in_different_weeks_of_the_import() -> None:
    """Two hand-overs to one lead in the same week could come in either order, and leave another history behind."""
    start = quarter().start
    weeks: dict[str, dict[str, int]] = {}
    for request, outcome in adapted():
        for touchpoint in outcome.touchpoints:
            if touchpoint.visitor_id is not None and touchpoint.email_hash is not None:
                first = weeks.setdefault(touchpoint.email_hash, {})
                first[touchpoint.visitor_id] = min(first.get(touchpoint.visitor_id, WEEKS), (request.at - start) // WEEK_MS)
    several = [list(found.values()) for found in weeks.values() if len(found) > 1]
    assert len(several) > 30
    assert all(len(set(found)) == len(found) for found in several)


def test_devices_were_strangers_for_a_while_so_that_there_is_something_to_merge() -> None:
    known: dict[str, int] = {}
    for touchpoint in touchpoints():
        if touchpoint.visitor_id is not None and touchpoint.email_hash is not None:
            known[touchpoint.visitor_id] = min(known.get(touchpoint.visitor_id, END), touchpoint.occurred_at)
    before = {t.visitor_id for t in touchpoints() if t.visitor_id in known and t.occurred_at < known[t.visitor_id] - WEEK_MS}
    assert len(before) > 50
    assert VISITOR not in before


def test_interests_are_spread_as_a_business_knows_them() -> None:
    interests = Counter(person(1, number).interest for number in range(VISITORS))
    assert interests[Interest.PASSING] > 0.7 * VISITORS
    assert 0.1 < interests[Interest.RESEARCH] / VISITORS < 0.2
    assert interests[Interest.RIVAL] > 0


@pytest.mark.parametrize("seed", [2, 5])
def test_other_seeds_keep_the_shape(seed: int) -> None:
    made = played(seed, 600)
    assert 5_000 < made.accepted < 9_000
    assert 600 <= made.people <= 680
    assert all(week.requests for week in made.weeks)
