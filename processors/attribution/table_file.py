"""The file of the table of channels: YAML as marketing edits it, read into a `ChannelTable`, or every problem of it at once.

docs/channels.md explains the file to its authors. It is read as the scoring model is, so problems read alike.
"""

import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Final

import yaml

from processors.attribution import channels
from processors.attribution.channel_table import PATTERNS, Case, ChannelTable, letters
from processors.model.problems import Findings, ModelProblems, quoted
from processors.model.values import items, names, section, text
from processors.model.yaml_tree import Broken, Node, Scalar, Section, read
from schemas.kinds import NO_CHANNEL

SECTIONS: Final = ("mediums", "click_ids", "sources", "referrers")
KEYS: Final = ("channels", "cases", *SECTIONS)
_OF_A_CASE: Final = ("channel", *PATTERNS, "source_is")
_CLICK_ID: Final = re.compile(r"[a-z0-9_.-]+")
_REFERRER: Final = re.compile(r"\*/[^\s*]+|[^\s*/:@]+(\.\*)?")


def load(text_of_file: str, *, name_of_file: str = "channels") -> ChannelTable:
    """Read a table. Raises ModelProblems, holding every problem; no other exception, whatever the text."""
    found = Findings()
    top = read(text_of_file, found, what="table of channels")
    made = None if top is None else _Reader(found).table(top)
    if made is None or found.problems:
        raise ModelProblems(found.problems, name_of_file=name_of_file)
    return made


def shipped() -> ChannelTable:
    """The table that comes with the product."""
    return load(resources.files("processors.attribution").joinpath("channels.yaml").read_text(encoding="utf-8"), name_of_file="channels.yaml")


def dump(table: ChannelTable) -> str:
    """Write *table* as YAML, to be read by people. Of words under several channels it does not say which comes first."""
    top: dict[str, object] = {"channels": list(table.own)} if table.own else {}
    if table.cases:
        asked = [{name: getattr(case, name) for name in _OF_A_CASE} for case in table.cases]
        top["cases"] = [{name: list(said) if isinstance(said, tuple) else said for name, said in case.items() if said} for case in asked]
    for name in SECTIONS:
        words: dict[str, list[str]] = {}
        for word, channel in getattr(table, name).items():
            words.setdefault(channel, []).append(word)
        if words:
            top[name] = words
    text_of_file: str = yaml.safe_dump(top, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text_of_file


class _Reader:
    def __init__(self, found: Findings) -> None:
        self._found = found
        self._known: tuple[str, ...] = (*channels.KNOWN, NO_CHANNEL)

    def table(self, top: Node) -> ChannelTable:
        values = section(top, self._found, what="a table of channels", keys=KEYS, needs={})
        own = tuple(word for word, _ in names(values.get("channels"), self._found, what="a channel"))
        self._known += own
        return ChannelTable(
            own=own,
            cases=self._cases(values.get("cases")),
            mediums=self._words(values.get("mediums"), self._medium),
            click_ids=self._words(values.get("click_ids"), self._click_id),
            sources=self._words(values.get("sources"), self._source),
            referrers=self._words(values.get("referrers"), self._referrer),
        )

    def _channel(self, node: Node | None) -> str | None:
        said = text(node, self._found, what="the channel")
        if said is None or node is None or said in self._known:
            return said
        self._found.unknown(node, "the channel", said, known=self._known, remedy=f"a channel of your own is named first, as in channels: [{said}]")
        return None

    def _cases(self, node: Node | None) -> tuple[Case, ...]:
        return tuple(made for each in items(node, self._found, what="cases") if (made := self._case(each)) is not None)

    def _case(self, node: Node) -> Case | None:
        values = section(node, self._found, what="a case", keys=_OF_A_CASE, needs={"channel": "the channel it means, as in channel: affiliate"})
        if isinstance(node, Section) and not node.keys.keys() & {*PATTERNS, "source_is"}:
            self._found.add(node, "a case needs a condition, or it would decide everything", suggestion=f"one of {', '.join((*PATTERNS, 'source_is'))}")
        asked = {name: self._patterns(values.get(name), name) for name in PATTERNS}
        source_is = self._channel(values.get("source_is"))
        channel = self._channel(values.get("channel"))
        return None if channel is None else Case(channel=channel, source_is=source_is, **asked)

    def _patterns(self, node: Node | None, name: str) -> tuple[str, ...]:
        nodes = (node,) if isinstance(node, Scalar) else items(node, self._found, what=name)
        read_as: Callable[[str], str] = letters if name == "medium" else str.lower
        said = [(each, read_as(word)) for each in nodes if (word := text(each, self._found, what=f"a {name}")) is not None]
        for each, word in said:
            if not word:
                self._found.add(each, f"this {name} has no letters, by which mediums are told apart")
        return tuple(word for _, word in said)

    def _words(self, node: Node | None, reader: Callable[[Node, str], str | None]) -> Mapping[str, str]:
        """Read lists of words under their channels."""
        if node is None or isinstance(node, Broken):
            return {}
        if not isinstance(node, Section):
            self._found.add(node, f"{node.path} is a section of channels, each with its words", suggestion="as in social: [facebook, xing]")
            return {}
        read_words: dict[str, str] = {}
        for channel, place in node.keys.items():
            if channel not in self._known:
                remedy = f"a channel of your own is named first, as in channels: [{channel}]"
                self._found.unknown(place, "the channel", channel, known=self._known, remedy=remedy)
            value = node.values[channel]
            for each in (value,) if isinstance(value, Scalar) else items(value, self._found, what=value.path):
                said = text(each, self._found, what="a word")
                word = None if said is None else reader(each, said.lower())
                if word is None:
                    continue
                if (before := read_words.setdefault(word, channel)) != channel:
                    self._found.add(each, f"{quoted(word)} stands under {before} already: one word means one channel")
        return read_words

    def _medium(self, node: Node, said: str) -> str | None:
        if "*" in said or not letters(said):
            self._found.add(node, f"the medium {quoted(said)} must be a word of letters", suggestion="a case may ask for a pattern, as in medium: cpc*")
            return None
        return letters(said)

    def _click_id(self, node: Node, said: str) -> str | None:
        if not _CLICK_ID.fullmatch(said) or said.startswith("utm_"):
            self._found.add(node, f"the click id {quoted(said)} must be the name of a parameter", suggestion="as in gclid; utm_ parameters have sections of their own")
            return None
        return said

    def _source(self, _node: Node, said: str) -> str:
        return said

    def _referrer(self, node: Node, said: str) -> str | None:
        host = said.partition("://")[2] or said
        if _REFERRER.fullmatch(said) and not said.startswith("www."):
            return said
        bare = host.removeprefix("www.").partition("/")[0]
        hint = f"write {bare}" if _REFERRER.fullmatch(bare) else 'as in partner, partner.com, mail.* or "*/webmail"'
        self._found.add(node, f"the referrer {quoted(said)} must be a name, a host, the beginning of hosts or of paths", suggestion=hint)
        return None
