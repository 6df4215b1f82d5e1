"""Databases on the local ClickHouse."""

import re

import pytest

from sinks import rows
from sinks.clickhouse import connect
from sinks.migrate import migrate


@pytest.fixture
def empty(local_stack, request):
    """A connection to a database that does not exist yet; it is dropped after the test."""
    host, port = local_stack.clickhouse_address
    name = re.sub(r"\W", "_", request.node.name)[:55]
    with connect(host=host, port=port, database=name) as client:
        yield client
        client.create_database()
        client.command(f"DROP DATABASE `{name}`")


@pytest.fixture(scope="session")
def migrated(local_stack):
    """A connection to a database with all tables and views, whose copies of rows are never merged away."""
    host, port = local_stack.clickhouse_address
    with connect(host=host, port=port, database="sinks_tests") as client:
        migrate(client)
        client.command("SYSTEM STOP MERGES")
        yield client


@pytest.fixture
def clickhouse(migrated):
    """The same, with empty tables."""
    for table in rows.TABLES:
        migrated.command(f"TRUNCATE TABLE {table.name}")
    return migrated
