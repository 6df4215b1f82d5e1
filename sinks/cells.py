"""A record as the cells of a row: what is nested lies flat, so that rows are plain values and tuples and dicts of them.

The garbage collector soon leaves such rows alone. A sink holds 50,000; with the dicts and lists of their nested records
among them, collecting cost as much as decoding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.registry import Document


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row, by the names that lead to it; an array of records is one cell, its `parts` laid end to end."""

    path: tuple[str, ...]
    parts: tuple[str, ...] = ()


class Layout:
    """The cells of one schema. Absent text is '', an absent number or instant is None."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._records: dict[str, Document] = {}
        self.cells = tuple(self._cells(document, ()))

    def known(self, kind: Document) -> Document:
        """The kind itself for the name of a record: it is defined where it is first used, and named after that."""
        if isinstance(kind, dict) and kind["type"] == "record":
            self._records[kind["name"]] = kind
        return self._records.get(kind, kind) if isinstance(kind, str) else kind

    def width(self, kind: Document) -> int:
        """How many cells a kind fills."""
        return len(list(self._cells(kind, ())))

    def values(self, record: Mapping[str, Any]) -> Iterator[Any]:
        """The values of the cells, of a record that fastavro has read."""
        return self._values(self.document, record)

    def absent(self, kind: Document) -> Iterator[str | bytes | None]:
        """The values of the cells of a kind that is not there."""
        match self.known(kind):
            case {"type": "record", "fields": fields}:
                for each in fields:
                    yield from self.absent(each["type"])
            case ["null", of]:
                yield from self.absent(of)
            case "string":
                yield ""
            case "bytes":
                yield b""
            case _:
                yield None

    def _cells(self, kind: Document, path: tuple[str, ...]) -> Iterator[Cell]:
        match self.known(kind):
            case {"type": "record", "fields": fields}:
                for each in fields:
                    yield from self._cells(each["type"], (*path, each["name"]))
            case ["null", of]:
                yield from self._cells(of, path)
            case {"type": "array", "items": items}:
                yield Cell(path, tuple([".".join(cell.path) for cell in self._cells(items, ())]))
            case _:
                yield Cell(path)

    def _values(self, kind: Document, value: Any) -> Iterator[Any]:
        match self.known(kind):
            case {"type": "record", "fields": fields}:
                for each in fields:
                    yield from self._values(each["type"], value[each["name"]])
            case ["null", of]:
                yield from self.absent(of) if value is None else self._values(of, value)
            case {"type": "array", "items": items}:
                yield tuple([part for each in value for part in self._values(items, each)])
            case _:
                yield value
