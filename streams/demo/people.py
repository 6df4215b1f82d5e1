"""The people who come: what they are after, which devices they use, who they are once they say so.

A device belongs to one person, a person has one address and at most one id in the CRM, and a person's devices become
known in different weeks, so what the leads come to does not depend on which of two logs was read first.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from streams.demo import company
from streams.demo.chance import Chance

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS


class Interest(Enum):
    """What brings someone: most just look."""

    PASSING = "passing"
    JOB = "job"
    RIVAL = "rival"
    RESEARCH = "research"
    BUYING = "buying"


_SHARES: Final = {
    Interest.PASSING: 0.795, Interest.JOB: 0.03, Interest.RIVAL: 0.005, Interest.RESEARCH: 0.135, Interest.BUYING: 0.035,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One visitor of the quarter. `devices` are the ids of their browsers, the first one theirs from the beginning."""

    number: int
    interest: Interest
    chance: Chance
    devices: tuple[str, ...]
    first: str
    last: str
    domain: str
    title: str
    industry: str
    employees: str
    country: str

    @property
    def email(self) -> str:
        return f"{self.first}.{self.last}.{self.number}@{self.domain}".lower()

    @property
    def crm_id(self) -> str:
        return "crm-" + self.chance.of("crm").name()[:16]

    def traits(self) -> dict[str, Any]:
        """What a form asks."""
        return {
            "email": self.email, "firstName": self.first, "lastName": self.last, "title": self.title,
            "company": {"name": self.domain.partition(".")[0], "industry": self.industry, "employees": self.employees},
            "country": self.country,
        }  # fmt: skip

    def profile(self) -> dict[str, str]:
        """The same as a CRM keeps it."""
        return {"job_title": self.title, "industry": self.industry, "employees": self.employees, "country": self.country}


def person(seed: int, number: int) -> Person:
    """The *number*th visitor of the quarter that *seed* names; the others have no part in it."""
    chance = Chance("quarter", seed, "person", number)
    interest = chance.weigh(_SHARES)
    second = interest in (Interest.RESEARCH, Interest.BUYING) and chance.happens(0.3)
    domain = f"{chance.pick(company.FIRMS)}.example" if interest is not Interest.RIVAL else company.RIVAL
    return Person(
        number=number,
        interest=interest,
        chance=chance,
        devices=tuple(chance.of("device", n).name() for n in range(2 if second else 1)),
        first=chance.pick(company.FIRST_NAMES),
        last=chance.pick(company.LAST_NAMES),
        domain=domain,
        title=chance.weigh(company.TITLES),
        industry=chance.pick(company.INDUSTRIES),
        employees=chance.weigh(company.EMPLOYEES),
        country=chance.weigh(company.COUNTRIES),
    )


def moment(chance: Chance, day: int) -> int:
    """An instant of the day that begins at *day* at which people are about."""
    hour = chance.weigh(dict(enumerate(company.HOURS)))
    return day + hour * HOUR_MS + int(chance.unit() * HOUR_MS)


def weekday(at: int) -> int:
    """0 is Monday; 1970 began with a Thursday."""
    return (at // DAY_MS + 3) % 7
