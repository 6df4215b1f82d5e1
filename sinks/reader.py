"""Avro's bytes straight into a row, by a function that is written out from the schema, field by field.

fastavro makes dicts of a record and of its parts, only for a row to be made of them; this takes a third to a half of that.
It reads what the newest version of a schema writes. Anything unusual is left to the general way, which knows every
version and tells what is wrong; both ways give the same row, and a property test says so.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from schemas import avro
from schemas.registry import HEADER_BYTES, Document
from sinks.cells import Layout

Read: TypeAlias = Callable[[bytes | None], tuple[Any, ...]]


class Reader:
    """Reads one kind of record into rows of the layout's cells."""

    def __init__(self, codec: avro.Codec) -> None:
        self.layout: Final = Layout(codec.newest.document)
        self._codec: Final = codec
        self.read: Final = quick(self.layout, codec.newest.header, self.generally)
        """Reads a record of any released version. Raises Undecodable."""

    def generally(self, value: bytes | None) -> tuple[Any, ...]:
        """The same, the long way."""
        return tuple(self.layout.values(self._codec.read(value)))


def quick(layout: Layout, header: bytes, otherwise: Read) -> Read:
    """Make what reads values of the schema behind *header*, and hands all others, and what is unusual, to *otherwise*."""
    names = _NAMES | {"HEADER": header, "otherwise": otherwise}
    exec(_Source(layout).text, names)  # noqa: S102 - of our own schemas; dataclasses are made in this way, too
    read: Read = names["read"]
    return read


class _Unusual(Exception):
    """Bytes that we never write, though some of them may be read."""


_GROUP: Final = 127  # seven bits; a byte beyond it is marked: the number goes on
_SHIFT_SAFE: Final = 56  # up to here a number has no more than 63 bits


def _number(value: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag number: groups of seven bits, the lowest first, all but the last marked."""
    zigzag = shift = 0
    while (group := value[at]) > _GROUP:
        zigzag |= (group & _GROUP) << shift
        shift += 7
        at += 1
    zigzag |= group << shift
    if shift > _SHIFT_SAFE and zigzag >> 64:
        raise _Unusual
    return (zigzag >> 1) ^ -(zigzag & 1), at + 1


def _size(value: bytes, at: int) -> tuple[int, int]:
    size, at = _number(value, at)
    if size < 0:
        raise _Unusual
    return size, at


def _pairs(marks: int, shift: int) -> list[int | None]:
    """What two groups with these marks add to a number, by their sixteen bits; None for those with other marks."""
    return [((two & 127 | two >> 1 & 0x3F80) << shift) >> 1 if two & 0x8080 == marks else None for two in range(1 << 16)]


# An instant from 2004 to 2039 is six groups: three look-ups instead of six rounds. A number that is not, is None there;
# so is one that is odd, which is negative.
_NAMES: Final[dict[str, Any]] = {
    "low": [None if two & 1 else found for two, found in enumerate(_pairs(0x8080, 0))],
    "middle": _pairs(0x8080, 14), "high": _pairs(0x0080, 28), "three": struct.Struct("<HHH").unpack_from,
    "Other": (TypeError, struct.error), "number": _number, "size": _size, "double": struct.Struct("<d").unpack_from,
    "Unusual": _Unusual, "LEFT": (_Unusual, IndexError, UnicodeDecodeError, struct.error), "EMPTY": {},
}  # fmt: skip


_AROUND: Final = f"""
def read(v):
    if v is None or not v.startswith(HEADER):
        return otherwise(v)
    at = {HEADER_BYTES}
    try:
{{}}
    except LEFT:
        return otherwise(v)
"""


class _Source:
    """The source of `read(v)`, which walks the bytes *v* with `at` and returns the values of the layout's cells.

    A piece of bytes that is cut short leaves `at` beyond the end, so that the next step, or the last one, finds out.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lines: list[str] = []
        self._depth = 2
        self._named = 0
        self._ended_early = False
        fields = layout.document["fields"]
        cells = self._new(len(layout.cells))
        left = cells
        for n, each in enumerate(fields):
            width = layout.width(each["type"])
            self._read(each["type"], left[:width])
            left = left[width:]
            if _several(each["type"]):
                self._end_early(fields[n + 1 :], cells[: len(cells) - len(left)])
        with self._under("if at != len(v):"):
            self._line("raise Unusual")
        self._line(f"return ({', '.join(cells)},)")
        self.text: Final = _AROUND.format("\n".join(self._lines))

    def _end_early(self, fields: Sequence[Document], read: Sequence[str]) -> None:
        """Look once whether nothing is left but fields that are all empty: in nine of ten facts twenty-two are."""
        if not self._ended_early and all(_rests(each["type"]) for each in fields):
            self._ended_early = True
            with self._under(f"if v[at:] == {bytes(len(fields))!r}:"):
                rest = [value for each in fields for value in self._empty(each["type"])]
                self._line(f"return ({', '.join([*read, *rest])},)")

    def _read(self, kind: Document, into: Sequence[str]) -> None:
        """Write what reads a value of *kind* into the variables of its cells."""
        match self._layout.known(kind):
            case "string":
                self._length("n")
                self._line(f"{into[0]} = v[at : (at := at + n)].decode()")
            case "bytes":
                self._length("n")
                self._line(f"{into[0]} = v[at : (at := at + n)]")
            case "int" | "long":
                self._line("n = v[at]")
                with self._under("if n == 1:"):  # such as a window of no cap
                    self._line(f"{into[0]} = -1; at += 1")
                self._either("elif n & 129:", f"{into[0]}, at = number(v, at)", f"{into[0]} = n >> 1; at += 1")
            case {"type": "long", "logicalType": "timestamp-millis"}:
                self._line("try:")
                self._line(f"    a, b, c = three(v, at); {into[0]} = low[a] + middle[b] + high[c]; at += 6")
                self._line("except Other:")
                self._line(f"    {into[0]}, at = number(v, at)")
            case "double":
                self._line(f"({into[0]},) = double(v, at); at += 8")
            case "boolean":
                self._line(f"n = v[at]; at += 1; {into[0]} = n == 1")
                with self._under("if n > 1:"):
                    self._line("raise Unusual")
            case ["null", of]:
                self._line("n = v[at]; at += 1")
                with self._under("if n == 2:"):
                    self._read(of, into)
                self._either("elif n:", "raise Unusual", "; ".join(f"{x} = {value}" for x, value in zip(into, self._empty(of), strict=True)))
            case {"type": "map", "values": of}:
                self._several(into[0], of, new="{}", empty="EMPTY")
            case {"type": "array", "items": of}:
                self._several(into[0], of, new="[]", empty="()")
            case {"type": "record", "fields": fields}:
                for each in fields:
                    width = self._layout.width(each["type"])
                    self._read(each["type"], into[:width])
                    into = into[width:]
            case other:
                raise NotImplementedError(f"no reader for {other}")

    def _several(self, into: str, of: Document, *, new: str, empty: str) -> None:
        """Write what reads the blocks of a map or of an array of records."""
        with self._under("if v[at]:"):
            self._line(f"{into} = {new}")
            with self._under("while v[at]:"):
                self._length("m")
                with self._under("for _ in range(m):"):
                    if new == "{}":
                        key, value = self._new(2)
                        self._read("string", [key])
                        self._read(of, [value])
                        self._line(f"{into}[{key}] = {value}")
                    else:
                        parts = self._new(self._layout.width(of))
                        self._read(of, parts)
                        self._line(f"{into} += ({', '.join(parts)},)")
            if new == "[]":
                self._line(f"{into} = tuple({into})")
        with self._under("else:"):
            self._line(f"{into} = {empty}")
        self._line("at += 1")

    def _length(self, name: str) -> None:
        self._line(f"{name} = v[at]")
        self._either(f"if {name} & 129:", f"{name}, at = size(v, at)", f"{name} >>= 1; at += 1")

    def _empty(self, kind: Document) -> list[str]:
        match kind:
            case {"type": "map"}:
                return ["EMPTY"]
            case {"type": "array"}:
                return ["()"]
            case _:
                return [repr(value) for value in self._layout.absent(kind)]

    def _new(self, count: int) -> list[str]:
        self._named += count
        return [f"x{n}" for n in range(self._named - count, self._named)]

    def _either(self, condition: str, one: str, other: str) -> None:
        for head, body in ((condition, one), ("else:", other)):
            with self._under(head):
                self._line(body)

    @contextmanager
    def _under(self, head: str) -> Iterator[None]:
        self._line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)


def _rests(kind: Document) -> bool:
    """Whether one zero byte says that it is empty."""
    return isinstance(kind, list) or _several(kind)


def _several(kind: Document) -> bool:
    return isinstance(kind, dict) and kind["type"] in ("map", "array")
