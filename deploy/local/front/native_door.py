"""ClickHouse's native TCP protocol, at the revision in which settings became strings (54429).

Later revisions write blocks differently (a byte more per column), and the engine writes them as of this one: so a
result's blocks pass through untouched. One thread serves one connection, and each connection has its own session.
"""

import contextlib
import socket
import socketserver
import struct
from dataclasses import dataclass
from enum import IntEnum

from deploy.local.front import block
from deploy.local.front.block import Block
from deploy.local.front.engine import Engine, EngineError, Session
from deploy.local.front.native_query import Results, run
from deploy.local.front.wire import RECEIVE_BYTES, Frames, Inbound, Malformed, framed, text, varint

REVISION = 54429
DISPLAY_NAME = "leadstream local"
UNEXPECTED_PACKET = 101
CLIENT_TOO_OLD = 1001
IMPORTANT = 0x01
BLOCK_INFO = varint(1) + b"\0" + varint(2) + struct.pack("<i", -1) + varint(0)


class Asked(IntEnum):
    """Packets of the client."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class Told(IntEnum):
    """Packets of the server."""

    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6


@dataclass(frozen=True, slots=True)
class Query:
    """What a Query packet asks, with the tables that came along."""

    sql: str
    settings: dict[str, str]
    strict: bool
    tables: list[tuple[str, Block]]


class NativeDoor(socketserver.ThreadingTCPServer):
    """Accept native connections; a long query keeps nobody else waiting."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], engine: Engine) -> None:
        self.engine = engine
        super().__init__(address, Connection)


class Connection(socketserver.BaseRequestHandler):
    """One client: greeted once, then served one packet after the other."""

    server: NativeDoor
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._inbound = Inbound(lambda: self.request.recv(RECEIVE_BYTES))
        self._compressed = False

    def handle(self) -> None:
        # A client may leave at any instant; its session, and an insert it had not finished, end with it.
        with contextlib.suppress(EOFError, ConnectionError):
            try:
                session = self._greet()
                if session is not None:
                    with session:
                        while True:
                            self._serve(session)
            except EngineError as error:
                self._tell_exception(error)
            except (Malformed, UnicodeDecodeError) as error:
                self._tell_exception(EngineError(UNEXPECTED_PACKET, f"{error}. (UNEXPECTED_PACKET_FROM_CLIENT)"))

    # What the client says

    def _greet(self) -> Session | None:
        stream = self._inbound
        kind = stream.varint()
        if kind in b"GP":  # the first letter of GET, POST, PUT
            self.request.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks ClickHouse's native protocol; HTTP has a port of its own.\n")
            return None
        if kind != Asked.HELLO:
            raise Malformed(f"packet {kind} came before Hello")
        stream.text()  # the client's name
        _, _, revision = stream.varint(), stream.varint(), stream.varint()
        database, _, _ = stream.text(), stream.text(), stream.text()  # user and password: on loopback all may enter
        if revision < REVISION:
            raise EngineError(CLIENT_TOO_OLD, f"The client's protocol revision {revision} is older than {REVISION}: use a newer client.")
        session = self.server.engine.session(database)
        major, minor, patch, *_ = [*map(int, self.server.engine.version.split(".")), 0]
        self.request.sendall(
            varint(Told.HELLO) + text("ClickHouse") + varint(major) + varint(minor) + varint(REVISION)
            + text(self.server.engine.timezone) + text(DISPLAY_NAME) + varint(patch)
        )  # fmt: skip
        return session

    def _serve(self, session: Session) -> None:
        self._inbound.forget()
        kind = self._inbound.varint()
        if kind == Asked.PING:
            self.request.sendall(varint(Told.PONG))
        elif kind == Asked.QUERY:
            self._answer(session, self._read_query())
        elif kind != Asked.CANCEL:  # a cancel may cross the end of its query
            raise Malformed(f"packet {kind} is not served here")

    def _answer(self, session: Session, query: Query) -> None:
        try:
            with self.server.engine.working():
                session.apply(query.settings, strict=query.strict)
                with session.temporary_tables(query.tables):
                    run(session, query.sql, self)
        except EngineError as error:
            self._tell_exception(error)
        else:
            self.request.sendall(varint(Told.END_OF_STREAM))

    def _read_query(self) -> Query:
        stream = self._inbound
        stream.text()  # query id
        self._skip_client_info()
        settings, strict = {}, False
        while name := stream.text():
            strict |= bool(stream.varint() & IMPORTANT)
            settings[name] = stream.text()
        stream.varint()  # the stage to which to process: always to the end
        self._compressed = bool(stream.varint())
        sql = stream.text()
        tables = []
        while (received := self.receive_block()) is not None:
            tables.append(received)
        return Query(sql, settings, strict, tables)

    def _skip_client_info(self) -> None:
        stream = self._inbound
        if stream.take(1) == b"\0":
            return
        for _ in range(3):  # first user, query id, address
            stream.text()
        stream.skip(1)  # interface
        for _ in range(3):  # user of the system, host, client
            stream.text()
        for _ in range(3):  # version and revision
            stream.varint()
        stream.text()  # quota key
        stream.varint()  # patch of the version

    def receive_block(self) -> tuple[str, Block] | None:
        """Return the next block with its table's name; None at the empty block that ends the data."""
        kind = self._inbound.varint()
        if kind != Asked.DATA:
            raise Malformed(f"packet {kind} came where data was due")
        table = self._inbound.text()
        # A block starts and ends with a compressed frame, so nothing is left over between two blocks.
        stream = Inbound(Frames(self._inbound)) if self._compressed else self._inbound
        while field := stream.varint():
            stream.skip(1 if field == 1 else 4)
        received = block.read(stream)
        self._inbound.forget()
        return (table, received) if received.columns else None

    def cancelled(self) -> bool:
        """Tell whether the client has asked to stop, or has gone, while its result was on the way."""
        if self._inbound.at == len(self._inbound.buffer):
            try:
                if not self.request.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    raise EOFError
            except BlockingIOError:
                return False
        kind = self._inbound.varint()
        if kind != Asked.CANCEL:
            raise Malformed(f"packet {kind} came in the middle of a result")
        return True

    # What the server says

    def tell_block(self, data: bytes) -> None:
        body = BLOCK_INFO + data
        self.request.sendall(varint(Told.DATA) + text("") + (framed(body) if self._compressed else body))

    def tell_profile(self, results: Results) -> None:
        """Tell what a result consists of; an insert has none, and clients take such a packet for an error there."""
        self.request.sendall(
            varint(Told.PROFILE_INFO) + varint(results.rows) + varint(results.blocks) + varint(results.bytes)
            + b"\0" + varint(0) + b"\0"
        )  # fmt: skip

    def tell_progress(self, results: Results) -> None:
        self.request.sendall(
            varint(Told.PROGRESS) + varint(results.rows_read) + varint(results.bytes_read) + varint(0)
            + varint(results.rows_written) + varint(results.bytes_written)
        )  # fmt: skip

    def _tell_exception(self, error: EngineError) -> None:
        self.request.sendall(
            varint(Told.EXCEPTION) + struct.pack("<i", error.code) + text("DB::Exception")
            + text(f"DB::Exception: {error.text}") + text("") + b"\0"
        )  # fmt: skip
