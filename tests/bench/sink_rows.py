"""What the views must say of what the topics hold: a hash of every row, over all its columns.

Expected rows are made by fastavro and by this module alone, so that nothing of the sink's own reading vouches for itself.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from clickhouse_cityhash.cityhash import CityHash64

from schemas import avro
from sinks.clickhouse import ClickHouse
from streams import topics
from tests.bench.sink_topics import Held

TABLES = {topics.WEB: "touchpoints", topics.EVENTS: "facts", topics.TRANSITIONS: "transitions", topics.PROFILES: "profiles"}
CODECS = {topics.WEB: avro.TOUCHPOINT, topics.EVENTS: avro.FACT, topics.TRANSITIONS: avro.TRANSITION, topics.PROFILES: avro.PROFILE}
TOUCHES = {"first_touch": ("first_channel", "first_campaign", "first_touch_at"), "last_touch": ("last_channel", "last_campaign", "last_touch_at")}
NESTED = {"sums": avro.FACT, "caps": avro.FACT, "event_keys": avro.FACT, "reasons": avro.PROFILE}
ABSENT = "~"
Text = Callable[[Any], str]


def rows_of(held: Held, topic: str) -> Iterator[dict[str, Any]]:
    """The row that each record makes, by column; *topic* is its name in this installation."""
    offsets: dict[int, Iterator[int]] = {}
    for sent in held.records:
        at = next(offsets.setdefault(sent.partition, count()))
        row = _flat(CODECS[held.topic].read(sent.value))
        if held.topic == topics.WEB:
            row |= {"identifier": sent.key.decode(), "topic": topic, "partition": sent.partition, "offset": at}
        if held.topic == topics.PROFILES:
            row |= {"profiles_offset": at}
        yield row


def wrong(client: ClickHouse, held: Held, topic: str) -> str | None:
    """What is wrong with what the view of this topic's table says; None: nothing is missing, double or changed."""
    table = TABLES[held.topic]
    columns = [(row["name"], row["type"]) for row in client.query(f"DESCRIBE TABLE {table}_once") if row["name"] != "inserted_at"]
    texts = {name: _text(kind) for name, kind in columns}
    rows: dict[Any, dict[str, Any]] = {}
    for n, row in enumerate(rows_of(held, topic)):
        rows[row["lead_id"] if held.topic == topics.PROFILES else n] = row  # of a lead's profiles the last one stands
    expected = (len(rows), sum(_hash(row, texts) for row in rows.values()) % 2**64)
    line = ", ".join(_sql(f"`{name}`", kind) for name, kind in columns)
    found = client.query(f"SELECT count() AS n, sum(cityHash64(arrayStringConcat([{line}], '|'))) AS hashes FROM {table}_once")[0]
    if found["n"] != expected[0]:
        return f"{found['n']} rows in {table}_once, expected {expected[0]}"
    return None if found["hashes"] == expected[1] else f"the rows of {table}_once are not those of the topic"


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in record.items():
        if name in TOUCHES:
            parts = (None, None, None) if value is None else (value["channel"], value["campaign"], value["occurred_at"])
            row |= zip(TOUCHES[name], parts, strict=True)
        elif name in NESTED:
            row |= {f"{name}.{part}": [each[part] for each in value] for part in _parts(name)}
        else:
            row[name] = value
    return row


def _parts(name: str) -> list[str]:
    field = next(each for each in NESTED[name].newest.parsed["fields"] if each["name"] == name)
    items = field["type"]["items"]
    if isinstance(items, str):  # a record defined by an earlier field
        return _parts("sums")
    return [each["name"] for each in items["fields"]]


def _hash(row: Mapping[str, Any], texts: Mapping[str, Text]) -> int:
    return int(CityHash64("|".join([text(row[name]) for name, text in texts.items()]).encode()))


def _sql(column: str, kind: str) -> str:
    """The canonical text of a column, in SQL."""
    match kind.partition("(")[0]:
        case "String" | "LowCardinality":
            return f"toString({column})"
        case "Nullable":
            inner = _sql(f"assumeNotNull({column})", kind[len("Nullable(") : -1])
            return f"if(isNull({column}), '{ABSENT}', {inner})"
        case "Array":
            return f"arrayStringConcat(arrayMap(x -> {_sql('x', kind[len('Array(') : -1])}, {column}), ',')"
        case "Map":
            key, value = kind[len("Map(") : -1].split(", ")
            return f"concat({_sql(f'mapKeys({column})', f'Array({key})')}, ';', {_sql(f'mapValues({column})', f'Array({value})')})"
        case "DateTime64":
            return f"toString(toUnixTimestamp64Milli({column}))"
        case "Float64":
            return f"toString(reinterpretAsInt64({column}))"
        case "Bool":
            return f"toString(toUInt8({column}))"
        case _:
            return f"toString({column})"


def _text(kind: str) -> Text:
    """The same text, from the value that Avro holds."""
    match kind.partition("(")[0]:
        case "String" | "LowCardinality":
            return lambda value: value or ""
        case "Nullable":
            inner = _text(kind[len("Nullable(") : -1])
            return lambda value: ABSENT if value is None else inner(value)
        case "Array":
            each = _text(kind[len("Array(") : -1])
            return lambda values: ",".join(map(each, values))
        case "Map":
            key, value = map(_text, kind[len("Map(") : -1].split(", "))
            return lambda pairs: f"{','.join(map(key, pairs))};{','.join(map(value, pairs.values()))}"
        case "Float64":
            return lambda value: str(struct.unpack("<q", struct.pack("<d", value))[0])
        case "Bool":
            return lambda value: str(int(value))
        case _:
            return str


def newest(held: Held) -> Sequence[tuple[int, int]]:
    """The last position of each partition as the table has it: (partition, offset)."""
    last: dict[int, int] = {}
    counts: dict[int, int] = {}
    for sent in held.records:
        at = counts[sent.partition] = counts.get(sent.partition, -1) + 1
        last[sent.partition] = at if held.topic in (topics.WEB, topics.PROFILES) else CODECS[held.topic].read(sent.value)["offset"]
    return sorted(last.items())
