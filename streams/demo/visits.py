"""Visits to the site, as a Segment library in the browser tells them: pages seen, forms filled, videos watched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.demo import company
from streams.demo.chance import Chance
from streams.demo.company import Page, Way
from streams.demo.messages import Message, iso
from streams.demo.people import DAY_MS, HOUR_MS, WEEK_MS, Interest, Person, moment, weekday

MINUTE_MS: Final = 60_000
LATE: Final = 0.012
"""How many pages are told late, since a laptop was closed or a train in a tunnel: hours or days later."""
LEAD_FORM: Final = "lead_form"
"""A form that an ad platform shows, not the site: it tells of itself."""
_VISITS: Final = {Interest.PASSING: 0.6, Interest.JOB: 0.8, Interest.RIVAL: 1.0, Interest.RESEARCH: 4.5, Interest.BUYING: 8.0}
_PAGES: Final = {Interest.PASSING: 1.9, Interest.JOB: 2.2, Interest.RIVAL: 4.0, Interest.RESEARCH: 3.2, Interest.BUYING: 4.5}
_LIBRARY: Final = {"name": "analytics.js", "version": "4.1.0"}


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: when, on which of the person's devices, by which road, and what is left there beside page views."""

    at: int
    device: int
    road: str
    form: str | None = None  # the event of a form that is sent
    names_itself: bool = False  # says who it is


def visits(person: Person, start: int, end: int) -> list[Visit]:
    """All visits of *person* between the instants *start* and *end*, in order."""
    chance = person.chance.of("visits")
    plain = list(_instants(person, chance, start, end))
    if person.interest in (Interest.PASSING, Interest.JOB):
        return [_visit(chance, n, at) for n, at in enumerate(plain)]
    return _known_visits(person, chance, plain, end=end)


def known_at(made: Sequence[Visit]) -> int | None:
    """When a person left their address for the first time, here or in a lead form elsewhere."""
    return next((visit.at for visit in made if visit.names_itself or visit.form), None)


def _instants(person: Person, chance: Chance, start: int, end: int) -> Iterator[int]:
    """The instants at which someone comes: the first day anyhow, less often at weekends, then after pauses."""
    days = (end - start) // DAY_MS
    while True:
        day = start + chance.whole(0, days - 1) * DAY_MS
        if chance.unit() * max(company.WEEKDAYS) < company.WEEKDAYS[weekday(day)]:
            break
    count = 1 + min(30, int(chance.wait(_VISITS[person.interest])))
    for _ in range(count):
        at = moment(chance, day)
        if at < end:
            yield at
        day += (1 + int(chance.wait(6.0))) * DAY_MS
        if weekday(day) >= 5 and chance.happens(0.6):
            day += 2 * DAY_MS


def _visit(chance: Chance, number: int, at: int, *, form: str | None = None) -> Visit:
    road = chance.weigh(company.FIRST_VISITS if number == 0 else company.RETURNS)
    return Visit(at, 0, road, form, names_itself=form not in (None, LEAD_FORM))


def _known_visits(person: Person, chance: Chance, plain: list[int], *, end: int) -> list[Visit]:
    """Visits of someone who leaves an address: content first, and buyers a request later on."""
    named_at = min(len(plain) - 1, int(chance.wait(0.9)))
    buys = person.interest is Interest.BUYING
    asked_at = min(len(plain) - 1, named_at + 1 + int(chance.wait(2.0))) if buys else -1
    forms = {named_at: chance.weigh(company.CONTENT)} | ({asked_at: _request(person)} if buys else {})
    if len(plain) > named_at + 2 and chance.happens(0.4):
        forms.setdefault(named_at + 2, chance.weigh(company.CONTENT))
    made = [_visit(chance, n, at, form=forms.get(n)) for n, at in enumerate(plain)]
    return sorted([*made, *_on_second_device(person, chance, made, end=end)], key=lambda visit: visit.at)


def request_of(made: Sequence[Visit]) -> tuple[str, int] | None:
    """How and when a buyer asked to be called."""
    return next(((visit.form, visit.at) for visit in made if visit.form is not None and visit.form in company.REQUESTS), None)


def _request(person: Person) -> str:
    return person.chance.of("request").weigh(company.REQUESTS)


def _on_second_device(person: Person, chance: Chance, made: list[Visit], *, end: int) -> Iterator[Visit]:
    """Visits by phone: first as a stranger, weeks later through a link in a mail that says whose it is."""
    if len(person.devices) < 2:
        return
    named = known_at(made)
    assert named is not None
    for at in (named - 9 * DAY_MS, named - 2 * DAY_MS):
        if at >= made[0].at - DAY_MS:
            yield Visit(moment(chance, at // DAY_MS * DAY_MS), 1, chance.weigh(company.FIRST_VISITS))
    # Two weeks on at least: the devices' hand-overs must lie in different weeks of the import, wherever weeks begin.
    linked = moment(chance, (named + 2 * WEEK_MS) // DAY_MS * DAY_MS + chance.whole(0, 20) * DAY_MS)
    if linked < end:
        yield Visit(linked, 1, "email", names_itself=True)


def messages(person: Person, visit: Visit) -> Iterator[Message]:
    """What the site's library tells of *visit*."""
    chance = person.chance.of("visit", visit.at, visit.device)
    way = chance.pick(company.WAYS[visit.road])
    teller = _Teller(person, visit, chance)
    at = visit.at
    for n, page in enumerate(_path(person, chance)):
        yield teller.page(at, page, way if n == 0 else None)
        at += int(chance.between(0.2, 2.5) * MINUTE_MS)
        if chance.happens(0.03):
            yield teller.track(at, "Video Watched", {"video": "retrofit-in-a-day", "percent": chance.pick((10, 25, 50, 90))})
            at += MINUTE_MS
    if visit.names_itself:
        yield teller.identify(at)
    if visit.form not in (None, LEAD_FORM):
        assert visit.form is not None
        yield teller.track(at + 1_000, visit.form, {"form": visit.form.lower().replace(" ", "-")})


def _path(person: Person, chance: Chance) -> list[Page]:
    count = 1 + min(14, int(chance.wait(_PAGES[person.interest])))
    if person.interest is Interest.JOB:
        return [chance.pick(company.CAREERS) for _ in range(count)]
    buying = person.interest in (Interest.BUYING, Interest.RIVAL)
    weights = {page: page.buying if buying else page.browsing for page in company.PAGES}
    return [chance.weigh(weights) for _ in range(count)]


@dataclass(slots=True)
class _Teller:
    """The library in the browser during one visit."""

    person: Person
    visit: Visit
    chance: Chance
    told: int = 0
    url: str = ""

    def page(self, at: int, page: Page, way: Way | None) -> Message:
        referrer = (way.referrer if way else self.url) or None
        self.url = company.SITE + page.path + (f"?{way.query}" if way and way.query else "")
        shown = {"url": self.url, "path": page.path, "title": page.title} | ({"referrer": referrer} if referrer else {})
        late = self.chance.happens(LATE)
        return self._message(at, {"type": "page", "name": page.title, "properties": shown, "context": {"library": _LIBRARY}}, late=late)

    def track(self, at: int, event: str, properties: dict[str, Any]) -> Message:
        return self._message(at, {"type": "track", "event": event, "properties": properties, "context": {"library": _LIBRARY, "page": {"url": self.url}}})

    def identify(self, at: int) -> Message:
        return self._message(at, {"type": "identify", "traits": self.person.traits(), "context": {"library": _LIBRARY}})

    def _message(self, at: int, said: dict[str, Any], *, late: bool = False) -> Message:
        self.told += 1
        device = self.person.devices[self.visit.device]
        head = {"messageId": "ajs-" + self.chance.of(self.told).name(), "anonymousId": device, "timestamp": iso(at)}
        if not late:
            return Message(at, at, "segment", f"{device}/{self.visit.at}", head | said)
        return Message(at, at + int(self.chance.between(0.5, 20 * 24) * HOUR_MS), "segment", f"{device}/late/{at}", head | said)
