"""Messages on the wire: requests as browsers, relays and webhooks send them, some twice, some of no use."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import msgspec

from streams.demo import faults
from streams.demo.chance import Chance
from streams.demo.messages import DoorName, Message, iso
from streams.demo.people import HOUR_MS, WEEK_MS
from streams.demo.quarter import WEEKS, Quarter

BATCH_MAX: Final = 100
BY_BROWSER: Final = 0.05
"""Visits that the browser tells call by call; of the others a relay makes batches."""
RELAY_MS: Final = 3 * HOUR_MS
AGAIN: Final = 0.02
BAD_NEIGHBOUR: Final = 0.06
CUT_OFF: Final = 0.004
UNUSABLE: Final = 0.004
_SHORT: Final = {"page": "p", "track": "t", "identify": "i"}
_PATHS: Final[Mapping[DoorName, str]] = {
    "segment": "/v1/batch", "sendgrid": "/webhooks/sendgrid", "google_ads": "/webhooks/google-ads", "events": "/v1/events",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: when it is sent, and how many events in it can be used (`good`) and cannot (`bad`)."""

    at: int
    door: DoorName
    path: str
    body: bytes
    good: int
    bad: int = 0

    @property
    def zipped(self) -> bool:
        return self.body.startswith(b"\x1f\x8b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The requests of one week, and the instant up to which everything has then been sent."""

    until: int
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The whole quarter; what must become of it follows from how it was made."""

    weeks: tuple[Week, ...]
    unique: int  # different events that can be used
    people: int  # how many leads they come to

    @property
    def accepted(self) -> int:
        return sum(request.good for week in self.weeks for request in week.requests)

    @property
    def rejected(self) -> int:
        return sum(request.bad for week in self.weeks for request in week.requests)


def traffic(quarter: Quarter) -> Traffic:
    """Put *quarter* on the wire."""
    messages = quarter.messages()
    chance = Chance("wire", quarter.seed)
    sent = list(_with_faults(_requests(messages, chance), chance.of("faults"), end=quarter.end))
    sent.sort(key=lambda request: request.at)
    ends = [quarter.start + (n + 1) * WEEK_MS for n in range(WEEKS)]
    weeks = tuple(Week(until=end - 1, requests=tuple(r for r in sent if end - WEEK_MS <= r.at < end)) for end in ends)
    return Traffic(weeks=weeks, unique=len(messages), people=_people(messages))


def _people(messages: Iterable[Message]) -> int:
    """How many leads there are in the end: addresses, and devices that never said whose they are."""
    addresses, strangers, known = set(), set(), set()
    for message in messages:
        device, email = message.body.get("anonymousId"), _email(message)
        strangers.add(device)
        if email is not None:
            addresses.add(email)
            known.add(device)
    return len(addresses) + len(strangers - known - {None})


def _email(message: Message) -> str | None:
    body = message.body
    if message.door == "google_ads":
        return str(next(column["string_value"] for column in body["user_column_data"] if column["column_id"] == "WORK_EMAIL"))
    found: str | None = body.get("email") or body.get("traits", {}).get("email")
    return found


def _requests(messages: Sequence[Message], chance: Chance) -> Iterator[Request]:
    by_door: dict[DoorName, list[Message]] = {}
    for message in messages:
        by_door.setdefault(message.door, []).append(message)
    for door, said in by_door.items():
        packets = [list(packet) for _, packet in groupby(sorted(said, key=lambda m: (m.packet, m.sent_at)), key=lambda m: m.packet)]
        yield from _WRITERS[door](packets, chance.of(door))


def _web(packets: list[list[Message]], chance: Chance) -> Iterator[Request]:
    relayed: list[Message] = []
    for packet in packets:
        if chance.happens(BY_BROWSER):
            yield from (_call(message) for message in packet)
        else:
            relayed += packet
    relayed.sort(key=lambda message: message.sent_at)
    for _, shift in groupby(relayed, key=lambda message: message.sent_at // RELAY_MS):
        gathered = list(shift)
        for start in range(0, len(gathered), BATCH_MAX):
            yield _batch(gathered[start : start + BATCH_MAX], chance)


def _call(message: Message) -> Request:
    path = f"/v1/{_SHORT[message.body['type']]}"
    return Request(at=message.sent_at, door="segment", path=path, body=msgspec.json.encode(message.body), good=1)


def _batch(messages: list[Message], chance: Chance) -> Request:
    at = messages[-1].sent_at
    bodies = [message.body for message in messages]
    bad = int(chance.happens(BAD_NEIGHBOUR))
    if bad:
        bodies.insert(chance.whole(0, len(bodies)), faults.unusable("segment", chance.of("bad", at), at))
    body = msgspec.json.encode({"batch": bodies, "sentAt": iso(at)})
    zipped = chance.happens(0.5)
    return Request(at=at, door="segment", path=_PATHS["segment"], body=_zip(body) if zipped else body, good=len(messages), bad=bad)


def _zip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=1, mtime=0)


def _lists(door: DoorName, frame: Callable[[list[Any]], Any]) -> Callable[[list[list[Message]], Chance], Iterator[Request]]:
    def write(packets: list[list[Message]], _chance: Chance) -> Iterator[Request]:
        for packet in packets:
            body = msgspec.json.encode(frame([message.body for message in packet]))
            yield Request(at=packet[-1].sent_at, door=door, path=_PATHS[door], body=body, good=len(packet))

    return write


_WRITERS: Final[Mapping[DoorName, Callable[[list[list[Message]], Chance], Iterator[Request]]]] = {
    "segment": _web,
    "sendgrid": _lists("sendgrid", lambda bodies: bodies),
    "google_ads": _lists("google_ads", lambda bodies: bodies[0]),
    "events": _lists("events", lambda bodies: {"events": bodies}),
}


def _with_faults(requests: Iterable[Request], chance: Chance, *, end: int) -> Iterator[Request]:
    """*requests*, and beside them: some again as senders repeat what they saw no answer to, some cut off, some nonsense."""
    for request in requests:
        yield request
        if chance.happens(AGAIN) and (at := request.at + int(chance.wait(4 * HOUR_MS))) < end:
            yield replace(request, at=at)
        if chance.happens(CUT_OFF) and request.door != "google_ads" and not request.zipped:
            yield replace(request, body=faults.cut_off(request.body), good=0, bad=1)
        if chance.happens(UNUSABLE):
            door = chance.pick(faults.DOORS)
            yield _nonsense(door, chance.of("nonsense", request.at, request.body), request.at)


def _nonsense(door: DoorName, chance: Chance, at: int) -> Request:
    said = faults.unusable(door, chance, at)
    body = {"segment": {"batch": [said]}, "sendgrid": [said], "events": {"events": [said]}}[door]
    return Request(at=at, door=door, path=_PATHS[door], body=msgspec.json.encode(body), good=0, bad=1)
