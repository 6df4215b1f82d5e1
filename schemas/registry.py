"""Every version of every Avro schema ever released: the files `avsc/<name>.v<number>.avsc`.

A released file keeps its layout for life, since bytes written with it lie in topics: its fingerprint is in their
header. A change is a new file with the next number; `schemas.compatibility` says what may change.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, Self, TypeAlias

from fastavro import parse_schema
from fastavro.schema import fingerprint, to_parsing_canonical_form

MAGIC: Final = b"\xc3\x01"
HEADER_BYTES: Final = len(MAGIC) + 8
_FILE: Final = re.compile(r"(?P<name>[a-z_]+)\.v(?P<number>[1-9][0-9]*)\.avsc")

Document: TypeAlias = Any
"""A schema as JSON has it: a name, a list (union) or an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one record: what its file says, and what readers and writers need of it."""

    number: int
    document: Document
    parsed: Document  # for fastavro: without logical types, so that instants stay integers
    header: bytes  # what single-object encoding puts before the body: C3 01 and the CRC-64-AVRO, little-endian

    @classmethod
    def of(cls, number: int, document: Document) -> Self:
        """Parse *document*; logical types are no part of the canonical form, so dropping them keeps the fingerprint."""
        plain = _without_logical_types(document)
        crc = fingerprint(to_parsing_canonical_form(plain), "CRC-64-AVRO")
        return cls(number=number, document=document, parsed=parse_schema(plain), header=MAGIC + bytes.fromhex(crc))

    @property
    def full_name(self) -> str:
        return str(self.parsed["name"])

    def __str__(self) -> str:
        return f"{self.full_name} version {self.number}"


def released(folder: Traversable | None = None) -> Mapping[str, tuple[Version, ...]]:
    """Read all versions in *folder* by the name in their file names, oldest first. Raises ValueError on a stray file."""
    found: dict[str, list[Version]] = {}
    for entry in (folder or files("schemas") / "avsc").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match is None:
            raise ValueError(f"{entry.name}: schemas are named <name>.v<number>.avsc")
        version = Version.of(int(match["number"]), json.loads(entry.read_text("utf-8")))
        found.setdefault(match["name"], []).append(version)
    return {name: tuple(sorted(versions, key=lambda version: version.number)) for name, versions in found.items()}


def _without_logical_types(document: Document) -> Document:
    match document:
        case dict():
            return {key: _without_logical_types(part) for key, part in document.items() if key != "logicalType"}
        case list():
            return [_without_logical_types(part) for part in document]
        case _:
            return document
