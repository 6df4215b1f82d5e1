"""What an engine's facts come to, and whether that is what a pure fold makes of the same input."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import isclose

from processors.lead import evolve
from processors.model.file import load
from processors.partition import Effects, Partition
from schemas.facts import AnyFact, StageChanged
from schemas.inbox import Origin, TouchpointArrived
from schemas.lead import Engagement, Lead
from schemas.touchpoint import Touchpoint
from streams import topics
from streams.score import logs
from tests.bench.input import PARTITIONS, lead_of, published

TOLERANCE = 1e-9  # of the sums; everything else must be equal


@dataclass(kw_only=True)
class Answer:
    """Facts by name, the leads they make, and the transitions of each with the score they were told at."""

    facts: Counter[str] = field(default_factory=Counter)
    leads: dict[str, Lead] = field(default_factory=dict)
    transitions: dict[str, list[StageChanged]] = field(default_factory=dict)

    def add(self, fact: AnyFact) -> None:
        self.facts[type(fact).__name__] += 1
        evolve(self.leads.setdefault(fact.lead_id, Lead()), fact)
        if isinstance(fact, StageChanged):
            self.transitions.setdefault(fact.lead_id, []).append(fact)

    def difference(self, found: "Answer") -> str | None:
        """The first thing in which *found* is not this; None: nothing."""
        if found.facts != self.facts:
            return f"facts {dict(found.facts)}, expected {dict(self.facts)}"
        if found.leads.keys() != self.leads.keys():
            return f"{len(found.leads)} leads, expected {len(self.leads)}"
        for lead_id, lead in self.leads.items():
            other = found.leads[lead_id]
            if (other.stage, other.touches) != (lead.stage, lead.touches):
                return f"{lead_id}: {other.stage} after {other.touches} touches, expected {lead.stage} after {lead.touches}"
            if why := sums_difference(lead.engagement, other.engagement):
                return f"{lead_id}: {why}"
            if why := _transitions_difference(self.transitions.get(lead_id, []), found.transitions.get(lead_id, [])):
                return f"{lead_id}: {why}"
        return None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The pure fold of an input: its answer, and how many facts there are after each touchpoint."""

    answer: Answer
    facts_after: Sequence[int]


def fold(touchpoints: Sequence[Touchpoint], model: str) -> Expected:
    """Decide *touchpoints* by the pure core, without a broker."""
    partitions = [Partition(p, logs=logs(), read_model=load) for p in range(PARTITIONS)]
    for partition in partitions:
        for _ in partition.apply(None, published(model), 0, Effects()) or ():
            pass
    answer = Answer()
    told = []
    for n, touchpoint in enumerate(touchpoints):
        lead_id, out = lead_of(touchpoint), Effects()
        p = topics.partition_of(lead_id.encode(), PARTITIONS)
        partitions[p].apply(lead_id, TouchpointArrived(Origin(p, n, 0), touchpoint), n + 1, out)
        for fact, _, _ in out.facts:
            answer.add(fact)
        told.append(len(out.facts))
    return Expected(answer=answer, facts_after=list(accumulate(told)))


def answer_of(facts: Iterable[AnyFact]) -> Answer:
    """What *facts*, each lead's in order, come to."""
    answer = Answer()
    for fact in facts:
        answer.add(fact)
    return answer


def sums_difference(expected: Mapping[str, Engagement], found: Mapping[str, Engagement]) -> str | None:
    """The first rule in which the fading sums of a lead differ."""
    if expected.keys() != found.keys():
        return f"sums of {sorted(found)}, expected {sorted(expected)}"
    for slot, one in expected.items():
        other = found[slot]
        same = (other.as_of, other.count) == (one.as_of, one.count) and _near(other.value, one.value)
        if not same:
            return f"{slot} is {other}, expected {one}"
    return None


def _transitions_difference(expected: Sequence[StageChanged], found: Sequence[StageChanged]) -> str | None:
    if [_moved(each) for each in found] != [_moved(each) for each in expected]:
        return f"transitions {[_moved(each) for each in found]}, expected {[_moved(each) for each in expected]}"
    for one, other in zip(expected, found, strict=True):
        if not _near(one.score, other.score):
            return f"a transition at a score of {other.score}, expected {one.score}"
    return None


def _moved(fact: StageChanged) -> tuple[object, ...]:
    return (fact.from_stage, fact.to_stage, fact.reason, fact.rule, fact.effective_at, fact.occurred_at)


def _near(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
