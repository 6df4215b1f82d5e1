"""Columns as ClickHouse's Native format has them, each written in a few calls that walk all of its values in C.

clickhouse-driver writes most of them value by value in Python. Its Cython is kept for texts, and its own writers for
every type that none of our tables has.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from clickhouse_driver import Client, defines
from clickhouse_driver import errors as driver
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.streams.native import BlockOutputStream
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str, write_binary_uint8


@dataclass(frozen=True, slots=True)
class Arrays:
    """A column of arrays: where each ends in `values`, which are those of all."""

    ends: Sequence[int]
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.ends)

    def lists(self) -> list[list[Any]]:
        return [list(self.values[start:end]) for start, end in zip([0, *self.ends], self.ends, strict=False)]


Column: TypeAlias = Sequence[Any] | Arrays
Write: TypeAlias = Callable[[Any, Any], None]
"""Writes the values of a column into a buffer of the driver's."""

_FORMATS: Final = MappingProxyType({
    "UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q", "Int8": "b", "Int16": "h", "Int32": "i", "Int64": "q",
    "Float32": "f", "Float64": "d", "Bool": "?", "DateTime64": "q",
})  # fmt: skip
_VERSION: Final = struct.pack("<q", 1)  # of LowCardinality's way to write its keys, ahead of all else
_KEYS_FOLLOW: Final = 1 << 9 | 1 << 10  # the keys are these, and no others
_WIDTHS: Final = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"))


class Inserter(Client):  # type: ignore[misc]
    """The driver's client, which inserts columns (`Column`, of equal length) as one block."""

    def send_data(self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False) -> int:  # noqa: ARG002
        """Send *data*, columns in the order that the server has asked for. Called by the driver's `execute`."""
        self.connection.block_out = _Blocks(self.connection.fout, self.connection.context)
        self.connection.send_data(_Block(sample_block.columns_with_types, data))
        self.receive_profile_events()
        self.connection.send_data(ColumnOrientedBlock())  # the end
        self.receive_profile_events()
        return len(data[0])


class _Block(ColumnOrientedBlock):  # type: ignore[misc]
    """The driver's block, of columns of ours."""


class _Blocks(BlockOutputStream):  # type: ignore[misc]
    """The driver's stream of blocks, as it is but for how columns are written."""

    def write(self, block: Any) -> None:
        if not isinstance(block, _Block):
            super().write(block)
            return
        out, revision = self.fout, self.context.server_info.used_revision
        if revision >= defines.DBMS_MIN_REVISION_WITH_BLOCK_INFO:
            block.info.write(out)
        write_varint(block.num_columns, out)
        write_varint(block.num_rows, out)
        for (name, kind), column in zip(block.columns_with_types, block.data, strict=True):
            write_binary_str(name, out)
            write_binary_str(kind, out)
            if revision >= defines.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION:
                write_binary_uint8(0, out)
            if (ours := _column(kind)) is None:
                write_column(self.context, name, kind, column.lists() if isinstance(column, Arrays) else list(column), out)
                continue
            try:
                out.write(_VERSION * kind.count("LowCardinality("))
                ours(column, out)
            except (struct.error, OverflowError) as error:
                raise driver.TypeMismatchError(f"column {name}: {error}") from None
        self.finalize()


@lru_cache(maxsize=1024)
def _column(kind: str) -> Write | None:
    """What writes columns of this type; None: it is left to the driver."""
    name, _, inner = kind.removesuffix(")").partition("(")
    if name in _FORMATS:
        return _plain(_FORMATS[name])
    match name:
        case "String":
            return _texts
        case "LowCardinality" if inner == "String":
            return _few_texts
        case "Nullable" if inner.partition("(")[0] in _FORMATS:
            return _nullable(_FORMATS[inner.partition("(")[0]])
        case "Array" if (values := _column(inner)) is not None and not inner.startswith(("Array", "Map")):
            return _arrays(values)
        case "Map":
            keys, _, values_kind = inner.partition(", ")
            return _maps(values) if keys == "String" and (values := _column(values_kind)) is not None else None
        case _:
            return None


def _plain(code: str) -> Write:
    return lambda values, out: out.write(struct.pack(f"<{len(values)}{code}", *values))


def _nullable(code: str) -> Write:
    write = _plain(code)

    def nullable(values: Sequence[Any], out: Any) -> None:
        out.write(bytes([value is None for value in values]))
        write([0 if value is None else value for value in values], out)

    return nullable


def _texts(values: Sequence[str | bytes], out: Any) -> None:
    out.write_strings(values, encoding="utf-8")


def _few_texts(values: Sequence[str], out: Any) -> None:
    """Each text once, and then which of them the values are."""
    if not values:
        return
    known = {text: n for n, text in enumerate(dict.fromkeys(values))}
    width, code = next((n, code) for n, (most, code) in enumerate(_WIDTHS) if len(known) <= most)
    out.write(struct.pack("<qq", _KEYS_FOLLOW | width, len(known)))
    _texts(list(known), out)
    out.write(struct.pack(f"<q{len(values)}{code}", len(values), *map(known.__getitem__, values)))


def _arrays(write: Write) -> Write:
    def arrays(column: Arrays, out: Any) -> None:
        _plain("Q")(column.ends, out)
        write(column.values, out)

    return arrays


def _maps(write: Write) -> Write:
    def maps(column: Sequence[dict[str, Any]], out: Any) -> None:
        _plain("Q")(list(accumulate(map(len, column))), out)
        _texts(list(chain.from_iterable(column)), out)
        write(list(chain.from_iterable(map(dict.values, column))), out)

    return maps
