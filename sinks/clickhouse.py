"""The connection to ClickHouse: one at a time, native protocol, made anew after every error."""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final, Self

from clickhouse_driver import Client

from sinks.columns import Column, Inserter
from sinks.errors import Misconfigured, of_driver

CONNECT_TIMEOUT_S: Final = 5
ANSWER_TIMEOUT_S: Final = 45
"""Silence after which a server counts as away: before the minute after which a worker that waits counts as stuck."""

_SETTINGS: Final = {
    # Recent servers blend inserts of several clients and acknowledge the blend: on by default, off here, so that an
    # acknowledged insert is a part on disk and an error concerns our rows only.
    "async_insert": 0,
    # Tables are not partitioned; a table that an operator has partitioned by month must still take an import of years.
    "max_partitions_per_insert_block": 0,
}
# It logs a traceback for every connection that is refused, where an error of ours says it in a sentence.
logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class ClickHouse:
    """One connection to one database. Not for two threads at once. Every method raises the errors of `sinks.errors`."""

    def __init__(self, *, host: str, port: int, user: str, password: str, database: str) -> None:
        if not _IDENTIFIER.fullmatch(database):
            raise Misconfigured(
                "LEADSTREAM_CLICKHOUSE_DATABASE must be a name of letters, digits and underscores, not starting with a digit"
            )
        self.database: Final = database
        self._address: Final = f"ClickHouse at {host}:{port}"
        self._login: Final = {"host": host, "port": port, "user": user, "password": password}
        self._client = self._connect_to(database)

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of *sql*, a dict each; *params* fill its `%(name)s`, escaped."""
        rows, columns = self._execute(sql, dict(params or {}) or None, with_column_types=True)
        names = [name for name, _ in columns]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def command(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Run *sql* for its effect."""
        self._execute(sql, dict(params or {}) or None)

    def insert(self, table: str, columns: Mapping[str, Column]) -> None:
        """Insert *columns*, of equal length; returns when the server has stored them.

        *table* and the names are constants of this package, never data.
        """
        names = ", ".join(f"`{name}`" for name in columns)
        self._execute(f"INSERT INTO {table} ({names}) VALUES", list(columns.values()), columnar=True)

    def create_database(self) -> None:
        """Create the database where it is missing: needs no right to do so where it is there.

        Over a connection to no database: to a missing one the server refuses the handshake.
        """
        client = self._connect_to("")
        try:
            known = self._run(
                client, "SELECT count() FROM system.databases WHERE name = %(name)s", {"name": self.database}
            )
            if known == [(0,)]:
                self._run(client, f"CREATE DATABASE IF NOT EXISTS `{self.database}`")
        finally:
            client.disconnect()

    def close(self) -> None:
        self._client.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect_to(self, database: str) -> Client:
        """Prepare a connection; it is opened by the first query."""
        return Inserter(
            **self._login, database=database, settings=_SETTINGS, client_name="leadstream",
            connect_timeout=CONNECT_TIMEOUT_S, send_receive_timeout=ANSWER_TIMEOUT_S,
        )  # fmt: skip

    def _execute(self, sql: str, params: Any = None, **options: Any) -> Any:
        return self._run(self._client, sql, params, **options)

    def _run(self, client: Client, sql: str, params: Any = None, **options: Any) -> Any:
        try:
            return client.execute(sql, params, **options)
        except Exception as error:
            client.disconnect()  # half a block may be under way: nothing on this connection can be trusted any more
            known = of_driver(error, where=f"{self._address}, {_verb(sql)}")
            if known is None:
                raise
            raise known from None  # without its cause: the driver's texts quote values


def connect(
    *, host: str, port: int, user: str = "default", password: str = "", database: str = "leadstream"
) -> ClickHouse:
    """Prepare a connection to *database*; nothing is sent before the first query."""
    return ClickHouse(host=host, port=port, user=user, password=password, database=database)


def query(client: ClickHouse, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the rows of *sql*, a dict each."""
    return client.query(sql, params)


def _verb(sql: str) -> str:
    """What *sql* does, for an error's sentence: its verb, and for an insert the table."""
    words = sql.split(maxsplit=3)
    return f"inserting into {words[2]}" if words[0].upper() == "INSERT" else f"running {words[0].upper()}"
