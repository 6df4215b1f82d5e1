"""Bring a database to the tables and views of this release: numbered files, each applied once, in order.

Statements are idempotent (IF NOT EXISTS, OR REPLACE), so a migration that a crash cut short is run again from its
beginning, and two processes that migrate at once do no harm.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from sinks.clickhouse import ClickHouse
from sinks.errors import Misconfigured

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT_LINE: Final = re.compile(r"^\s*--.*$", re.MULTILINE)
_END: Final = re.compile(r";[ \t]*$", re.MULTILINE)

_APPLIED: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY version
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file of statements."""

    version: int
    name: str
    statements: tuple[str, ...]


def migrate(client: ClickHouse) -> list[int]:
    """Apply what is missing and return the versions applied now. Raises Misconfigured for a newer database."""
    client.create_database()
    client.command(_APPLIED)
    known = migrations()
    done = {row["version"] for row in client.query("SELECT DISTINCT version FROM schema_migrations")}
    newest = known[-1].version
    if done and max(done) > newest:
        raise Misconfigured(
            f"the ClickHouse database {client.database} has tables of version {max(done)}, this release knows {newest}: "
            "run the release that made them or a newer one, or set LEADSTREAM_CLICKHOUSE_DATABASE to another database"
        )
    missing = [migration for migration in known if migration.version not in done]
    for migration in missing:
        for statement in migration.statements:
            client.command(statement)
        client.insert("schema_migrations", {"version": [migration.version], "name": [migration.name]})
    return [migration.version for migration in missing]


def migrations() -> list[Migration]:
    """Every migration of this release, in order."""
    found = [
        Migration(version=int(match[1]), name=match[2], statements=_statements(file.read_text(encoding="utf-8")))
        for file in files("sinks").joinpath("migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def _statements(text: str) -> tuple[str, ...]:
    """Split at semicolons that end a line; lines of comments are left out, for they may hold one."""
    parts = _END.split(_COMMENT_LINE.sub("", text))
    return tuple(part.strip() for part in parts if part.strip())
