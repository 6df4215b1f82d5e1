"""Rows of a file, one by one: CSV or JSON lines, plain or gzip, from a path or from standard input.

A row that cannot be read is a `BrokenRow` among the others; nothing is held but the row at hand.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple, TypeAlias, cast

import msgspec

from streams.errors import Misconfigured

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
STDIN: Final = "-"
Format: TypeAlias = Literal["csv", "jsonl"]

_BY_SUFFIX: Final[Mapping[str, tuple[Format, str]]] = {
    ".csv": ("csv", ","), ".tsv": ("csv", "\t"), ".jsonl": ("jsonl", ""), ".ndjson": ("jsonl", ""), ".json": ("jsonl", ""),
}  # fmt: skip
_GZIP: Final = b"\x1f\x8b"
_object = msgspec.json.Decoder(dict[str, Any])


class Row(NamedTuple):
    """One row: the line of the file that it begins in, and its values by column."""

    line: int
    values: Mapping[str, Any]


class BrokenRow(NamedTuple):
    """A row that cannot be read, and why."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a file is written. None: by the file's name."""

    format: Format | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"


class Rows:
    """An open file. `columns` are a CSV's; None for JSON lines, whose rows may differ."""

    def __init__(self, raw: BinaryIO, plain: BinaryIO, shape: Shape, *, name: str) -> None:
        self._raw = raw
        self._plain = plain
        self._shape = shape
        self._name = name
        self.columns: tuple[str, ...] | None = None
        self._reader: Any = None
        if shape.format == "csv":
            self._open_csv()

    def bytes_read(self) -> int:
        """How far the file has been read, in bytes as they lie on disk."""
        try:
            return self._raw.tell()
        except OSError:
            return 0

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        try:
            yield from self._csv() if self.columns is not None else self._jsonl()
        except UnicodeDecodeError as error:
            raise self._other_encoding(error) from None
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise Misconfigured(f"{self._name}: cannot be read to its end ({error}): is the copy complete?") from error

    def _other_encoding(self, error: UnicodeDecodeError) -> Misconfigured:
        return Misconfigured(
            f"{self._name}: is not written in {self._shape.encoding} ({error.reason}): name its encoding in the map, as in encoding: latin-1"
        )

    def _open_csv(self) -> None:
        try:
            text = io.TextIOWrapper(self._plain, encoding=_with_mark(self._shape.encoding), newline="")
        except LookupError:
            raise Misconfigured(f"encoding: there is no encoding named {self._shape.encoding}") from None
        self._reader = csv.reader(text, delimiter=self._shape.delimiter or ",")
        try:
            header = next(self._reader, None)
        except UnicodeDecodeError as error:
            raise self._other_encoding(error) from None
        except (csv.Error, OSError, EOFError) as error:
            raise Misconfigured(f"{self._name}: its first line cannot be read as the names of columns ({error})") from error
        if not header:
            raise Misconfigured(f"{self._name}: is empty; a CSV file begins with the names of its columns")
        names = tuple(name.strip() for name in header)
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            raise Misconfigured(f"{self._name}: its first line names the column {twice[0]} twice")
        self.columns = names

    def _csv(self) -> Iterator[Row | BrokenRow]:
        columns = self.columns
        assert columns is not None
        reader = self._reader
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BrokenRow(line, f"cannot be read as CSV: {error}")
                continue
            if len(values) == len(columns):
                yield Row(line, dict(zip(columns, values, strict=True)))
            elif values:  # none: an empty line
                yield BrokenRow(line, f"has {len(values)} values, the first line names {len(columns)} columns")

    def _jsonl(self) -> Iterator[Row | BrokenRow]:
        line = 0
        while read := self._plain.readline(LINE_BYTES_MAX + 1):
            line += 1
            if len(read) > LINE_BYTES_MAX:
                while read and not read.endswith(b"\n"):
                    read = self._plain.readline(LINE_BYTES_MAX)
                yield BrokenRow(line, f"is longer than {LINE_BYTES_MAX} bytes")
                continue
            plain = read.strip().removeprefix(b"\xef\xbb\xbf")
            if not plain:
                continue
            if line == 1 and plain.startswith(b"["):
                raise Misconfigured(f"{self._name}: is one JSON list; write one object per line, for example with jq -c '.[]'")
            try:
                yield Row(line, _object.decode(plain))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                # Without the parser's own words: they may quote what stands there.
                yield BrokenRow(line, "is no JSON object")


@contextmanager
def open_rows(file: str, shape: Shape) -> Iterator[Rows]:
    """Open *file* (`-`: standard input). Raises Misconfigured, naming what to do."""
    known = _shape_of(file, shape)
    if file == STDIN:
        yield _rows(cast("BinaryIO", sys.stdin.buffer), known, name="standard input")
        return
    try:
        raw = Path(file).open("rb")  # noqa: SIM115 - opened apart from what may go wrong while reading
    except OSError as error:
        raise Misconfigured(f"{file}: cannot be opened ({error.strerror})") from error
    with raw:
        yield _rows(cast("BinaryIO", raw), known, name=Path(file).name)


def _rows(raw: BinaryIO, shape: Shape, *, name: str) -> Rows:
    buffered = cast("io.BufferedReader", raw)
    if buffered.peek(2)[:2] == _GZIP:
        return Rows(raw, cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb")), shape, name=name)
    return Rows(raw, raw, shape, name=name)


def _shape_of(file: str, shape: Shape) -> Shape:
    suffix = Path(file.removesuffix(".gz")).suffix.lower()
    kind, delimiter = _BY_SUFFIX.get(suffix, (shape.format, ","))
    if shape.format is None and kind is None:
        raise Misconfigured(f"{file}: its name does not tell how it is written; say so in the map, as in format: csv or format: jsonl")
    return Shape(format=shape.format or kind, delimiter=shape.delimiter or delimiter or ",", encoding=shape.encoding)


def _with_mark(encoding: str) -> str:
    """UTF-8 with or without the byte order mark that spreadsheets write."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
