"""One in is exactly one of counted, duplicate, dead-lettered or waiting."""

from schemas.facts import Touch, TouchpointCounted
from schemas.ids import derive
from schemas.touchpoint import Touchpoint
from tests.processors.building import T0, touch
from tests.sinks.records import WEB, Topics, lived, quarter


def ledger(client):
    return client.query("SELECT * FROM ledger")[0]


def balance(**other):
    nothing = dict.fromkeys(
        (
            "touchpoints",
            "counted",
            "duplicates",
            "dead_lettered",
            "waiting",
            "unexplained",
            "counted_twice",
            "dead_lettered_at_the_door",
        ),
        0,
    )
    return nothing | other


def test_a_quarter_of_touchpoints_adds_up(clickhouse):
    lived(quarter()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=12, counted=11, duplicates=1)


def test_what_has_no_outcome_yet_is_waiting(clickhouse):
    told = lived(quarter())
    told.touchpoint(touch(event="later")).touchpoint(touch(event="1", visitor_id="phone"))
    told.deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=14, counted=11, duplicates=1, waiting=2)


def test_dead_letters_count_once_per_position_whoever_wrote_them(clickhouse):
    t = Topics().touchpoint(touch(event="a"))  # position 0: readable, without a lead that identify could name
    t.letter("identify 0", topic=WEB, partition=0, offset=0)
    t.letter("identify 9", topic=WEB, partition=0, offset=9).letter(
        "deliver 9", hop="deliver", topic=WEB, partition=0, offset=9
    )  # unreadable
    t.letter("score 3", hop="score", topic="leads.inbox", partition=0, offset=3).touchpoint(touch(event="b"))
    t.letter("collect", hop="collect")
    t.deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=3, dead_lettered=3, dead_lettered_at_the_door=1)


def test_marks_of_imports_are_no_touchpoints(clickhouse):
    mark = Touchpoint(
        event_id=derive("mark"),
        source="import",
        kind="import_reached",
        channel="none",
        occurred_at=T0,
        received_at=T0,
        import_id="i",
    )
    Topics().touchpoint(mark).deliver(clickhouse)
    assert ledger(clickhouse) == balance()


def test_a_broken_promise_shows(clickhouse):
    """Counted twice, by two leads; and an outcome of what never arrived."""
    event = touch(event="a")

    def counted(lead_id, event_id):
        return TouchpointCounted(
            fact_id=derive(lead_id, event_id),
            lead_id=lead_id,
            event_id=event_id,
            recorded_at=T0,
            model="test@1",
            kind="page_view",
            touch=Touch("email", None, T0),
        )

    t = Topics().touchpoint(event).fact(counted("v:ann", event.event_id)).fact(counted("v:bob", event.event_id))
    t.deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=1, counted=2, unexplained=1, counted_twice=1)
