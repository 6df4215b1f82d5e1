"""A transition as `leads.transitions` tells it to sales tooling: a `StageChanged` fact, flat and with its position."""

from typing import Self

import msgspec

from schemas.facts import StageChanged


class Transition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lead changed its stage. The fields are explained in `avsc/transition.v1.avsc`, for readers outside too."""

    transition_id: str
    lead_id: str
    from_stage: str
    to_stage: str
    reason: str
    rule: str | None = None
    effective_at: int
    occurred_at: int
    recorded_at: int
    score: float
    grade: str
    channel: str | None = None
    campaign: str | None = None
    first_channel: str | None = None
    first_campaign: str | None = None
    imported: bool
    import_id: str | None = None
    event_id: str
    model: str
    partition: int
    offset: int
    index: int

    @classmethod
    def of(cls, fact: StageChanged, *, partition: int, offset: int, index: int) -> Self:
        """Tell *fact*, decided from this position of the inbox; whoever reads it needs no other record."""
        touch, first = fact.touch, fact.first_touch
        return cls(
            transition_id=fact.transition_id, lead_id=fact.lead_id, from_stage=fact.from_stage,
            to_stage=fact.to_stage, reason=fact.reason, rule=fact.rule, effective_at=fact.effective_at,
            occurred_at=fact.occurred_at, recorded_at=fact.recorded_at, score=fact.score, grade=fact.grade,
            channel=None if touch is None else touch.channel, campaign=None if touch is None else touch.campaign,
            first_channel=None if first is None else first.channel,
            first_campaign=None if first is None else first.campaign,
            imported=fact.import_id is not None, import_id=fact.import_id, event_id=fact.event_id, model=fact.model,
            partition=partition, offset=offset, index=index,
        )  # fmt: skip
