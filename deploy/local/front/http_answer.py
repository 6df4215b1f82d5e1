"""How ClickHouse's HTTP interface words its answers: statuses, content types, the summary."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from deploy.local.front.engine import Piece

# ClickHouse's own numbers of the exceptions that the door itself raises.
UNREADABLE = 36
SYNTAX_ERROR = 62
READONLY = 164
ACCESS_DENIED = 497
STATUS = {
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 38, 41, 44, 53, 62, 72, 117), HTTPStatus.BAD_REQUEST),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115, 372), HTTPStatus.NOT_FOUND),
    **dict.fromkeys((48, 89), HTTPStatus.NOT_IMPLEMENTED),
    ACCESS_DENIED: HTTPStatus.FORBIDDEN,
    236: HTTPStatus.SERVICE_UNAVAILABLE,
}
CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "parquet": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
    "xml": "application/xml; charset=UTF-8",
}


@dataclass(slots=True)
class Summary:
    """What the X-ClickHouse-Summary header tells."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    result_rows: int = 0
    result_bytes: int = 0

    def add(self, piece: Piece) -> bytes:
        self.read_rows += piece.rows_read
        self.read_bytes += piece.bytes_read
        self.result_rows += piece.rows
        self.result_bytes += len(piece.data)
        return piece.data

    def said(self) -> str:
        return json.dumps({name: str(getattr(self, name)) for name in self.__slots__})
