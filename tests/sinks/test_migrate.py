"""A database is brought to this release's tables, once, and one of a newer release is left alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sinks import rows
from sinks.clickhouse import connect
from sinks.errors import Misconfigured, Unavailable
from sinks.migrate import migrate, migrations

VIEWS = {
    "leads",
    "funnel",
    "time_in_stage",
    "transitions_by_channel",
    "first_touch_by_channel",
    "ledger",
    "drift",
    "lead_ids",
}


def test_a_new_database_gets_every_table_and_view_and_a_second_run_changes_nothing(empty):
    assert migrate(empty) == [each.version for each in migrations()]
    names = {row["name"] for row in empty.query("SHOW TABLES")}
    assert names >= VIEWS | {table.name for table in rows.TABLES}
    assert migrate(empty) == []


def test_a_migration_that_a_crash_cut_short_is_run_again(empty):
    migrate(empty)
    empty.command("DROP VIEW drift_max")
    empty.command("ALTER TABLE schema_migrations DELETE WHERE version > 1 SETTINGS mutations_sync = 1")
    assert migrate(empty) == [each.version for each in migrations() if each.version > 1]
    assert empty.query("SELECT leads FROM drift_max") == [{"leads": 0}]


def test_two_processes_that_start_at_once_do_no_harm(empty, local_stack):
    host, port = local_stack.clickhouse_address

    def start(_):
        with connect(host=host, port=port, database=empty.database) as client:
            while True:
                try:
                    return migrate(client)
                except Unavailable:  # they met at one view: as after any outage, again
                    continue

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(start, range(3)))
    assert migrate(empty) == []
    assert empty.query("SELECT stage FROM stages FINAL ORDER BY rank") == [
        {"stage": stage} for stage in ("disqualified", "visitor", "mql", "sql", "customer")
    ]
    assert empty.query("SELECT leads FROM drift_max") == [{"leads": 0}]


def test_a_database_of_a_newer_release_is_refused_in_a_sentence_that_says_what_to_do(empty):
    migrate(empty)
    empty.insert("schema_migrations", {"version": [9999], "name": ["from_the_future"]})
    with pytest.raises(
        Misconfigured, match=r"has tables of version 9999, this release knows \d+: run the release that made them"
    ):
        migrate(empty)


def test_migrations_are_numbered_without_a_gap_and_every_statement_can_be_repeated():
    found = migrations()
    assert [each.version for each in found] == list(range(1, len(found) + 1))
    for each in found:
        for statement in each.statements:
            assert statement.startswith(
                ("CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE VIEW", "INSERT INTO stages", "INSERT INTO attribution_settings")
            ), statement[:60]


@pytest.mark.parametrize("table", rows.TABLES, ids=lambda table: table.name)
def test_every_field_of_a_record_has_a_column_and_every_column_a_field(clickhouse, table):
    columns = {row["name"]: row for row in clickhouse.query("DESCRIBE TABLE " + table.name)}
    assert set(columns) - set(table.columns) <= {"inserted_at", "is_deleted"}
    assert set(table.columns) <= set(columns)
    nullable = {name for name in table.columns if columns[name]["type"].startswith("Nullable")}
    assert nullable == table.nullable
