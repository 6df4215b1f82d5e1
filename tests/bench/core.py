"""The pure core as `streams.score` drives it, in this process and without a broker: decode, decide, encode, commit.

Traffic of any shape, and the states it makes, come from here too: a bench that needs a million leads makes some by the
core itself and gives them other names.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from processors.lead import evolve
from processors.partition import Effects, Partition
from schemas import inbox
from schemas.avro import encode_fact, encode_profile
from schemas.facts import AnyFact
from schemas.ids import derive
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.lead import Lead
from schemas.state import decode_mailbox
from schemas.touchpoint import Touchpoint
from streams import usable
from streams.score import logs, read_model
from tests.bench.input import NOW

COMMIT_EVERY = 4_000  # records: what a worker decides in a tenth of a second, so there is more to write than in reality
STEP_MS = 20
DAY_MS = 24 * 3600 * 1000

Mail = tuple[bytes, bytes]
"""Key and value of a record of the inbox."""
Contact = tuple[str, str]
"""What a touchpoint is about: its kind, and the path of the page."""
CONTACTS: Sequence[Contact] = (
    *[("page_view", "/")] * 13, *[("search_performed", "/")] * 2, *[("email_clicked", "/")] * 2, *[("email_opened", "/")] * 2,
    ("ebook_downloaded", "/"),
)  # fmt: skip
"""A lead with ten touchpoints has met four rules of the model b2b, and two leads in five have become MQLs, which cool down."""


class Core:
    """One partition. *sampled* leads have their facts kept, to be held against their states."""

    def __init__(self, model: ModelPublished, *, sampled: Mapping[bytes, bytes] | None = None) -> None:
        self.partition = Partition(0, logs=logs(), read_model=read_model)
        self.records = 0
        self.counts: dict[str, int] = {}
        self._next = 1
        self._sample = {key: _Sampled(before=decode_mailbox(value).lead, value=value) for key, value in (sampled or {}).items()}
        for _ in self.partition.apply(None, model, 0, Effects()) or ():
            pass
        self.partition.changes(self._next)

    def run(self, mail: Sequence[Mail], *, changed: Callable[[bytes, bytes], None] = lambda _key, _value: None) -> float:
        """Work *mail* off and return the CPU seconds it took; *changed* is told each state written."""
        spent = 0.0
        for start in range(0, len(mail), COMMIT_EVERY):
            before = time.process_time()
            facts, records = self._commit(mail[start : start + COMMIT_EVERY])
            spent += time.process_time() - before
            for fact in facts:
                if (sampled := self._sample.get(fact.lead_id.encode())) is not None:
                    sampled.facts.append(fact)
            for key, value in records:
                if (sampled := self._sample.get(key)) is not None:
                    sampled.value = value
                changed(key, value)
        self.records += len(mail)
        return spent

    def _commit(self, mail: Sequence[Mail]) -> tuple[list[AnyFact], list[Mail]]:
        out, read, apply, offset = Effects(), usable.mail, self.partition.apply, self._next
        for key, value in mail:
            found = read(key, value)
            assert not isinstance(found, usable.Unusable)
            apply(found[0], found[1], offset, out)
            offset += 1
        for fact, at, index in out.facts:
            encode_fact(fact, partition=0, offset=at, index=index)
        records, profiles = self.partition.changes(offset)
        for profile in profiles:
            encode_profile(profile)
        self._next = offset
        for outcome, count in out.counts.items():
            self.counts[outcome] = self.counts.get(outcome, 0) + count
        return [fact for fact, _, _ in out.facts], records

    def wrong(self) -> str | None:
        """What is wrong with what was decided: every touchpoint counted, and sampled states are the fold of their facts."""
        if self.counts != {"in": self.records, "counted": self.records}:
            return f"outcomes {self.counts} of {self.records} records"
        if self._sample and not any(sampled.facts for sampled in self._sample.values()):
            return "no sampled lead had a touchpoint"
        for key, sampled in self._sample.items():
            if reduce(evolve, sampled.facts, sampled.before) != decode_mailbox(sampled.value).lead:
                return f"the state of {key.decode()} is not the fold of its facts"
        return None


@dataclass(kw_only=True)
class _Sampled:
    before: Lead
    value: bytes
    facts: list[AnyFact] = field(default_factory=list)


def lead_key(n: int) -> bytes:
    """The key of the *n*-th lead."""
    return b"v:%08x-4d5e-4f60-8a7b" % n


@dataclass(kw_only=True)
class Traffic:
    """Mail without end and without repetition: each touchpoint later than the one before by `step_ms`."""

    contacts: Sequence[Contact] = CONTACTS
    at: int = NOW
    step_ms: int = STEP_MS
    log: int = 0  # the source log it comes through: two of one log would look re-emitted, and send the same event ids
    sent: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def mail(self, leads: Iterator[int] | Sequence[int]) -> list[Mail]:
        """A touchpoint for each of *leads*, in their order."""
        return [(lead_key(n), inbox.encode(TouchpointArrived(Origin(self.log, self.sent, 0), self.touchpoint(n)))) for n in leads]

    def touchpoint(self, lead: int) -> Touchpoint:
        """The next touchpoint, of this lead: about what a tracking snippet sends."""
        kind, path = self.chance.choice(self.contacts)
        self.sent += 1
        self.at += self.step_ms
        return Touchpoint(
            event_id=derive("bench", str(self.log), str(self.sent)), source="segment", kind=kind,
            channel=self.chance.choice(["organic_search", "paid_search", "email", "direct"]), occurred_at=self.at - 300,
            received_at=self.at, visitor_id=lead_key(lead)[2:].decode(), campaign=self.chance.choice([None, "autumn", "brand"]),
            properties={"path": path, "title": "A page of the site", "percent": "80", "referrer": "https://www.example.org/"},
        )  # fmt: skip


def states(model: ModelPublished, *, history: int, within_ms: int, leads: int, contacts: Sequence[Contact] = CONTACTS) -> list[bytes]:
    """States of *leads* that each have had *history* touchpoints, evenly *within_ms* before now: made by the core."""
    core, found = Core(model), dict[bytes, bytes]()
    traffic = Traffic(contacts=contacts, at=NOW - within_ms, step_ms=0, log=1)
    for start in range(0, leads, 1_000):
        traffic.at = NOW - within_ms
        for _ in range(history):
            traffic.at += within_ms // history
            core.run(traffic.mail(range(start, min(leads, start + 1_000))), changed=found.__setitem__)
    if why := core.wrong():
        raise AssertionError(f"the states are not right: {why}")
    return [found[lead_key(n)] for n in range(leads)]
