"""The map's file: YAML that says what each field of an event is made of, read into a `Map`, or every problem at once.

docs/importing.md explains it to its authors. Read as the scoring model is, so problems read alike.
"""

from collections.abc import Iterable
from typing import Any, Final, cast

from processors.model.problems import Findings, ModelProblems, Placed
from processors.model.values import items, section, text
from processors.model.where import rule_conditions
from processors.model.yaml_tree import Broken, Items, Node, Scalar, Section, read
from schemas.kinds import CUSTOM_PREFIX, KNOWN
from streams.sending.dates import UNITS, Dates, zone_named
from streams.sending.mapping import ALL, IDENTIFIERS, ROADS, SECTIONS, SKIP, Map
from streams.sending.rows import Shape
from streams.sending.values import Lookup, Template, Value, template

_SHAPE: Final = ("format", "delimiter", "encoding")
_TOP: Final = (*_SHAPE, "where", "id", "kind", "at", *IDENTIFIERS, *ROADS, *SECTIONS)
_FORMATS: Final = ("csv", "jsonl")
_LOOKUP: Final = ("column", "template", "map", "otherwise")
_DATE: Final = ("column", "template", "format", "zone")
_TABLE_MAX: Final = 10_000


def load(text_of_file: str, *, name_of_file: str = "map") -> Map:
    """Read a map. Raises ModelProblems, holding every problem; no other exception, whatever the text."""
    found = Findings()
    top = read(text_of_file, found, what="map")
    if top is None:
        raise ModelProblems(found.problems, name_of_file=name_of_file)
    made = _Reader(found).map(top, text_of_file)
    if found.problems:
        raise ModelProblems(found.problems, name_of_file=name_of_file)
    return made


def refuse_unknown_columns(made: Map, columns: Iterable[str], *, name_of_file: str) -> None:
    """Raise ModelProblems where the map names a column that the file does not have."""
    known, found = tuple(columns), Findings()
    for name, place in made.columns:
        if name not in known:
            found.unknown(place, "the column", name, known=known, remedy=f"the file has {', '.join(known[:40])}")
    if found.problems:
        raise ModelProblems(found.problems, name_of_file=name_of_file)


class _Reader:
    """Reads the parts of one map, noting each column it names."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._columns: dict[str, Placed] = {}

    def map(self, top: Node, text_of_file: str) -> Map:
        needs = {"kind": "what was done, as in kind: ebook_downloaded"}
        values = section(top, self._found, what="a map", keys=_TOP, needs=needs)
        if isinstance(top, Section) and not any(name in top.values for name in IDENTIFIERS):
            self._found.add(top, "a map needs to say who it was", suggestion='one of visitor_id, crm_id, email, as in email: "{email}"')
        where = values.get("where")
        at, dates = self._at(values.get("at"))
        return Map(
            kind=self._kind(values.get("kind")) or Template(()), id=self._id(values.get("id")), at=at, dates=dates,
            who=self._each(values, IDENTIFIERS), road=self._each(values, ROADS),
            sections={name: self._section(name, values[name]) for name in SECTIONS if name in values},
            where=self._where(where), shape=self._shape(values), columns=tuple(self._columns.items()), text=text_of_file,
        )  # fmt: skip

    def _shape(self, values: dict[str, Node]) -> Shape:
        said = {name: text(values.get(name), self._found, what=name) for name in _SHAPE if name != "delimiter"}
        if said["format"] is not None and said["format"] not in _FORMATS:
            self._found.unknown(values["format"], "the format", said["format"], known=_FORMATS, remedy="it is csv or jsonl")
        delimiter = values.get("delimiter")
        mark = delimiter.text.replace("\\t", "\t") if isinstance(delimiter, Scalar) else None
        if delimiter is not None and (mark is None or len(mark) != 1):
            self._found.add(delimiter, "the delimiter is one character", suggestion='as in delimiter: ";", or "\\t" for a tab')
        return Shape(format=cast("Any", said["format"]), delimiter=mark, encoding=said["encoding"] or "utf-8")

    def _where(self, node: Node | None) -> Any:
        if isinstance(node, Section):
            for name, place in node.keys.items():
                self._columns.setdefault(name, place)
        return rule_conditions(node, self._found)

    def _each(self, values: dict[str, Node], names: tuple[str, ...]) -> dict[str, Value]:
        made = {name: self._value(values[name], what=name) for name in names if name in values}
        return {name: value for name, value in made.items() if value is not None}

    def _section(self, name: str, node: Node) -> dict[str, Value | None]:
        if not isinstance(node, Section):
            if not isinstance(node, Broken):
                self._found.add(node, f"{name} is a section of names and values", suggestion=f'as in {name}: {{page: "{{page_url}}"}}')
            return {}
        entries: dict[str, Value | None] = {}
        for key, value in node.values.items():
            if key == ALL:
                said = text(value, self._found, what=f"{name}.*")
                if said not in {None, "all"}:
                    self._found.add(value, "* takes every column that is not mapped elsewhere", suggestion='write "*": all')
                entries[ALL] = None
            else:
                entries[key] = self._value(value, what=f"{name}.{key}")
        return entries

    def _id(self, node: Node | None) -> Value | None:
        made = self._value(node, what="id")
        if made is not None and node is not None and not made.columns:
            self._found.add(node, "id is the same for every row", suggestion='name the columns that tell rows apart, as in "order-{order_id}"')
        return made

    def _kind(self, node: Node | None) -> Value | None:
        made = self._value(node, what="kind")
        if made is None or node is None:
            return None
        for word in made.words:
            if word not in KNOWN and word != SKIP and not word.startswith(CUSTOM_PREFIX):
                self._found.unknown(node, "the kind", word, known=(*sorted(KNOWN), SKIP), remedy=f"a kind of your own starts with {CUSTOM_PREFIX}")
        return made

    def _at(self, node: Node | None) -> tuple[Value | None, Dates]:
        if node is None or isinstance(node, Broken | Scalar):
            return self._value(node, what="at"), Dates()
        values = section(node, self._found, what="at", keys=_DATE, needs={})
        pattern = text(values.get("format"), self._found, what="the format")
        if pattern is not None and pattern not in UNITS and "%" not in pattern:
            remedy = f"as in %d.%m.%Y %H:%M, or {' or '.join(UNITS)}; ISO dates need none"
            self._found.add(values["format"], "the format is a pattern of %-letters", suggestion=remedy)
        name = text(values.get("zone"), self._found, what="the zone")
        zone = None if name is None else zone_named(name)
        if name is not None and zone is None:
            self._found.add(values["zone"], f"the time zone {name} is not known", suggestion="as in Europe/Berlin, UTC or +02:00")
        sources = self._sources(node, values, what="at")
        made = Lookup(sources=sources, table={}) if sources else None
        return made, Dates(pattern=pattern) if zone is None else Dates(pattern=pattern, zone=zone)

    def _value(self, node: Node | None, *, what: str) -> Value | None:
        if node is None or isinstance(node, Broken):
            return None
        if isinstance(node, Section):
            return self._lookup(node, what=what)
        if isinstance(node, Items):
            self._found.add(node, f"{what} is one value", suggestion="for the first of several that is not empty: {column: [a, b]}")
            return None
        return self._template(node, what=what)

    def _template(self, node: Node, *, what: str) -> Template | None:
        said = text(node, self._found, what=what)
        if said is None:
            return None
        made = template(said, lambda problem: self._found.add(node, problem))
        for name in made.columns:
            self._columns.setdefault(name, node)
        return made

    def _lookup(self, node: Section, *, what: str) -> Value | None:
        values = section(node, self._found, what=what, keys=_LOOKUP, needs={})
        sources = self._sources(node, values, what=what)
        table = self._table(values.get("map"), what=what)
        otherwise = text(values.get("otherwise"), self._found, what="otherwise")
        return Lookup(sources=sources, table=table, otherwise=otherwise) if sources else None

    def _table(self, node: Node | None, *, what: str) -> dict[str, str]:
        if node is None or isinstance(node, Broken):
            return {}
        if not isinstance(node, Section):
            self._found.add(node, "map is a section of words and what they mean here", suggestion=f"as in {what}: {{column: origin, map: {{ads: paid_search}}}}")
            return {}
        if len(node.values) > _TABLE_MAX:
            self._found.add(node, f"map holds {len(node.values):,} words, at most {_TABLE_MAX:,} are allowed")
        words = {key: text(value, self._found, what="this word") for key, value in node.values.items()}
        return {key: word for key, word in words.items() if word is not None}

    def _sources(self, node: Node, values: dict[str, Node], *, what: str) -> tuple[Template, ...]:
        """The columns that are looked at, one after the other; of a section, where they may also be one template."""
        if ("column" in values) == ("template" in values):
            self._found.add(node, f"{what} needs a column or a template", suggestion='one of column: origin, template: "{first} {last}"')
            return ()
        if "template" in values:
            made = self._template(values["template"], what="the template")
            return () if made is None else (made,)
        said = values["column"]
        nodes = items(said, self._found, what="column") if isinstance(said, Items) else (said,)
        return tuple(made for node in nodes if (made := self._column(node)) is not None)

    def _column(self, node: Node) -> Template | None:
        name = text(node, self._found, what="a column")
        if name is None:
            return None
        self._columns.setdefault(name, node)
        return template("{" + name.replace("{", "").replace("}", "") + "}", lambda _: None)
