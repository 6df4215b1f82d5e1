"""FULL_TRANSITIVE: all versions of a schema read each other. And the checker itself fails where it should."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.avro import Codec
from schemas.compatibility import full_transitive, problems
from schemas.registry import Version, released
from tests.schemas import make_golden
from tests.schemas.examples_v1 import AVRO

RELEASED = released()

BASE: dict[str, Any] = {
    "type": "record",
    "name": "Visit",
    "namespace": "leadstream",
    "doc": "A schema to try changes on.",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "page", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "sort", "type": {"type": "enum", "name": "Sort", "symbols": ["NEW", "OLD"]}},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 4}},
        {
            "name": "touch",
            "type": {"type": "record", "name": "Touch", "fields": [{"name": "channel", "type": "string"}]},
        },
        {"name": "last", "type": ["null", "Touch"], "default": None},
        {"name": "next", "type": ["null", "Visit"], "default": None},
    ],
}
ROW = {
    "id": "a", "at": 1, "page": "/", "tags": ["x"], "sort": "NEW", "code": b"abcd", "touch": {"channel": "email"},
    "last": {"channel": "ads"}, "next": None,
}  # fmt: skip


def field(name: str) -> int:
    return [each["name"] for each in BASE["fields"]].index(name)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    change(document)
    return document


def added(**new: object) -> dict[str, Any]:
    return changed(lambda document: document["fields"].append(new))


def retyped(name: str, kind: object, **rest: object) -> dict[str, Any]:
    return changed(lambda document: document["fields"].__setitem__(field(name), {"name": name, "type": kind, **rest}))


def removed(name: str) -> dict[str, Any]:
    return changed(lambda document: document["fields"].pop(field(name)))


ALLOWED = {
    "another description": changed(lambda document: document.update(doc="Other words.")),
    "a field added with a default": added(name="more", type=["null", "string"], default=None),
    "a list added with a default": added(name="more", type={"type": "array", "items": "long"}, default=[]),
    "a field with a default removed": removed("page"),
    "fields in another order": changed(lambda document: document["fields"].insert(0, document["fields"].pop(3))),
}
BREAKING = {
    "a field added without a default": (added(name="more", type="string"), "field more"),
    "a field without a default removed": (removed("id"), "field id"),
    "a number that became text": (retyped("at", "string"), "field at"),
    "a number that became wider": (retyped("at", "double"), "field at"),
    "text that became optional": (retyped("id", ["null", "string"], default=None), "field id"),
    "an optional field that became required": (retyped("page", "string"), "field page"),
    "a branch added to a union": (retyped("page", ["null", "string", "long"], default=None), "field page"),
    "text that became bytes": (retyped("id", "bytes"), "field id"),
    "a list of numbers": (retyped("tags", {"type": "array", "items": "long"}, default=[]), "field tags, items"),
    "a list that became a map": (retyped("tags", {"type": "map", "values": "string"}, default={}), "field tags"),
    "a renamed field": (
        changed(lambda document: document["fields"][field("id")].update(name="visit_id")),
        "field visit_id",
    ),
    "a renamed field with an alias, which mends one direction only": (
        changed(lambda document: document["fields"][field("id")].update(name="visit_id", aliases=["id"])),
        "field visit_id",
    ),
    "a renamed record": (
        json.loads(json.dumps(BASE).replace('"Visit"', '"Call"')),
        "renamed from leadstream.Visit to leadstream.Call",
    ),
    "a renamed record inside": (
        json.loads(json.dumps(BASE).replace('"Touch"', '"Contact"')),
        "renamed from leadstream.Touch to leadstream.Contact",
    ),
    "a field added inside without a default": (
        changed(
            lambda document: document["fields"][field("touch")]["type"]["fields"].append({"name": "x", "type": "int"})
        ),
        "field touch, field x",
    ),
    "a symbol added": (
        retyped("sort", {"type": "enum", "name": "Sort", "symbols": ["NEW", "OLD", "ODD"]}),
        "symbols ODD",
    ),
    "another size": (retyped("code", {"type": "fixed", "name": "Code", "size": 8}), "size"),
    "another unit of time, which no fingerprint shows": (
        retyped("at", {"type": "long", "logicalType": "timestamp-micros"}),
        "logical type",
    ),
}


def versions(*documents: dict[str, Any]) -> list[Version]:
    return [Version.of(number, document) for number, document in enumerate(documents, start=1)]


@pytest.mark.parametrize("name", RELEASED)
def test_all_released_versions_read_each_other(name: str) -> None:
    assert full_transitive(RELEASED[name]) == []


@pytest.mark.parametrize("name", RELEASED)
def test_versions_are_numbered_from_one_without_gaps(name: str) -> None:
    assert [version.number for version in RELEASED[name]] == list(range(1, len(RELEASED[name]) + 1))


def test_no_two_released_schemas_share_a_fingerprint_or_a_name_in_two_files() -> None:
    everything = [version for versions in RELEASED.values() for version in versions]
    assert len({version.header for version in everything}) == len(everything)
    assert len({family[0].full_name for family in RELEASED.values()}) == len(RELEASED)


@pytest.mark.parametrize("what", ALLOWED)
def test_an_allowed_change_passes_and_old_and_new_read_each_other(what: str) -> None:
    old, new = versions(BASE, ALLOWED[what])
    assert full_transitive([old, new]) == []
    assert Codec([new, old]).read(Codec([new]).write(ROW))["id"] == "a"
    assert Codec([old, new]).read(Codec([old]).write(ROW))["id"] == "a"


@pytest.mark.parametrize("what", BREAKING)
def test_a_breaking_change_is_named_with_its_place(what: str) -> None:
    document, place = BREAKING[what]
    found = full_transitive(versions(BASE, document))
    assert found
    assert any(place in problem for problem in found)


def test_a_break_between_versions_that_are_no_neighbours_is_found() -> None:
    without, optional, required = removed("page"), BASE, retyped("page", "string", default="/")
    assert full_transitive(versions(without, optional)) == []
    assert full_transitive(versions(without, required)) == []
    assert full_transitive(versions(optional, without, required))


def test_each_direction_is_judged_for_itself() -> None:
    wider = retyped("at", "double")
    narrow = retyped("at", "long")
    assert problems(writer=narrow, reader=wider) == []
    assert problems(writer=wider, reader=narrow) == ["the record, field at: double does not read as long"]


def test_an_added_field_reads_as_its_default_and_no_two_records_share_it() -> None:
    old, new = versions(BASE, added(name="more", type={"type": "map", "values": "string"}, default={}))
    codec = Codec([old, new])
    first, second = (codec.read(Codec([old]).write(ROW)) for _ in range(2))
    first["more"]["changed"] = "yes"
    assert second["more"] == {}


def test_a_touchpoint_of_version_1_reads_through_a_version_2_and_back() -> None:
    document = copy.deepcopy(RELEASED["touchpoint"][0].document)
    document["fields"].append({"name": "region", "type": ["null", "string"], "default": None})
    codec = Codec([RELEASED["touchpoint"][0], Version.of(2, document)])
    golden = make_golden.read("touchpoint", 1)
    row = codec.read(golden)
    assert row.pop("region") is None
    assert codec.write(row | {"region": "EU"})[:10] == codec.newest.header
    back = Codec([codec.newest, RELEASED["touchpoint"][0]])
    assert back.read(codec.write(row | {"region": "EU"})) == row
    assert AVRO["touchpoint"].decode(golden) == AVRO["touchpoint"].value


@pytest.mark.parametrize("name", RELEASED)
def test_schemas_keep_the_house_rules(name: str) -> None:
    document = RELEASED[name][-1].document
    assert document["namespace"] == "leadstream"
    for record in records(document):
        assert record["doc"]
        for each in record["fields"]:
            assert each["doc"].endswith("."), each["name"]
            match each["type"]:
                case ["null", _]:
                    assert each["default"] is None
                case list():
                    pytest.fail(f"{each['name']}: unions are null and one type, so that readers need no cases")
                case {"type": "array"}:
                    assert each["default"] == []
                case {"type": "map"}:
                    assert each["default"] == {}
                case {"type": "long", "logicalType": _}:
                    assert each["name"].endswith(("_at", "_since", "as_of"))
                case "bytes":
                    # fastavro fills in a default of bytes as text.
                    assert "default" not in each


def records(schema: Any) -> list[dict[str, Any]]:
    match schema:
        case {"type": "record", "fields": fields}:
            return [schema] + [inner for each in fields for inner in records(each["type"])]
        case {"items": inner} | {"values": inner}:
            return records(inner)
        case list():
            return [found for branch in schema for found in records(branch)]
    return []


def test_a_stray_file_among_the_schemas_is_named(tmp_path: Path) -> None:
    (tmp_path / "visit.v1.avsc").write_text(json.dumps(BASE))
    assert [str(version) for version in released(tmp_path)["visit"]] == ["leadstream.Visit version 1"]
    (tmp_path / "visit.avsc").write_text(json.dumps(BASE))
    with pytest.raises(ValueError, match=r"visit\.avsc: schemas are named <name>\.v<number>\.avsc"):
        released(tmp_path)
