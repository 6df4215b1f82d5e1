"""YAML as a tree whose every node knows its path, line and column; bounded, and without what makes YAML dangerous.

No tags, no anchors and aliases (so no bombs), no duplicate keys, one document. Values stay text as it was written:
`NO` is Norway and `1.10` keeps its zero, whoever needs a number asks for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from processors.model.problems import QUOTE_CHARS_MAX, Findings, Place, quoted

BYTES_MAX: Final = 256 * 1024
DEPTH_MAX: Final = 12
NODES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value in the file."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Node):
    """One word or number, as text. An empty one was left out: `points:` and nothing behind it."""

    text: str
    is_quoted: bool

    @property
    def is_empty(self) -> bool:
        return not self.is_quoted and self.text.lower() in ("", "~", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Node):
    """Keys and their values; `keys` are the places of the keys themselves."""

    values: dict[str, Node]
    keys: dict[str, Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Node):
    """What was here could not be read and has been reported."""


class _Stop(Exception):
    """Reading ends here; the reason has been reported."""


def read(text: str, found: Findings, *, what: str = "scoring model") -> Node | None:
    """Read *text*, a file that holds one *what*, reporting to *found*; None where nothing can be made of it. Never raises."""
    start = Place("", 1, 1)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > BYTES_MAX:
        found.add(start, f"the file has {size:,} bytes, a {what} at most {BYTES_MAX:,}")
        return None
    try:
        return _Builder(text, found, what).document()
    except _Stop:
        return None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        at = Place("", before.count("\n") + 1, len(before) - before.rfind("\n"))
        found.add(at, f"a character that cannot be printed stands here (U+{ord(text[error.position]):04X}): delete it")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Place("", mark.line + 1, mark.column + 1) if mark is not None else start
        found.add(at, _plain_words(error))
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML lets some through from the inside, as for the escape "\UFFFFFFFF" or a directive with a huge number.
        found.add(start, "the file is no YAML that can be read: an escape or a directive (a line starting with %) is wrong")
    return None


@dataclass(slots=True)
class _Builder:
    """Makes the tree from the parser's events: they come one by one, so depth and number are bounded as they come."""

    text: str
    found: Findings
    what: str
    events: Iterator[yaml.Event] = field(init=False)
    left: int = NODES_MAX

    def __post_init__(self) -> None:
        self.events = iter(yaml.parse(self.text, Loader=yaml.SafeLoader))

    def document(self) -> Node | None:
        next(self.events)  # the stream's start
        if isinstance(event := next(self.events), yaml.StreamEndEvent):
            self.found.add(Place("", 1, 1), "the file is empty")
            return None
        root = self.node(next(self.events), "", 0)
        next(self.events)  # the document's end
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            self.found.add(_place(event, ""), f"a second document starts here: a file holds one {self.what}, remove the ---")
        return root

    def node(self, event: yaml.Event, path: str, depth: int) -> Node:
        at = _place(event, path)
        self.left -= 1
        if self.left < 0:
            self.found.add(at, f"the file holds more than {NODES_MAX:,} values")
            raise _Stop
        if depth > DEPTH_MAX:
            self.found.add(at, f"this is nested more than {DEPTH_MAX} deep")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self.found.add(at, "a * at the start of a value means something else in YAML", suggestion='put it in quotes, as in "*pricing*"')
            return Broken(path=path, line=at.line, column=at.column)
        self.refuse_extras(event, at)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(at, depth)
        return self.mapping(at, depth)

    def refuse_extras(self, event: yaml.Event, at: Place) -> None:
        if getattr(event, "anchor", None) is not None:
            self.found.add(at, "a & at the start of a value means something else in YAML", suggestion="put the value in quotes")
        if getattr(event, "tag", None) is not None:
            self.found.add(at, "a ! at the start of a value means something else in YAML", suggestion="put the value in quotes")

    def scalar(self, event: yaml.ScalarEvent, at: Place) -> Node:
        text: str = event.value
        if any(not character.isprintable() and character not in "\n\t" for character in text):
            self.found.add(at, "the text holds a hidden character, such as a non-breaking space", suggestion="type the text anew")
            return Broken(path=at.path, line=at.line, column=at.column)
        return Scalar(path=at.path, line=at.line, column=at.column, text=text, is_quoted=event.style is not None)

    def sequence(self, at: Place, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, f"{at.path}[{len(items)}]", depth + 1))
        return Items(path=at.path, line=at.line, column=at.column, items=tuple(items))

    def mapping(self, at: Place, depth: int) -> Section:
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, at.path, depth + 1)
            if not isinstance(key, Scalar):
                if not isinstance(key, Broken):
                    self.found.add(key, "a key must be a word")
                self.node(next(self.events), at.path, depth + 1)
                continue
            path = _below(at.path, key.text)
            place = Place(path, key.line, key.column)
            value = self.node(next(self.events), path, depth + 1)
            if key.text in keys:
                self.found.add(place, f"the key {quoted(key.text)} stands here for the second time; the first is in line {keys[key.text].line}")
                continue
            values[key.text], keys[key.text] = value, place
        return Section(path=at.path, line=at.line, column=at.column, values=values, keys=keys)


def _place(event: yaml.Event, path: str) -> Place:
    mark = event.start_mark
    assert mark is not None  # those of events read from a text never are
    return Place(path, mark.line + 1, mark.column + 1)


def _below(path: str, key: str) -> str:
    """The path of *key*'s value. A long key is cut: every value below repeats it, thousands of times in a hostile file."""
    shown = key if len(key) <= QUOTE_CHARS_MAX else key[:QUOTE_CHARS_MAX] + "…"
    return f"{path}.{shown}" if path else shown


_SENTENCES: Final = (
    ("'\\t' that cannot start any token", "a tab stands here: indent with spaces"),
    ("that cannot start any token", "a value may not start with this character: put the value in quotes"),
    ("while scanning an alias", 'a * at the start of a value means something else in YAML: put it in quotes, as in "*pricing*"'),
    ("while scanning an anchor", "a & at the start of a value means something else in YAML: put the value in quotes"),
    ("mapping values are not allowed here", "this colon is unexpected: check the indentation, or put the value in quotes"),
    ("could not find expected ':'", "a colon is missing after the key in the line before"),
    ("while scanning a quoted scalar", "a quotation mark that opened before here is not closed"),
    ("while scanning a double-quoted scalar", "this escape is unknown inside double quotes: use single quotes"),
    ("while parsing a flow sequence", "a comma or the closing ] is missing"),
    ("while parsing a flow mapping", "a comma or the closing } is missing"),
    ("while parsing a block", "this does not fit the indentation before: keys of one section, and dashes of one list, start in one column"),
    ("expected the node content", "a value is missing here"),
)


def _plain_words(error: yaml.MarkedYAMLError) -> str:
    """What a marketer should do about a syntax error."""
    said = f"{error.context or ''} {error.problem or ''}"
    for sign, sentence in _SENTENCES:
        if sign in said:
            return sentence
    return f"this is no YAML: {(error.problem or error.context or 'it cannot be read').strip()}"
