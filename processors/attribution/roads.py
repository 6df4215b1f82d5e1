"""By which road a visitor came: UTM parameters, click ids and referrer become channel and campaign.

What the marketer says (UTM) comes before what an ad platform adds (click ids), and that before what the browser knows
(referrer). Only what arrives with one touchpoint is read; sharing credit among touchpoints is another matter.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from processors.attribution.channels import (
    AFFILIATE,
    AUDIO,
    DIRECT,
    DISPLAY,
    EMAIL,
    EVENT,
    OFFLINE,
    ORGANIC_SEARCH,
    OTHER,
    PAID_SEARCH,
    PAID_SOCIAL,
    PUSH,
    REFERRAL,
    SMS,
    SOCIAL,
    VIDEO,
)
from processors.attribution.referrers import by_referrer, by_source, host_of, is_social, same_site
from schemas.kinds import NO_CHANNEL

CLICK_IDS: Final = {
    "gclid": PAID_SEARCH, "gbraid": PAID_SEARCH, "wbraid": PAID_SEARCH, "gclsrc": PAID_SEARCH, "gad_source": PAID_SEARCH,
    "msclkid": PAID_SEARCH, "dclid": DISPLAY, "li_fat_id": PAID_SOCIAL, "twclid": PAID_SOCIAL, "ttclid": PAID_SOCIAL,
    "rdt_cid": PAID_SOCIAL, "mc_cid": EMAIL, "fbclid": SOCIAL, "igshid": SOCIAL,
}  # fmt: skip
"""Click ids and the road each proves. Facebook marks every link with `fbclid`, paid or not: social, unless UTM says paid."""

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_KNOWN: Final = frozenset(CLICK_IDS) | frozenset(UTM)

_MEDIUMS: Final = {
    "cpc": PAID_SEARCH, "ppc": PAID_SEARCH, "paidsearch": PAID_SEARCH, "sem": PAID_SEARCH, "paid": PAID_SEARCH,
    "paidsocial": PAID_SOCIAL, "cpm": DISPLAY, "display": DISPLAY, "banner": DISPLAY, "retargeting": DISPLAY,
    "programmatic": DISPLAY, "email": EMAIL, "newsletter": EMAIL, "mail": EMAIL, "organic": ORGANIC_SEARCH,
    "organicsearch": ORGANIC_SEARCH, "search": ORGANIC_SEARCH, "social": SOCIAL, "socialmedia": SOCIAL,
    "socialnetwork": SOCIAL, "sm": SOCIAL, "organicsocial": SOCIAL, "referral": REFERRAL, "partner": REFERRAL,
    "link": REFERRAL, "affiliate": AFFILIATE, "affiliates": AFFILIATE, "video": VIDEO, "audio": AUDIO, "podcast": AUDIO,
    "sms": SMS, "push": PUSH, "event": EVENT, "webinar": EVENT, "qr": OFFLINE, "print": OFFLINE, "offline": OFFLINE,
    "none": DIRECT, "direct": DIRECT,
}  # fmt: skip
_PAID: Final = frozenset({"cpc", "ppc", "paid", "cpm"})
"""Mediums that mean paid social when the source is a social network."""
_CHARS_MAX: Final = 256
_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)))
_PARAMETERS_MAX: Final = 200


class Road(NamedTuple):
    """How a visitor came. `marks` are the parameters that prove it: utm_* and click ids."""

    channel: str
    campaign: str | None
    marks: Mapping[str, str]


def road(*, url: str | None, referrer: str | None, search: str | None = None, campaign: Mapping[str, object] | None = None) -> Road:
    """Say by which road a touchpoint came.

    *campaign* is what a library has parsed already (`source`, `medium`, `name`, `content`, `term`) and comes first.
    Neither page nor referrer nor campaign is no road (NO_CHANNEL), and so is a click within the site: the visitor was
    there already.
    """
    if campaign:
        marks = _parameters(url, search) | _of_campaign(campaign)
        if marks:
            return _of_marks(marks, referrer)
    return _by_page(url, referrer, search)


@lru_cache(maxsize=2048)  # a site has few pages and referrers, and many visitors
def _by_page(url: str | None, referrer: str | None, search: str | None) -> Road:
    marks = _parameters(url, search)
    if marks:
        return _of_marks(marks, referrer)
    if referrer:
        within = url is not None and same_site(host_of(referrer), host_of(url))
        return Road(NO_CHANNEL if within else by_referrer(referrer), None, marks)
    return Road(DIRECT if url else NO_CHANNEL, None, marks)


def _of_marks(marks: Mapping[str, str], referrer: str | None) -> Road:
    return Road(_by_marks(marks, referrer), marks.get("utm_campaign") or marks.get("mc_cid"), marks)


def _plain(text: str) -> str:
    """*text* without control characters, which addresses may hold as `%00`."""
    return text if text.isprintable() else text.translate(_CONTROLS).strip()


def _parameters(url: str | None, search: str | None) -> dict[str, str]:
    """The parameters we know, from the query of *url* and from *search*; the first of a name counts."""
    found: dict[str, str] = {}
    query = url.partition("?")[2].partition("#")[0] if url and "?" in url else ""
    if search and (more := search.lstrip("?")) != query:
        query = f"{query}&{more}"
    for pair in query.split("&", _PARAMETERS_MAX)[:_PARAMETERS_MAX] if query else ():
        name, _, value = pair.partition("=")
        if value and (name := name.lower()) in _KNOWN:
            text = _plain((unquote_plus(value) if "%" in value or "+" in value else value)[:_CHARS_MAX])
            if text:
                found.setdefault(name, text)
    return found


def _of_campaign(campaign: Mapping[str, object]) -> dict[str, str]:
    """What a library parsed, under the parameters' names: Segment writes `name` for utm_campaign."""
    said = {name: campaign.get(name[4:]) for name in UTM} | {"utm_campaign": campaign.get("name") or campaign.get("campaign")}
    return {name: text for name, value in said.items() if isinstance(value, str) and (text := _plain(value[:_CHARS_MAX]))}


def _by_marks(marks: Mapping[str, str], referrer: str | None) -> str:
    medium = "".join(filter(str.isalpha, marks.get("utm_medium", "").lower()))
    source = marks.get("utm_source", "").lower()
    if medium in _MEDIUMS:
        return PAID_SOCIAL if medium in _PAID and is_social(source) else _MEDIUMS[medium]
    for name, channel in CLICK_IDS.items():
        if name in marks:
            return channel
    if medium:
        return OTHER
    return by_source(source) or (by_referrer(referrer) if referrer else OTHER)
