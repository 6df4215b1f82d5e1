"""The queries on the analyst's page run as they stand there, and find something."""

import re
from pathlib import Path

import pytest

from tests.processors.building import DAY_MS, T0, touch
from tests.sinks.records import lived, quarter

PAGE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("sql", QUERIES, ids=lambda sql: " ".join(sql.split())[:60])
def test_a_query_of_the_page_runs_and_finds_something(clickhouse, sql):
    forgotten = touch("erasure_requested", at=T0 + 81 * DAY_MS, email_hash="a" * 32)
    lived([*quarter(), forgotten]).letter("one").profile("v:dee", stage="sql").deliver(clickhouse)
    assert clickhouse.query(sql.replace("e:4f2a", "e:" + "a" * 32)) != []


def test_every_view_is_on_the_page(clickhouse):
    views = clickhouse.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'")
    assert [row["name"] for row in views if f"`{row['name']}`" not in PAGE] == []
