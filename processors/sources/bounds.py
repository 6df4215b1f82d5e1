"""How much a touchpoint may hold, and in what shape: identifiers, texts, and flat maps of texts.

Too much of a good thing is cut and marked (property `shortened` names the fields); what is beyond reason is rejected,
naming the field. Control characters, NUL among them, are taken out of texts, and refused in identifiers: two leads must
not look alike.
"""

from collections.abc import Mapping
from typing import Final

from processors.sources.signal import Unusable
from schemas.touchpoint import IDENTIFIER_CHARS_MAX

TEXT_CHARS_MAX: Final = 1024
TEXT_CHARS_REFUSED: Final = 32_768
NAME_CHARS_MAX: Final = 64
ENTRIES_MAX: Final = 64
LEVELS_MAX: Final = 3
INTEGER_BITS_MAX: Final = 128
SHORTENED: Final = "shortened"

PLACEHOLDERS: Final = frozenset({
    "null", "none", "nil", "undefined", "nan", "[object object]", "true", "false", "anonymous", "guest", "unknown",
    "0", "-1", "00000000-0000-0000-0000-000000000000",
})  # fmt: skip
"""What faulty pages send where an identifier should be. Taken as one, all their visitors would be a single lead."""

_KEPT_CONTROLS = {10, 9}
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in _KEPT_CONTROLS}


def identifier(said: str | int | None, field: str) -> str | None:
    """Read an identifier; None where it is absent, empty or a placeholder."""
    if said is None:
        return None
    text = (said if isinstance(said, str) else number(said, field)).strip()
    if not text or text.lower() in PLACEHOLDERS:
        return None
    if len(text) > IDENTIFIER_CHARS_MAX:
        raise Unusable(field, "too_long", f"{field}: an identifier has at most {IDENTIFIER_CHARS_MAX} characters")
    if not text.isprintable():
        raise Unusable(field, "unprintable", f"{field}: an identifier holds no control or invisible characters")
    return text


def number(said: float, field: str) -> str:
    """Write a number as text: integers of any size exactly, whole floats without their `.0`."""
    if isinstance(said, int):
        if said.bit_length() > INTEGER_BITS_MAX:
            raise Unusable(field, "too_long", f"{field}: an integer has at most {INTEGER_BITS_MAX} bits; send it as text")
        return str(said)
    return str(int(said)) if said.is_integer() and abs(said) < 1e15 else repr(said)


def clean(text: str) -> str:
    """Take control characters out of *text*."""
    return text if text.isprintable() else text.translate(_CONTROLS).strip()


class Texts:
    """A flat map of texts being filled, within bounds. `field` is its path as the sender writes it."""

    __slots__ = ("entries", "field", "shortened")

    def __init__(self, field: str) -> None:
        self.field = field
        self.entries: dict[str, str] = {}
        self.shortened: list[str] = []

    def take(self, said: Mapping[str, object], prefix: str = "", level: int = 1) -> None:
        """Flatten *said*: nested names are joined by dots, lists of scalars by commas; absent and empty values are left out."""
        entries = self.entries
        for name, value in said.items():
            if (
                type(value) is str
                and 0 < len(value) <= TEXT_CHARS_MAX
                and value.isprintable()
                and not prefix
                and 0 < len(name) <= NAME_CHARS_MAX
                and name.isprintable()
                and len(entries) < ENTRIES_MAX
            ):
                entries[name] = value
            else:
                self._take_slowly(prefix + name, value, level)

    def put(self, name: str, value: object) -> None:
        """Add one entry unless there is one of that name, or nothing to say."""
        if value is None or name in self.entries:
            return
        if type(value) is str and 0 < len(value) <= TEXT_CHARS_MAX and value.isprintable() and len(self.entries) < ENTRIES_MAX:
            self.entries[name] = value
        else:
            self._take_slowly(name, value, 1)

    def result(self) -> dict[str, str]:
        """The map, with the mark of what was cut."""
        if self.shortened:
            self.entries[SHORTENED] = ",".join(self.shortened[:8])[:TEXT_CHARS_MAX]
        return self.entries

    def _take_slowly(self, name: str, value: object, level: int) -> None:
        name = self._name(name)
        if isinstance(value, Mapping):
            if level < LEVELS_MAX:
                self.take(value, name + ".", level + 1)
            elif value:
                self.shortened.append(name)
            return
        text = self._text(name, value)
        if not text:
            return
        if len(self.entries) >= ENTRIES_MAX and name not in self.entries:
            if len(self.shortened) < ENTRIES_MAX:
                self.shortened.append(name)
            return
        self.entries[name] = text

    def _name(self, name: str) -> str:
        if len(name) > TEXT_CHARS_MAX:
            raise Unusable(self.field, "too_long", f"{self.field}: a name in it has more than {TEXT_CHARS_MAX} characters")
        return clean(name)[:NAME_CHARS_MAX]

    def _text(self, name: str, value: object) -> str | None:
        if isinstance(value, str):
            return self._bounded(name, clean(self._within_reason(name, value)))
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return number(value, f"{self.field}.{name}")
        if isinstance(value, list):
            scalars = [text for each in value[:ENTRIES_MAX] if not isinstance(each, list | Mapping) and (text := self._text(name, each))]
            if len(scalars) < len(value):
                self.shortened.append(name)
            return self._bounded(name, ",".join(scalars))
        return None

    def _within_reason(self, name: str, text: str) -> str:
        if len(text) > TEXT_CHARS_REFUSED:
            field = f"{self.field}.{name}"
            raise Unusable(field, "too_long", f"{field}: has {len(text)} characters, at most {TEXT_CHARS_REFUSED} are read")
        return text

    def _bounded(self, name: str, text: str) -> str:
        if len(text) <= TEXT_CHARS_MAX:
            return text
        self.shortened.append(name)
        return text[:TEXT_CHARS_MAX]


def line(said: object, field: str, chars_max: int = 256) -> str | None:
    """Read one short text, such as a name or a campaign: a scalar, cut to *chars_max*; None where there is none."""
    if said is None or isinstance(said, bool | list | Mapping):
        return None
    if isinstance(said, int | float):
        return number(said, field)
    text = str(said)
    if len(text) > TEXT_CHARS_REFUSED:
        raise Unusable(field, "too_long", f"{field}: has {len(text)} characters, at most {TEXT_CHARS_REFUSED} are read")
    return clean(text).strip()[:chars_max] or None
