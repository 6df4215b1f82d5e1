"""Hosts: which road an external referrer is by the table of channels, and what belongs to one site."""

from collections.abc import Mapping
from typing import Final, NamedTuple

_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "or", "ne"})
_PATH: Final = "*/"
_BEGINNING: Final = ".*"


class Match(NamedTuple):
    """The channel, and the word of the table that told it."""

    channel: str
    word: str


class Referrers:
    """The referrers of a table, sorted by how they are looked up."""

    def __init__(self, words: Mapping[str, str]) -> None:
        every = {word: Match(channel, word) for word, channel in words.items()}
        self._paths = tuple((word[len(_PATH) :], match) for word, match in every.items() if word.startswith(_PATH))
        self._beginnings = {word.removesuffix(_BEGINNING): match for word, match in every.items() if word.endswith(_BEGINNING)}
        self._hosts = {word: match for word, match in every.items() if "." in word and "*" not in word}
        self._names = {word: match for word, match in every.items() if "." not in word and "*" not in word}

    def of(self, host: str, path: str = "") -> Match | None:
        """What is known of *host*, or of a bare name; *path* without its first slash. None of one that nobody named."""
        if "." not in host:
            return self._names.get(host)
        rest = host
        while rest:
            if (match := self._hosts.get(rest)) is not None:
                return match
            rest = rest.partition(".")[2]
        first = host.partition(".")[0].rstrip("0123456789")
        if (match := self._beginnings.get(first)) is not None:
            return match
        for beginning, match in self._paths:
            if path.startswith(beginning):
                return match
        return self._names.get(_registered(host)[0])


def host_of(url: str) -> str:
    """The host in *url*, in lower case, without user, port and `www.`; empty where there is none."""
    _, slashes, rest = url.partition("//")
    if not slashes:
        return ""
    for end in "/?#":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2].partition(":")[0].lower().removeprefix("www.")


def path_of(url: str) -> str:
    """What follows the host in *url*, without its first slash."""
    return url.partition("//")[2].partition("/")[2]


def same_site(one: str, other: str) -> bool:
    """Whether two hosts are parts of one site: equal from the registered name on."""
    return bool(one) and (one == other or _registered(one) == _registered(other))


def _registered(host: str) -> list[str]:
    labels = host.split(".")
    return labels[-3:] if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else labels[-2:]
