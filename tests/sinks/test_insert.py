"""What ClickHouse refuses is found row by row, and told without its values; what ails the server is not the row's fault."""

import pytest

from sinks import rows
from sinks.clickhouse import connect, query
from sinks.errors import Misconfigured, Unavailable
from sinks.insert import REFUSED_MAX, insert
from sinks.migrate import migrate
from tests.processors.building import T0, touch
from tests.sinks.records import Topics

YEAR_9999 = 253_402_300_000_000


def test_the_one_row_that_is_refused_is_found_and_the_others_are_stored(clickhouse):
    told = Topics()
    for n in range(100):
        told.touchpoint(touch(event=str(n), at=YEAR_9999 if n == 63 else T0, contact={"email": "secret@acme.example"}))
    (refused,) = told.deliver(clickhouse)
    assert refused.source.offset == 63
    assert refused.table is rows.TOUCHPOINTS
    assert "error 469 (constraint occurred_at_in_range)" in refused.detail
    assert "secret" not in refused.detail
    assert "9999" not in refused.detail
    stored = query(
        clickhouse, "SELECT count() AS n FROM touchpoints_once WHERE occurred_at = %(at)s", {"at": T0 / 1000}
    )
    assert stored == [{"n": 99}]


def test_a_value_that_does_not_fit_its_column_is_refused_before_it_is_sent(clickhouse):
    told = Topics().letter("fits", partition=1, offset=1).letter("negative", partition=-1, offset=2)
    (refused,) = told.deliver(clickhouse)
    assert refused.source.offset == 1
    assert "does not fit its column" in refused.detail
    assert clickhouse.query("SELECT offset FROM dead_letters_once") == [{"offset": 1}]


def test_many_refused_rows_stop_the_sink_instead_of_draining_the_topic(clickhouse):
    told = Topics()
    for n in range(REFUSED_MAX + 1):
        told.touchpoint(touch(event=str(n), at=YEAR_9999))
    with pytest.raises(Misconfigured, match=f"more than {REFUSED_MAX} of {REFUSED_MAX + 1} rows were refused"):
        told.deliver(clickhouse)


def test_bytes_of_any_kind_survive_in_a_dead_letter(clickhouse):
    body = bytes(range(256))
    Topics().letter("bytes", body=body, key=b"\xff").deliver(clickhouse)
    assert clickhouse.query("SELECT hex(body) AS body, hex(key) AS key FROM dead_letters_once") == [
        {"body": body.hex().upper(), "key": "FF"}
    ]


def test_a_missing_table_stops_the_sink_with_a_sentence(empty):
    migrate(empty)
    empty.command("DROP TABLE touchpoints")
    with pytest.raises(Misconfigured, match="inserting into touchpoints: a table is missing"):
        Topics().touchpoint(touch()).deliver(empty)


def test_a_server_that_is_away_is_unavailable_and_named():
    with (
        connect(host="127.0.0.1", port=1) as client,
        pytest.raises(Unavailable, match=r"ClickHouse at 127\.0\.0\.1:1, .* does not answer"),
    ):
        client.query("SELECT 1")


def test_a_database_name_that_is_no_name_is_misconfigured():
    with pytest.raises(Misconfigured, match="LEADSTREAM_CLICKHOUSE_DATABASE must be a name"):
        connect(host="127.0.0.1", port=1, database="leads`; DROP TABLE facts")


def test_parameters_are_data_and_never_sql(clickhouse):
    assert clickhouse.query("SELECT %(said)s AS said", {"said": "'; DROP TABLE facts; --"}) == [
        {"said": "'; DROP TABLE facts; --"}
    ]


def test_columns_at_their_default_in_every_row_are_not_sent():
    rows_ = [table_row(n) for n in range(2)]
    sent = rows.columns(rows.FACTS, list(zip(*rows_, strict=True)))
    assert set(sent) == {"fact_id", "lead_id", "fact", "event_id", "recorded_at", "model", "offset", "kind"}
    assert sent["offset"] == (5, 6)


def table_row(n):
    from schemas.facts import TouchpointDuplicated

    fact = TouchpointDuplicated(
        fact_id="f", lead_id="v:ann", event_id="e", recorded_at=T0, model="m@1", kind="page_view"
    )
    ((_, value, at),) = Topics().fact(fact, offset=5 + n).records
    return rows.FACTS.read(value, at)


def test_an_empty_batch_is_no_insert(clickhouse):
    assert insert(clickhouse, rows.FACTS, [[] for _ in rows.FACTS.cells]) == []
