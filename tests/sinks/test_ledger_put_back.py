"""The ledger adds up before, between and after dead letters are put back in, whichever hop had set them aside."""

from schemas.facts import Touch, TouchpointCounted, TouchpointDuplicated
from schemas.ids import derive
from tests.processors.building import T0, touch
from tests.sinks.records import WEB, Topics
from tests.sinks.test_ledger import balance, ledger

EVENT = touch(event="a")


def counted(event=EVENT):
    return TouchpointCounted(
        fact_id=derive("counted", event.event_id), lead_id="v:ann", event_id=event.event_id, recorded_at=T0, model="test@1",
        kind="page_view", touch=Touch("email", None, T0),
    )  # fmt: skip


def repeated(event=EVENT, *, at=1):
    return TouchpointDuplicated(
        fact_id=derive("repeated", event.event_id, str(at)), lead_id="v:ann", event_id=event.event_id, recorded_at=T0, model="test@1", kind="page_view"
    )


def set_aside(hop, offset, topic=WEB):
    return Topics().letter(f"{hop} {topic} {offset}", hop=hop, topic=topic, partition=0, offset=offset)


def arrived(offset, event=EVENT):
    told = Topics(records=[None] * offset).touchpoint(event)
    return Topics(records=told.records[offset:])


def test_a_row_that_clickhouse_refused_is_a_touchpoint_all_the_same_and_counts_once_when_it_comes_later(clickhouse):
    set_aside("deliver", 0).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=1, waiting=1)
    Topics().fact(counted()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=1, counted=1)
    for _ in range(2):
        arrived(0).deliver(clickhouse)  # put back in, twice: under its own position
        assert ledger(clickhouse) == balance(touchpoints=1, counted=1)


def test_what_identify_could_not_read_stays_dead_and_comes_again(clickhouse):
    set_aside("identify", 0).deliver(clickhouse)
    set_aside("deliver", 0).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=1, dead_lettered=1)
    arrived(1).fact(counted()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=2, counted=1, dead_lettered=1)
    arrived(2).fact(repeated()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=3, counted=1, duplicates=1, dead_lettered=1)
    arrived(0).deliver(clickhouse)  # and the row of the old position, from the letter of deliver
    assert ledger(clickhouse) == balance(touchpoints=3, counted=1, duplicates=1, dead_lettered=1)


def test_what_score_could_not_read_stays_dead_and_comes_again(clickhouse):
    arrived(0).deliver(clickhouse)
    set_aside("score", 5, topic="leads.inbox").deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=1, dead_lettered=1)
    arrived(1).fact(counted()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=2, counted=1, dead_lettered=1)
    arrived(2).fact(repeated()).deliver(clickhouse)
    assert ledger(clickhouse) == balance(touchpoints=3, counted=1, duplicates=1, dead_lettered=1)


def test_a_refused_row_hides_no_outcome_of_a_touchpoint_that_never_arrived(clickhouse):
    set_aside("deliver", 0).fact(counted()).fact(counted(touch(event="b")), index=1).deliver(clickhouse)
    assert ledger(clickhouse)["unexplained"] == 1
