"""What a native connection does with one statement: return blocks, or take them in."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.local.front import block, statement
from deploy.local.front.block import Block, Column
from deploy.local.front.engine import EngineError, Session
from deploy.local.front.statement import DataInsert
from deploy.local.front.wire import Inbound

NO_SUCH_COLUMN = 16
SYNTAX_ERROR = 62
WRITABLE = frozenset({"", "DEFAULT"})
WRITABLE_BY_NAME = WRITABLE | {"EPHEMERAL"}


@dataclass(slots=True)
class Results:
    """How much a statement read, returned and wrote."""

    rows: int = 0
    blocks: int = 0
    bytes: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0


class Peer(Protocol):
    """The client at the other end of a native connection."""

    def receive_block(self) -> tuple[str, Block] | None: ...
    def cancelled(self) -> bool: ...
    def tell_block(self, data: bytes) -> None: ...
    def tell_profile(self, results: Results) -> None: ...
    def tell_progress(self, results: Results) -> None: ...


def run(session: Session, sql: str, peer: Peer) -> None:
    """Run one statement; raise `EngineError` with the connection still in step."""
    insert = statement.data_insert(sql)
    if insert is not None and not sql[insert.data_at :].strip(" \t\r\n;"):
        _take_in(session, insert, peer)
    elif statement.is_several(sql):
        raise EngineError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
    else:
        _give_out(session, sql, peer)


def _give_out(session: Session, sql: str, peer: Peer) -> None:
    results = Results()
    # Blocks are what a native client takes: a FORMAT clause is for its own screen.
    wanted = statement.without_format(sql) if statement.first_word(sql) in statement.READS else sql
    header: Sequence[Column] = session.columns_of(wanted)
    pieces = session.pieces(wanted, output="Native")
    for piece in pieces:
        results.rows += piece.rows
        results.rows_read += piece.rows_read
        results.bytes_read += piece.bytes_read
        for data in block.apart(piece.data, rows=piece.rows):
            if not results.blocks:
                # Clients learn names and types from a first block without rows, and from no other.
                header = header or block.read(Inbound.over(data)).columns
                peer.tell_block(block.empty(header))
            peer.tell_block(block.with_time_zones(data, header))
            results.blocks += 1
            results.bytes += len(data)
        if peer.cancelled():
            pieces.close()
            return
    if header and not results.blocks:
        peer.tell_block(block.empty(header))
    peer.tell_profile(results)
    peer.tell_progress(results)
    peer.tell_block(block.empty(()))


def _take_in(session: Session, insert: DataInsert, peer: Peer) -> None:
    results = Results()
    peer.tell_block(block.empty(_columns(session, insert)))

    def blocks() -> Iterator[bytes]:
        while (received := peer.receive_block()) is not None:
            results.bytes_written += len(received[1].data)
            yield received[1].data

    results.rows_written = session.load(insert, blocks(), data_format="Native")
    peer.tell_progress(results)


def _columns(session: Session, insert: DataInsert) -> list[Column]:
    """Return the columns that the INSERT fills, as the client is to write them."""
    target = insert.target.removeprefix("FUNCTION ")
    described = json.loads(session.run(f"DESCRIBE TABLE {target} SETTINGS print_pretty_type_names = 0", output="JSONCompact"))
    known = {name: (kind, default) for name, kind, default, *_ in described["data"]}
    if not insert.columns:
        return [(name, kind) for name, (kind, default) in known.items() if default in WRITABLE]
    for name in insert.columns:
        if name not in known or known[name][1] not in WRITABLE_BY_NAME:
            raise EngineError(NO_SUCH_COLUMN, f"No such column {name} in table {target}. (NO_SUCH_COLUMN_IN_TABLE)")
    return [(name, known[name][0]) for name in insert.columns]
