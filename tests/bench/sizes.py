"""What grows: the number of leads, one lead's history, the scoring model's rules. Each a size that `subject` measures."""

import gc
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from processors.leads import HOT_MAX, Leads
from processors.model.file import load
from schemas.inbox import ModelPublished
from schemas.kinds import BOT_VERDICT, KNOWN, SALES_VERDICT
from tests.bench.core import DAY_MS, Contact, Core, Traffic, lead_key, states
from tests.bench.input import NOW, published
from tests.bench.race import rss_mib

TYPICAL = 10
"""Touchpoints that a typical lead has had, in a month."""
DISTINCT = 2_000
"""States that are made by the core; more leads are given copies of them."""
SAMPLED = 200
STAGES = """
stages:
  - {name: visitor}
  - {name: mql, enter_at: [{score: 40}], cool: {below: 5, to: visitor, after: 30d}}
  - {name: customer, enter_on: [won]}
"""


@dataclass(kw_only=True)
class ManyLeads:
    """*leads* typical leads of which each touchpoint takes one, by chance; as many decoded as a worker would have."""

    leads: int
    records: int
    core: Core = field(init=False)
    _traffic: Traffic = field(init=False)
    _chance: random.Random = field(init=False)
    _rss_bytes: float = field(init=False)

    def __post_init__(self) -> None:
        model = published("b2b")
        made = states(model, history=TYPICAL, within_ms=30 * DAY_MS, leads=min(DISTINCT, self.leads))
        sampled = {lead_key(n): made[n % len(made)] for n in range(0, self.leads, max(1, self.leads // SAMPLED))}
        gc.collect()
        before = _rss_bytes()
        self.core = Core(model, sampled=sampled)
        for n in range(self.leads):
            self.core.partition.restore(lead_key(n), _copy(made[n % len(made)]))
        self._rss_bytes = _rss_bytes() - before
        self._traffic = Traffic()
        self._chance = random.Random(11)
        warm_up = min(int(HOT_MAX * 1.2), 3 * self.leads)
        self.core.run(self._traffic.mail(self._chance.choices(range(self.leads), k=warm_up)))

    def round(self) -> float:
        """CPU seconds per touchpoint."""
        mail = self._traffic.mail(self._chance.choices(range(self.leads), k=self.records))
        return self.core.run(mail) / len(mail)

    def wrong(self) -> str | None:
        return self.core.wrong()

    def values(self) -> Mapping[str, float]:
        return {"rss_bytes_per_lead": self._rss_bytes / self.leads}


@dataclass(kw_only=True)
class LongHistory:
    """Leads that have had *history* touchpoints *within_ms* each; every one is touched four times in a commit."""

    history: int
    within_ms: int
    leads: int = 1_000
    touches: int = 4
    _states: list[bytes] = field(init=False)
    _wrong: str | None = None
    _rounds: int = 0

    def __post_init__(self) -> None:
        self._model = published("b2b")
        self._states = states(self._model, history=self.history, within_ms=self.within_ms, leads=min(self.leads, 1 + 20_000 // self.history))

    def round(self) -> float:
        """CPU seconds per touchpoint. Always from the same history."""
        held = {lead_key(n): _copy(self._states[n % len(self._states)]) for n in range(self.leads)}
        core = Core(self._model, sampled=dict(list(held.items())[:10]))
        for key, value in held.items():
            core.partition.restore(key, value)
        touched = list(range(self.leads)) * self.touches
        random.Random(self._rounds).shuffle(touched)
        self._rounds += 1
        cost = core.run(Traffic().mail(touched)) / len(touched)
        self._wrong = self._wrong or core.wrong()
        return cost

    def wrong(self) -> str | None:
        return self._wrong

    def values(self) -> Mapping[str, float]:
        return {"state_bytes": sum(map(len, self._states)) / len(self._states)}


@dataclass(kw_only=True)
class ManyRules:
    """A model of so many rules, five to a kind as real models have them, or all of them on one kind."""

    rules: int
    one_kind: bool
    records: int
    leads: int = 10_000
    core: Core = field(init=False)

    def __post_init__(self) -> None:
        model, contacts = generated(self.rules, per_kind=self.rules if self.one_kind else 5)
        made = states(model, history=TYPICAL, within_ms=30 * DAY_MS, leads=DISTINCT, contacts=contacts)
        self.core = Core(model, sampled={lead_key(n): made[n] for n in range(0, DISTINCT, 20)})
        for n in range(self.leads):
            self.core.partition.restore(lead_key(n), _copy(made[n % len(made)]))
        self._traffic = Traffic(contacts=contacts)
        self._chance = random.Random(11)
        self.core.run(self._traffic.mail(range(self.leads)))

    def round(self) -> float:
        """CPU seconds per touchpoint."""
        mail = self._traffic.mail(self._chance.choices(range(self.leads), k=self.records))
        return self.core.run(mail) / len(mail)

    def wrong(self) -> str | None:
        return self.core.wrong()

    def values(self) -> Mapping[str, float]:
        return {}


def generated(rules: int, *, per_kind: int) -> tuple[ModelPublished, Sequence[Contact]]:
    """A model of *rules*, so many to each kind: one for every contact of the kind, the others for a page of their own.

    And its traffic, alike for all: ten contacts, each of which hits the first rule of its kind and, on one of the pages, one more.
    """
    kinds = [kind for kind in sorted(KNOWN) if kind not in (SALES_VERDICT, BOT_VERDICT, "deal_won")]
    lines, contacts = ["  - {name: won, kind: deal_won, points: 0, half_life: never}"], []
    for n in range(rules):
        kind, page = kinds[n // per_kind], n % per_kind
        where = f", where: {{path: [/page-{page}/*]}}" if page else ""
        lines.append(f"  - {{name: rule_{n}, kind: {kind}, points: {1 + page % 3}, half_life: {7 + n % 5 * 7}d, cap: 30 per day{where}}}")
        contacts.append((kind, f"/page-{page}/" if page else "/"))
    text = "model: generated\nversion: 1\nrules:\n" + "\n".join(lines) + STAGES
    model = load(text, name_of_file="generated")
    return ModelPublished(model.name, model.version, model.text, NOW - 1), contacts[:10]


@dataclass(kw_only=True)
class Memory:
    """Leads as they are held in memory: as the bytes of the changelog, and decoded too."""

    leads: int = 100_000
    _values: dict[str, float] = field(default_factory=dict)

    def round(self) -> float:
        """Bytes per lead, stored: its state, its key, when it is due."""
        made = states(published("b2b"), history=TYPICAL, within_ms=30 * DAY_MS, leads=DISTINCT)
        gc.collect()
        before = _rss_bytes()
        held = Leads(hot_max=self.leads)
        for n in range(self.leads):
            held.restore(lead_key(n).decode(), _copy(made[n % len(made)]))
        gc.collect()
        stored = _rss_bytes()
        for n in range(self.leads):
            held.get(lead_key(n).decode())
        gc.collect()
        boxes = (_rss_bytes() - stored) / self.leads
        self._values = {"state_bytes": sum(map(len, made)) / len(made), "decoded_bytes": boxes}
        self._held = held
        return (stored - before) / self.leads

    def wrong(self) -> str | None:
        found = sum(self._held.get(lead_key(n).decode()).lead.touches for n in range(self.leads))
        return None if found == self.leads * TYPICAL else f"{found} touches in all, expected {self.leads * TYPICAL}"

    def values(self) -> Mapping[str, float]:
        return self._values


def _copy(value: bytes) -> bytes:
    return bytes(bytearray(value))  # of its own, as each record read from a log is


def _rss_bytes() -> float:

    return rss_mib(os.getpid()) * 2**20
