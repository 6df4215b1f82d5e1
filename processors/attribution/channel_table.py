"""The table of channels, as data: what UTM parameters, click ids and referrers mean. `roads` makes it ready to be asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PATTERNS: Final = ("source", "medium", "campaign", "click_id")
"""What a case may ask of the parameters, each by one or several patterns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: *channel*, where every condition that is there fits. `source_is` is the channel of the source alone."""

    channel: str
    source: tuple[str, ...] = ()
    medium: tuple[str, ...] = ()
    campaign: tuple[str, ...] = ()
    click_id: tuple[str, ...] = ()
    source_is: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTable:
    """Words and the channel each means; where several fit, the first counts. `own` are channels that are not ours."""

    own: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    mediums: Mapping[str, str] = field(default_factory=dict)
    click_ids: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    referrers: Mapping[str, str] = field(default_factory=dict)

    def over(self, other: "ChannelTable") -> "ChannelTable":
        """Both tables as one; of a word that both name, *other* says nothing."""
        return ChannelTable(
            own=(*self.own, *(name for name in other.own if name not in self.own)),
            cases=self.cases + other.cases,
            mediums=_over(self.mediums, other.mediums),
            click_ids=_over(self.click_ids, other.click_ids),
            sources=_over(self.sources, other.sources),
            referrers=_over(self.referrers, other.referrers),
        )


def _over(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    return {**first, **{word: channel for word, channel in second.items() if word not in first}}


def letters(medium: str) -> str:
    """What tells mediums apart: paid-social, Paid Social and paid_social are one. Stars of patterns stay."""
    return "".join(letter for letter in medium.lower() if letter.isalpha() or letter == "*")
