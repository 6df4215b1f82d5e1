"""Numbers as people write them in forms: "51-200", "1,001+", "10k", "< 50", "bis 3 Monate"."""

import re
from typing import Final, NamedTuple

_GROUPED: Final = re.compile(r"(?<=\d)[.,' \u00a0\u202f](?=\d{3}(?!\d))")
_NUMBER: Final = re.compile(r"(?<![a-z\d])(\d{1,12})(?:[.,](\d{1,6}))? ?(k|tsd|m|mio|mn|million|millions|millionen|thousand|mille|mil)?(?![a-z])")
_SCALES: Final = {"k": 1e3, "tsd": 1e3, "thousand": 1e3, "mille": 1e3, "mil": 1e3}
_BELOW: Final = re.compile(r"<|\b(less than|under|below|fewer than|weniger als|unter|moins de|menos de)\b")
_UP_TO: Final = re.compile(r"≤|\b(up to|at most|max|maximum|within|bis|bis zu|jusqu a|hasta|innerhalb|in the next|dans|en)\b")
_ABOVE: Final = re.compile(r">|\+|\b(more than|over|above|mehr als|uber|ueber|plus de|mas de|and more|or more|und mehr)\b")


class Span(NamedTuple):
    """From `least` to `most`; an open end is None."""

    least: float | None
    most: float | None


def span(words: str, *, scaled: bool = True) -> Span | None:
    """What *words* (lower case) say: one number, a range, or an open range. None where they say no number.

    "50+" and "more than 50" begin behind 50, "under 50" ends before it. Without *scaled*, k and m are no thousands.
    """
    if words.lstrip().startswith(("-", "\u2212")):
        return None
    found = [_value(match, scaled=scaled) for match in _NUMBER.finditer(_GROUPED.sub("", words))]
    if not found or len(found) > 2:
        return None
    if len(found) == 2:
        return Span(min(found), max(found))
    number = found[0]
    if _ABOVE.search(words):
        return Span(number + 1, None)
    if _BELOW.search(words):
        return Span(None, max(number - 1, 0))
    if _UP_TO.search(words):
        return Span(None, number)
    return Span(number, number)


def _value(match: re.Match[str], *, scaled: bool) -> float:
    number = float(f"{match[1]}.{match[2] or 0}")
    return number * _SCALES.get(match[3], 1e6) if scaled and match[3] else number
