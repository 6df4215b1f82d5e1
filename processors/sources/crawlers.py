"""Programs that visit pages, known by their user agents: the package crawler-user-agents says which.

Most of its 1,500 patterns are plain words. Those are matched as one tree, which goes on only where a word can; in one
flat alternation each place in a user agent would ask for every word. Few user agents are many visitors', so answers are kept.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from processors.sources.signal import Signal

CRAWLER: Final = "crawler"
"""Why an event is ignored: a known crawler did it."""
CHARS_MAX: Final = 1024
_ESCAPED: Final = re.compile(r"\\([^A-Za-z0-9])")
_SPECIAL: Final = re.compile(r"[\\\[\](){}|^$*+?.]")
_BY_PAGES: Final = ("origin", "referer")
"""Headers that browsers, and crawlers that run pages, send; servers' libraries do not."""
_Tree: TypeAlias = dict[str, Any]


def at(signal: Signal, said: object = None, *, people: Iterable[str] = ()) -> bool:
    """Whether a known crawler did it: by the user agent that the event *said*, else by the request's, where a page sent it.

    A server that tells of its visitors has a user agent of its own (`python-requests`), which is no visitor's. *people*
    are words of user agents that are let in all the same: one's own monitoring, say.
    """
    if not isinstance(said, str) or not said:
        headers = signal.headers
        if not any(name in headers for name in _BY_PAGES):
            return False
        said = headers.get("user-agent", "")
    return is_crawler(said[:CHARS_MAX]) and not any(word in said for word in people)


@lru_cache(maxsize=16_384)
def is_crawler(user_agent: str) -> bool:
    """Whether the package's patterns, which tell capitals from small letters, match *user_agent*."""
    words, others = _patterns()
    return words.search(user_agent) is not None or others.search(user_agent) is not None


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    patterns = [each["pattern"] for each in CRAWLER_USER_AGENTS_DATA]
    words = [_ESCAPED.sub(r"\1", each) for each in patterns if _is_word(each)]
    return re.compile(_expression(_tree(words))), re.compile("|".join(each for each in patterns if not _is_word(each)) or r"(?!)")


def _is_word(pattern: str) -> bool:
    return _SPECIAL.search(_ESCAPED.sub("", pattern)) is None


def _tree(words: Iterable[str]) -> _Tree:
    root: _Tree = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return root


def _expression(node: _Tree) -> str:
    """Any of the words below *node*; one that begins with another needs no more than the other."""
    if "" in node:
        return ""
    branches = [re.escape(letter) + _expression(below) for letter, below in sorted(node.items())]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
