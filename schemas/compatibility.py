"""Which changes of an Avro schema are allowed: those after which every version reads every other, both ways.

That is FULL_TRANSITIVE compatibility by the rules of Avro's schema resolution, and three stricter ones: aliases do not
help (they mend one direction only); bytes do not read as text (they need not be UTF-8); and a logical type may not
change, for it would change what old numbers mean while the fingerprint stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from fastavro import parse_schema

from schemas.registry import Document, Version

_PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
}


def full_transitive(versions: Sequence[Version]) -> list[str]:
    """Say what breaks between any two of *versions*, in either direction; empty when nothing does."""
    return [
        f"{reader} cannot read what version {writer.number} wrote: {problem}"
        for writer, reader in permutations(versions, 2)
        for problem in problems(writer=writer.document, reader=reader.document)
    ]


def problems(*, writer: Document, reader: Document) -> list[str]:
    """Say what keeps a reader with the schema *reader* from reading bytes of the schema *writer*."""
    writer, reader = parse_schema(writer), parse_schema(reader)
    pair = _Pair(writers=dict(_named(writer)), readers=dict(_named(reader)), compared=set())
    return list(pair.differences(writer, reader, "the record"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two schemas being compared: their named types, and the pairs of names under comparison (types may recur)."""

    writers: Mapping[str, Document]
    readers: Mapping[str, Document]
    compared: set[tuple[str, str]]

    def differences(self, writer: Document, reader: Document, at: str) -> Iterator[str]:
        writer, reader = _resolve(writer, self.writers), _resolve(reader, self.readers)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.differences(branch, reader, at)
        elif isinstance(reader, list):
            yield from self._union(writer, reader, at)
        elif writer.get("logicalType") != reader.get("logicalType"):
            yield f"{at}: the logical type changed from {writer.get('logicalType')} to {reader.get('logicalType')}"
        elif writer["type"] != reader["type"]:
            if reader["type"] not in _PROMOTIONS.get(writer["type"], ()):
                yield f"{at}: {_label(writer)} does not read as {_label(reader)}"
        elif writer.get("name") != reader.get("name"):
            yield f"{at}: renamed from {writer.get('name')} to {reader.get('name')}"
        else:
            yield from self._inside(writer, reader, at)

    def _union(self, writer: Document, reader: list[Document], at: str) -> Iterator[str]:
        branches = [_resolve(branch, self.readers) for branch in reader]
        same = next((branch for branch in branches if _label(branch) == _label(writer)), None)
        if same is not None:
            yield from self.differences(writer, same, at)
        elif all(any(self.differences(writer, branch, at)) for branch in branches):
            yield f"{at}: the reader's union has no branch for {_label(writer)}"

    def _inside(self, writer: Document, reader: Document, at: str) -> Iterator[str]:
        match writer["type"]:
            case "record":
                yield from self._fields(writer, reader, at)
            case "array":
                yield from self.differences(writer["items"], reader["items"], f"{at}, items")
            case "map":
                yield from self.differences(writer["values"], reader["values"], f"{at}, values")
            case "enum":
                unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
                if unknown and "default" not in reader:
                    yield f"{at}: the reader does not know the symbols {', '.join(unknown)}"
            case "fixed" if writer["size"] != reader["size"]:
                yield f"{at}: the size changed from {writer['size']} to {reader['size']}"

    def _fields(self, writer: Document, reader: Document, at: str) -> Iterator[str]:
        if (writer["name"], reader["name"]) in self.compared:
            return
        self.compared.add((writer["name"], reader["name"]))
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            name = field["name"]
            if name in written:
                yield from self.differences(written[name]["type"], field["type"], f"{at}, field {name}")
            elif "default" not in field:
                yield f"{at}, field {name}: the writer has none and the reader no default"


def _resolve(schema: Document, names: Mapping[str, Document]) -> Document:
    """Give a type as an object or a union, whether it stands there as such, by name, or is primitive."""
    if isinstance(schema, str):
        return names.get(schema, {"type": schema})
    return schema


def _named(schema: Document) -> Iterator[tuple[str, Document]]:
    match schema:
        case list():
            for branch in schema:
                yield from _named(branch)
        case {"type": "record", "name": name, "fields": fields}:
            yield name, schema
            for field in fields:
                yield from _named(field["type"])
        case {"type": "enum" | "fixed", "name": name}:
            yield name, schema
        case {"items": inner} | {"values": inner}:
            yield from _named(inner)


def _label(schema: Document) -> str:
    return str(schema.get("name", schema["type"]))
