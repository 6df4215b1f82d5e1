"""Where an event's field gets its value from: a text with columns in it, or a column with a table of words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from processors.sources.bounds import number

Values: TypeAlias = Mapping[str, Any]

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a path into nested JSON: `page.url` is the `url` inside `page`, unless a column has that very name."""

    name: str

    def of(self, row: Values) -> Any:
        """The value; None where it is absent or empty."""
        value = row.get(self.name)
        if value is None and "." in self.name:
            value = self._inside(row)
        if isinstance(value, str):
            return value.strip() or None
        return None if value in ([], {}) else value

    def _inside(self, row: Values) -> Any:
        value: Any = row
        for part in self.name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return None
            value = value[part]
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with columns in it. Empty where one of its columns is; a single column alone keeps its type."""

    parts: tuple[str | Column, ...]

    def of(self, row: Values) -> Any:
        """The value in *row*."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Column):
            return self.parts[0].of(row)
        texts: list[str] = []
        for part in self.parts:
            text = part if isinstance(part, str) else text_of(part.of(row))
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if isinstance(part, Column))

    @property
    def words(self) -> tuple[str, ...]:
        """What it always says, where there is no column in it."""
        return () if self.columns else ("".join(str(part) for part in self.parts),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The first of some columns (or templates) that is not empty, and a table of what its words mean here.

    A word that is not in the table means `otherwise`, or itself; "" in the table stands for an empty column.
    """

    sources: tuple[Template, ...]
    table: Mapping[str, str]
    otherwise: str | None = None

    def of(self, row: Values) -> Any:
        """The value in *row*."""
        found = next((value for source in self.sources if (value := source.of(row)) is not None), None)
        word = text_of(found)
        if word is None:
            return self.table.get("", self.otherwise)
        if word in self.table:
            return self.table[word]
        return found if self.otherwise is None else self.otherwise

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for source in self.sources for name in source.columns)

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that the table itself may say."""
        return (*self.table.values(), *(() if self.otherwise is None else (self.otherwise,)))


Value: TypeAlias = Template | Lookup


def template(text: str, problem: Callable[[str], None]) -> Template:
    """Read a template; what is wrong with it is told to *problem*."""
    parts: list[str | Column] = []
    for match in _PART.finditer(text):
        said, name = match[0], match[1]
        if name is not None:
            parts.append(Column(name.strip()))
        elif said in {"{", "}"}:
            problem(f"a {said} stands alone here: a column is written {{name}}, a brace itself {said}{said}")
        elif parts and isinstance(parts[-1], str):
            parts[-1] += said[:1] if said in {"{{", "}}"} else said
        else:
            parts.append(said[:1] if said in {"{{", "}}"} else said)
    return Template(tuple(parts))


def text_of(value: Any) -> str | None:
    """A scalar as text; None for what is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return number(value, "value") if isinstance(value, float) else None
