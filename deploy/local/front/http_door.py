"""ClickHouse's HTTP interface: queries in the URL or the body, inserts in any format, exceptions with their code."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from deploy.local.front import statement
from deploy.local.front.engine import Engine, EngineError, Session
from deploy.local.front.http_answer import (
    ACCESS_DENIED,
    CONTENT_TYPES,
    READONLY,
    STATUS,
    SYNTAX_ERROR,
    UNREADABLE,
    Summary,
)
from deploy.local.front.http_body import accepted, decoded, encoded, received, unframed
from deploy.local.front.http_sessions import TIMEOUT_S, Sessions
from deploy.local.front.statement import DataInsert
from deploy.local.front.wire import Malformed, framed

DISPLAY_NAME = "leadstream local"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A result that fits goes out with its length and a summary; a longer one in chunks, as it arises.
BUFFER_BYTES = 1 << 20
HEAD_BYTES = 1 << 20
# What is said in the URL and is no setting.
RESERVED = frozenset(
    {"query", "query_id", "database", "default_format", "user", "password", "quota_key", "role", "session_id",
     "session_timeout", "session_check", "compress", "decompress", "buffer_size", "wait_end_of_query", "stacktrace",
     "client_protocol_version", "enable_http_compression"}
)  # fmt: skip


class HttpDoor(ThreadingHTTPServer):
    """Accept HTTP connections; a long query keeps nobody else waiting."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], engine: Engine) -> None:
        self.engine = engine
        self.sessions = Sessions(engine)
        self.queries = itertools.count(1)
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection, one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of a small answer leave in one packet

    @property
    def door(self) -> HttpDoor:
        return cast("HttpDoor", self.server)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Log nothing: a query's text holds people's data."""

    def handle(self) -> None:
        # A client may leave at any instant.
        with contextlib.suppress(ConnectionError, EOFError):
            super().handle()

    def do_GET(self) -> None:
        self._respond(read_only=True)

    def do_HEAD(self) -> None:
        self._respond(read_only=True)

    def do_POST(self) -> None:
        self._respond(read_only=False)

    def _respond(self, *, read_only: bool) -> None:
        url = urlsplit(self.path)
        said = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path in ("/ping", "/replicas_status") or (url.path == "/" and read_only and "query" not in said):
            self._send(HTTPStatus.OK, [b"Ok.\n"], {"Content-Type": "text/html; charset=UTF-8"})
            return
        if url.path not in ("/", "/query"):
            self._send(HTTPStatus.NOT_FOUND, [f"There is no handle {url.path}; use / or /ping.\n".encode()], {})
            return
        body = received(self.rfile, self.headers)
        try:
            self._refuse_web_pages()
            with self.door.engine.working():
                self._query(said, body, read_only=read_only)
        except EngineError as error:
            self._send_exception(error)
        except (Malformed, UnicodeDecodeError) as error:
            self._send_exception(EngineError(UNREADABLE, f"The request cannot be read: {error}. (BAD_ARGUMENTS)"))
        # What the query did not take of the body would be read as the next request.
        for _ in body:
            pass

    def _refuse_web_pages(self) -> None:
        """Refuse what a browser sends on behalf of a page: the engine reads and writes files, and asks no password."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or LOOPBACK[0]
        crossing = self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        if crossing or "Origin" in self.headers or host not in LOOPBACK:
            raise EngineError(ACCESS_DENIED, "Web pages may not ask this server, and it has no name but localhost. (ACCESS_DENIED)")

    def _query(self, said: dict[str, str], sent: Iterator[bytes], *, read_only: bool) -> None:
        body = decoded(sent, self.headers.get("Content-Encoding", "").lower())
        if said.get("decompress") == "1":
            body = unframed(body)
        sql, insert, data = _asked(said.get("query", ""), body)
        if not sql.strip():
            raise EngineError(SYNTAX_ERROR, "Syntax error: Empty query. (SYNTAX_ERROR)")
        if read_only and statement.first_word(sql) not in statement.READS | statement.SESSION_ONLY:
            raise EngineError(
                READONLY, "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries. (READONLY)"
            )
        if insert is None and statement.is_several(sql):
            raise EngineError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
        lasting = float(said.get("session_timeout") or TIMEOUT_S)
        with self.door.sessions.open(said.get("session_id", ""), timeout_s=lasting, must_exist=said.get("session_check") == "1") as session:
            database = said.get("database") or self.headers.get("X-ClickHouse-Database")
            if database:
                session.use(database)
            session.apply({name: value for name, value in said.items() if name not in RESERVED}, strict=True)
            if insert is not None:
                self._insert(session, insert, data, said)
            else:
                self._select(session, sql, said)

    def _insert(self, session: Session, insert: DataInsert, data: Iterator[bytes], said: dict[str, str]) -> None:
        summary = Summary(written_rows=session.load(insert, data, data_format=insert.data_format))
        self._send(HTTPStatus.OK, [], self._about(said, summary))

    def _select(self, session: Session, sql: str, said: dict[str, str]) -> None:
        wanted = said.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        output = statement.output_format(sql) or wanted
        summary = Summary()
        pieces = map(summary.add, session.pieces(sql, output=output))
        whole = said.get("wait_end_of_query") == "1"
        first, size = [], 0
        for data in pieces:
            first.append(data)
            size += len(data)
            if size > BUFFER_BYTES and not whole:
                break
        body: Iterator[bytes] = itertools.chain(first, pieces)
        about = self._about(said, summary) | {
            "Content-Type": CONTENT_TYPES.get(output.lower(), "text/plain; charset=UTF-8"),
            "X-ClickHouse-Format": output,
        }
        if said.get("compress") == "1":
            body = map(framed, body)
        elif said.get("enable_http_compression", "1") == "1" and (encoding := accepted(self.headers.get("Accept-Encoding", ""))):
            body = encoded(body, encoding)
            about["Content-Encoding"] = encoding
        self._send(HTTPStatus.OK, body, about, chunked=size > BUFFER_BYTES and not whole)

    def _about(self, said: dict[str, str], summary: Summary) -> dict[str, str]:
        return {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Summary": summary.said(),
            "X-ClickHouse-Query-Id": said.get("query_id") or f"local-{next(self.door.queries)}",
            "X-ClickHouse-Timezone": self.door.engine.timezone,
            "X-ClickHouse-Server-Display-Name": DISPLAY_NAME,
        }

    def _send_exception(self, error: EngineError) -> None:
        self._send(
            STATUS.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR),
            [f"{error} (version {self.door.engine.version})\n".encode()],
            {"Content-Type": "text/plain; charset=UTF-8", "X-ClickHouse-Exception-Code": str(error.code)},
        )

    def handle_expect_100(self) -> bool:
        # Into the buffer alone it would reach a waiting client only with the answer.
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _send(self, status: HTTPStatus, body: Iterable[bytes], headers: dict[str, str], *, chunked: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if chunked and self.command != "HEAD":
            self._send_chunks(body)
            return
        whole = b"".join(body)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(whole)

    def _send_chunks(self, body: Iterable[bytes]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for data in filter(None, body):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        except EngineError as error:
            # The status is out already: the words come last, and a missing end tells that the result is cut off.
            said = f"{error}\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(said), said))
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")


def _asked(query: str, body: Iterator[bytes]) -> tuple[str, DataInsert | None, Iterator[bytes]]:
    """Return the statement, and for an INSERT with data the INSERT and its data: a query may stand in the URL, the body, or both."""
    insert = statement.data_insert(query)
    if insert is not None:
        return query, insert, itertools.chain([query[insert.data_at :].encode()], body)
    whole = b"".join([query.encode(), b"\n" if query else b"", *body])
    # The data behind an INSERT need not be text: bytes that are not pass through this decoding unharmed.
    head = whole[:HEAD_BYTES].decode(errors="surrogateescape")
    insert = statement.data_insert(head)
    if insert is not None:
        data_at = len(head[: insert.data_at].encode(errors="surrogateescape"))
        return head, insert, iter([whole[data_at:]])
    return whole.decode(), None, iter(())
