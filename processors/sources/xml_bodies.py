"""Reading XML bodies: elements, attributes and text, and nothing else that XML allows.

No document type, so no entities: nothing is fetched, and nothing grows while it is read. Namespaces are not told apart:
prefixes differ from sender to sender, and are left out.
"""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from processors.sources.signal import Unusable

LEVELS_MAX: Final = 16
ELEMENTS_MAX: Final = 30_000


@dataclass(slots=True)
class Element:
    """One element, named without prefix; `start` and `end` are where its bytes lie in the body."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int = 0
    text: str = ""
    inner: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        """The elements of that *name* directly within."""
        return [each for each in self.inner if each.name == name]

    def first(self, *names: str) -> "Element | None":
        """The first element under *names*, one within the other."""
        found: Element | None = self
        for name in names:
            found = next(iter(found.all(name)), None) if found is not None else None
        return found

    def said(self, name: str) -> str | None:
        """The text of the first element of that *name*; None where there is none, or an empty one."""
        found = self.first(name)
        return None if found is None else found.text.strip() or None


def read(body: bytes) -> Element:
    """The outermost element of *body*, in UTF-8. Raises Unusable."""
    if b"\0" in body:  # UTF-16, which the parser would know by its first bytes
        raise _no_xml("")
    builder = _Builder(body)
    try:
        builder.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise _no_xml(f" (line {error.lineno}, column {error.offset})") from None
    return builder.outermost.inner[0]


def _no_xml(where: str) -> Unusable:
    return Unusable("body", "no_xml", f"body: is no well-formed XML in UTF-8{where}")


class _Builder:
    """Takes what the parser tells, in its order."""

    def __init__(self, body: bytes) -> None:
        self.outermost = Element("", {}, 0)
        self._body = body
        self._open: list[tuple[Element, list[str]]] = [(self.outermost, [])]
        self._elements = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._document_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _document_type(self, *_said: object) -> None:
        raise Unusable("body", "document_type", "body: holds a document type, which is not read; send elements alone")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) > LEVELS_MAX:
            raise Unusable("body", "nested_too_deep", f"body: is nested deeper than {LEVELS_MAX} elements")
        if self._elements > ELEMENTS_MAX:
            raise Unusable("body", "too_many_elements", f"body: has more than {ELEMENTS_MAX} elements; send fewer at once")
        found = Element(_local(name), {_local(each): value for each, value in attributes.items()}, self.parser.CurrentByteIndex)
        self._open[-1][0].inner.append(found)
        self._open.append((found, []))

    def _end(self, _name: str) -> None:
        at = self.parser.CurrentByteIndex
        ended, parts = self._open.pop()
        ended.text = "".join(parts)
        # Of <a/> the parser says where it ends, of others where </a> begins.
        whole = not ended.inner and not ended.text and self._body.endswith(b"/>", 0, at)
        ended.end = at if whole else self._body.index(b">", at) + 1

    def _text(self, text: str) -> None:
        self._open[-1][1].append(text)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
