"""By which road a visitor came: UTM parameters, click ids and referrer become channel and campaign.

What the marketer says (UTM) comes before what an ad platform adds (click ids), and that before what the browser knows
(referrer). Only what arrives with one touchpoint is read; sharing credit among touchpoints is another matter.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from processors.attribution import table_file
from processors.attribution.channel_table import PATTERNS, Case, ChannelTable, letters
from processors.attribution.channels import DIRECT, OTHER, REFERRAL
from processors.attribution.referrers import Match, Referrers, host_of, path_of, same_site
from processors.model.conditions import Check, check_of
from schemas.kinds import NO_CHANNEL

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_UTM: Final = frozenset(UTM)
_CHARS_MAX: Final = 256
_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)))
_PARAMETERS_MAX: Final = 200
_REMEMBERED: Final = 2048
"""A site has few pages, referrers and campaigns, and many visitors."""


class Road(NamedTuple):
    """How a visitor came. `marks` are the parameters that prove it, utm_* and click ids; `because` says what decided."""

    channel: str
    campaign: str | None
    marks: Mapping[str, str]
    because: str = ""


class _Decided(NamedTuple):
    channel: str
    because: str


class _Asked(NamedTuple):
    """What of the marks decides; all in lower case, the medium by its letters."""

    source: str
    medium: str
    campaign: str
    click_ids: tuple[str, ...]


class Channels:
    """A table of channels, made ready once to be asked of every touchpoint."""

    def __init__(self, table: ChannelTable) -> None:
        self.table = table
        self._known = _UTM | frozenset(table.click_ids)
        self._ranks = {name: rank for rank, name in enumerate(table.click_ids)}
        self._sources = {word: channel for word, channel in table.sources.items() if "*" not in word}
        self._patterns = tuple((word, check_of("matches", (word,), 0), channel) for word, channel in table.sources.items() if "*" in word)
        self._referrers = Referrers(table.referrers)
        self._cases = tuple(map(_ReadyCase, table.cases))
        self._by_page = lru_cache(maxsize=_REMEMBERED)(self._page)
        self._by_marks = lru_cache(maxsize=_REMEMBERED)(self._decide)

    def road(
        self,
        *,
        url: str | None = None,
        referrer: str | None = None,
        search: str | None = None,
        campaign: Mapping[str, object] | None = None,
        said: Mapping[str, object] | None = None,
    ) -> Road:
        """Say by which road a touchpoint came.

        *campaign* is what a library has parsed already (`source`, `medium`, `name`, `content`, `term`) and comes first;
        *said* may hold parameters by their own names, as tools hand them on, and comes last. Neither page nor referrer nor
        campaign is no road (NO_CHANNEL), and so is a click within the site: the visitor was there already.
        """
        parsed = _of_campaign(campaign) if campaign else None
        named = self._of_names(said) if said else None
        if parsed or named:
            marks = self._parameters(url, search)
            if parsed:
                marks.update(parsed)
            return self._of_marks(named | marks if named else marks, referrer)
        return self._by_page(url, referrer, search)

    def _page(self, url: str | None, referrer: str | None, search: str | None) -> Road:
        marks = self._parameters(url, search)
        if marks:
            return self._of_marks(marks, referrer)
        if not referrer:
            return Road(DIRECT, None, marks, "a page, and nothing that led there") if url else Road(NO_CHANNEL, None, marks, "no page")
        if url is not None and same_site(host_of(referrer), host_of(url)):
            return Road(NO_CHANNEL, None, marks, "a click within the site")
        decided = self._by_referrer(referrer)
        return Road(decided.channel, None, marks, decided.because)

    def _of_marks(self, marks: Mapping[str, str], referrer: str | None) -> Road:
        said = marks.get
        campaign = said("utm_campaign")
        decided = self._by_marks(said("utm_source"), said("utm_medium"), campaign, tuple([name for name in marks if name not in _UTM]), referrer)
        return Road(decided.channel, campaign or said("mc_cid"), marks, decided.because)

    def _decide(self, source: str | None, medium: str | None, campaign: str | None, click_ids: tuple[str, ...], referrer: str | None) -> _Decided:
        ranked = tuple(sorted(click_ids, key=self._ranks.__getitem__))
        asked = _Asked((source or "").lower(), letters(medium or ""), (campaign or "").lower(), ranked)
        by_source = self._by_source(asked.source) if asked.source else None
        for number, case in enumerate(self._cases, 1):
            if case.fits(asked, by_source):
                return _Decided(case.channel, f"case {number}")
        if asked.medium in self.table.mediums:
            return _Decided(self.table.mediums[asked.medium], f"utm_medium {asked.medium}")
        for name in asked.click_ids:
            return _Decided(self.table.click_ids[name], f"click id {name}")
        if asked.medium:
            return _Decided(OTHER, f"utm_medium {asked.medium} is in no list")
        if by_source is not None:
            return _Decided(by_source.channel, f"utm_source {asked.source}, by {by_source.word}")
        return self._by_referrer(referrer) if referrer else _Decided(OTHER, "parameters that are in no list")

    def _by_source(self, source: str) -> Match | None:
        """What is known of a campaign's source, a host or a bare name."""
        if (channel := self._sources.get(source)) is not None:
            return Match(channel, source)
        host = source.removeprefix("www.")
        if (match := self._referrers.of(host)) is not None:
            return match
        for word, fits, channel in self._patterns:
            if fits(source):
                return Match(channel, word)
        return Match(REFERRAL, "a host that is in no list") if "." in host else None

    def _by_referrer(self, referrer: str) -> _Decided:
        host = host_of(referrer)
        if not host:
            return _Decided(DIRECT, "a referrer without a host")
        match = self._referrers.of(host, path_of(referrer))
        return _Decided(REFERRAL, f"referrer {host}, in no list") if match is None else _Decided(match.channel, f"referrer {host}, by {match.word}")

    def _parameters(self, url: str | None, search: str | None) -> dict[str, str]:
        """The parameters we know, from the query of *url* and from *search*; the first of a name counts."""
        found: dict[str, str] = {}
        query = url.partition("?")[2].partition("#")[0] if url and "?" in url else ""
        if search and (more := search.lstrip("?")) != query:
            query = f"{query}&{more}"
        for pair in query.split("&", _PARAMETERS_MAX)[:_PARAMETERS_MAX] if query else ():
            name, _, value = pair.partition("=")
            if value and (name := name.lower()) in self._known:
                text = _plain(unquote_plus(value) if "%" in value or "+" in value else value)
                if text:
                    found.setdefault(name, text)
        return found

    def _of_names(self, said: Mapping[str, object]) -> dict[str, str]:
        """The parameters we know among others by their names, as a tool has taken them from an address."""
        return {name: text for name in self._known if isinstance(value := said.get(name), str) and (text := _plain(value))}


@cache
def shipped() -> Channels:
    """By the table that comes with the product."""
    return Channels(table_file.shipped())


class _ReadyCase:
    """A case, ready to be asked."""

    def __init__(self, case: Case) -> None:
        self.channel = case.channel
        self._source_is = case.source_is
        self._source, self._medium, self._campaign, self._click_id = (_check(getattr(case, name)) for name in PATTERNS)

    def fits(self, asked: _Asked, by_source: Match | None) -> bool:
        return (
            (self._source_is is None or (by_source is not None and by_source.channel == self._source_is))
            and (self._source is None or self._source(asked.source))
            and (self._medium is None or self._medium(asked.medium))
            and (self._campaign is None or self._campaign(asked.campaign))
            and (self._click_id is None or any(map(self._click_id, asked.click_ids)))
        )


def _check(patterns: tuple[str, ...]) -> Check | None:
    """Whether a parameter fits; one that is not there fits nothing, not even a star."""
    if not patterns:
        return None
    fits = check_of("matches", patterns, 0)
    return lambda said: bool(said) and fits(said)


def _of_campaign(campaign: Mapping[str, object]) -> dict[str, str]:
    """What a library parsed, under the parameters' names: Segment writes `name` for utm_campaign."""
    said = {name: campaign.get(name[4:]) for name in UTM} | {"utm_campaign": campaign.get("name") or campaign.get("campaign")}
    return {name: text for name, value in said.items() if isinstance(value, str) and (text := _plain(value))}


def _plain(text: str) -> str:
    """*text*, cut, and without control characters, which addresses may hold as `%00`."""
    text = text[:_CHARS_MAX]
    return text if text.isprintable() else text.translate(_CONTROLS).strip()
