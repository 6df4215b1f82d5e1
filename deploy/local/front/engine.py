"""The ClickHouse engine in this process: one folder, many sessions, each with its own database and settings."""

import json
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chdb import session as chdb
from chdb._exceptions import ChdbError

from deploy.local.front import statement
from deploy.local.front.block import Block, Column
from deploy.local.front.statement import DataInsert

CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
NOT_CLICKHOUSE = 1001  # STD_EXCEPTION: what ClickHouse answers when the trouble is not one of its own exceptions
UNKNOWN_SETTING = 115
ABORTED = 236
FAILURES = (ChdbError, RuntimeError, UnicodeDecodeError)


# The engine writes each piece of a stream as a document of its own: only these formats join to one again.
JOINABLE = frozenset(
    {"native", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "jsoneachrow", "jsonlines", "ndjson",
     "jsoncompacteachrow", "jsonstringseachrow", "rowbinary", "lineasstring"}
)  # fmt: skip


class EngineError(Exception):
    """Carry ClickHouse's numeric code and its own words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code
        self.text = text

    @classmethod
    def of(cls, error: Exception) -> "EngineError":
        # Words that quote bytes which are no UTF-8 arrive as the failure to read them; the words are inside.
        unread = error if isinstance(error, UnicodeDecodeError) else error.__cause__
        said = unread.object.decode(errors="replace") if isinstance(unread, UnicodeDecodeError) else str(error)
        found = CODE.search(said)
        return cls(int(found[1]), said[found.end() :]) if found else cls(NOT_CLICKHOUSE, said)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a result: for FORMAT Native exactly one block."""

    data: bytes
    rows: int
    rows_read: int
    bytes_read: int
    rows_written: int

    @classmethod
    def of(cls, result: Any) -> "Piece":
        return cls(bytes(result.bytes()), result.rows_read(), result.storage_rows_read(), result.storage_bytes_read(), result.rows_written())


class Session:
    """One client's view of the engine. Its methods are called by one thread at a time."""

    def __init__(self, folder: Path, *, incoming: Path) -> None:
        self._incoming = incoming
        try:
            self._chdb = chdb.Session(str(folder))
        except FAILURES as error:
            raise EngineError.of(error) from error
        self._applied: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._chdb.close()

    def use(self, database: str) -> None:
        self.run(f"USE {statement.identifier(database)}")

    def apply(self, settings: Mapping[str, str], *, strict: bool) -> None:
        """Let *settings* hold from now on, in place of those of the call before.

        A setting the engine does not know is an error if *strict*, as over HTTP; else it is passed over, as over TCP.
        """
        for name in self._applied - settings.keys():
            self.run(f"SET {statement.identifier(name)} = DEFAULT")
        self._applied &= settings.keys()
        for name, value in settings.items():
            try:
                self.run(f"SET {statement.identifier(name)} = {statement.literal(value)}")
            except EngineError as error:
                if strict or error.code != UNKNOWN_SETTING:
                    raise
            else:
                if not name.startswith("param_"):
                    self._applied.add(name)

    def run(self, sql: str, *, output: str = "TabSeparated") -> bytes:
        """Run *sql* to its end and return the whole result."""
        return self._whole(sql, output).data

    def pieces(self, sql: str, *, output: str) -> Generator[Piece]:
        """Run *sql* and yield its result as it arises where *output* allows; closing the generator cancels the query."""
        if output.lower() in JOINABLE and statement.first_word(sql) in statement.SELECTS:
            yield from self._stream(sql, output)
        else:
            yield self._whole(sql, output)

    def _whole(self, sql: str, output: str) -> Piece:
        try:
            return Piece.of(self._chdb.query(sql, output))
        except FAILURES as error:
            raise EngineError.of(error) from error

    def _stream(self, sql: str, output: str) -> Generator[Piece]:
        try:
            result = self._chdb.send_query(sql, output)
        except FAILURES as error:
            raise EngineError.of(error) from error
        try:
            while (piece := result.fetch()) is not None:
                yield Piece.of(piece)
        except FAILURES as error:
            raise EngineError.of(error) from error
        finally:
            result.close()

    def load(self, insert: DataInsert, data: Iterable[bytes], *, data_format: str) -> int:
        """Store the rows that *data* holds; return how many were written, those of materialized views included.

        The data goes through a file. The engine's own streaming insert would be shorter, but it loses errors of the
        writing side (a violated constraint, too many partitions): it reports rows as written that it has dropped.
        """
        with tempfile.NamedTemporaryFile(dir=self._incoming) as spool:
            for piece in data:
                spool.write(piece)
            spool.flush()
            source = f"FROM INFILE {statement.literal(spool.name)} COMPRESSION 'none'"
            return self._whole(f"{insert.into} {source} {insert.settings} FORMAT {data_format}", "TabSeparated").rows_written

    def columns_of(self, sql: str) -> list[Column]:
        """Return the names and types of what a reading statement returns, without running it if it is a SELECT.

        Return [] for other statements, and for one with an error: running it says better what is wrong.
        """
        word = statement.first_word(sql)
        with suppress(EngineError):
            if word in statement.SELECTS:
                described = self.run(f"DESCRIBE ({sql.rstrip().rstrip(';')}\n) SETTINGS print_pretty_type_names = 0", output="JSONCompact")
                return [(name, kind) for name, kind, *_ in json.loads(described)["data"]]
            if word in statement.READS:
                return [(column["name"], column["type"]) for column in json.loads(self.run(sql, output="JSONCompact"))["meta"]]
        return []

    @contextmanager
    def temporary_tables(self, tables: Iterable[tuple[str, Block]]) -> Iterator[None]:
        """Hold tables that a client sent along with its query for as long as the query runs."""
        made: list[str] = []
        try:
            for name, rows in tables:
                quoted = statement.identifier(name)
                if quoted not in made:
                    columns = ", ".join(f"{statement.identifier(column)} {kind}" for column, kind in rows.columns)
                    self.run(f"CREATE TEMPORARY TABLE {quoted} ({columns})")
                    made.append(quoted)
                self.load(DataInsert(f"INSERT INTO {quoted}"), [rows.data], data_format="Native")
            yield
        finally:
            for quoted in made:
                self.run(f"DROP TEMPORARY TABLE {quoted}")


class Engine:
    """The one engine of this process. The sessions it opens may be used in parallel, each by one thread at a time."""

    def __init__(self, folder: Path, *, incoming: Path) -> None:
        """Open *folder*; data on its way into tables lies in the folder *incoming*, which is emptied first."""
        self._folder = folder
        self._incoming = incoming
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        # The engine lives as long as its first session; the others come and go.
        self._first = self.session()
        # Only now is it certain that no other server is using the folder.
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()
        self._idle = threading.Condition()
        self._working = 0
        self._closing = False
        self.version = self._first.run("SELECT version()").decode().strip()
        self.timezone = self._first.run("SELECT timezone()").decode().strip()

    def session(self, database: str = "") -> Session:
        """Open a session in *database*; raise `EngineError` 81 when there is none of that name."""
        session = Session(self._folder, incoming=self._incoming)
        self._sessions.add(session)
        try:
            if database:
                session.use(database)
        except EngineError:
            session.close()
            raise
        return session

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold off the end of the engine while a statement runs; refuse new ones once it is closing."""
        with self._idle:
            if self._closing:
                raise EngineError(ABORTED, "The server is shutting down. (ABORTED)")
            self._working += 1
        try:
            yield
        finally:
            with self._idle:
                self._working -= 1
                self._idle.notify_all()

    def close(self, *, grace_s: float) -> None:
        """Let running statements end, at most *grace_s* seconds, then close."""
        with self._idle:
            self._closing = True
            if self._idle.wait_for(lambda: not self._working, timeout=grace_s):
                # Those of clients that are connected and silent too: the engine ends with its last session.
                for session in list(self._sessions):
                    session.close()
