"""The coded attributes of a profile and every value each may have: what facts carry and what the fit may ask.

Nothing here is free text and nothing points to a person; a value outside the vocabulary does not exist.
"""

import math
from dataclasses import dataclass
from typing import Final

from processors.profile.countries import COUNTRIES

ROLES: Final = ("c_level", "vp", "director", "manager", "specialist", "student", "other")
FUNCTIONS: Final = ("marketing", "sales", "it", "finance", "operations", "hr", "other")
INDUSTRIES: Final = (
    "advertising", "aerospace", "agriculture", "automotive", "chemicals", "construction", "consulting", "consumer_goods",
    "ecommerce", "education", "energy", "engineering", "finance", "food", "healthcare", "hospitality", "insurance",
    "it_services", "legal", "logistics", "manufacturing", "media", "nonprofit", "pharma", "public_sector", "real_estate",
    "retail", "software", "telecommunications", "travel", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Band:
    """Whole numbers from `least` to `most`, both included; None: no upper end."""

    least: int
    most: int | None

    @property
    def code(self) -> str:
        return f"{self.least}+" if self.most is None else f"{self.least}-{self.most}"


def _bands(*starts: int) -> tuple[Band, ...]:
    ends = [start - 1 for start in starts[1:]]
    return tuple(Band(least, most) for least, most in zip(starts, [*ends, None], strict=True))


BANDS: Final = {
    "size": _bands(1, 11, 51, 201, 1001),  # employees
    "age": _bands(0, 20, 30, 40, 50, 60, 70),  # years
    "budget": _bands(0, 1_000, 10_000, 50_000, 250_000),  # of whatever currency the business asks in
    "timeframe": _bands(0, 2, 4, 7, 13),  # months until they want to buy
}

CODES: Final[dict[str, tuple[str, ...]]] = {
    "role": ROLES,
    "function": FUNCTIONS,
    "industry": INDUSTRIES,
    "size": tuple(band.code for band in BANDS["size"]),
    "country": tuple(COUNTRIES),
    "age": tuple(band.code for band in BANDS["age"]),
    "budget": tuple(band.code for band in BANDS["budget"]),
    "timeframe": tuple(band.code for band in BANDS["timeframe"]),
}
"""The attributes, each with its values; of bands in rising order."""


def band_of(attribute: str, number: float) -> str | None:
    """The band of *attribute* that *number* falls into, if it falls into one."""
    if not math.isfinite(number):
        return None
    whole = math.floor(number)
    for band in BANDS[attribute]:
        if band.least <= whole and (band.most is None or whole <= band.most):
            return band.code
    return None
