"""Finding a lead in the shards' changelog, wherever it was forwarded to."""

from dataclasses import dataclass

from processors.model.scoring_model import ScoringModel
from schemas.lead import Lead
from schemas.state import PARTITION_KEY, Mailbox, PartitionState, UnreadableState, decode_mailbox, decode_partition
from streams import topics
from streams.cli.installation import Installation
from streams.errors import Misconfigured
from streams.kafka import restore
from streams.reading import require
from streams.score import read_model


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A lead as of the last commit: where it was found, through which other names, and what decides about it there."""

    lead_id: str
    through: tuple[str, ...]
    box: Mailbox
    model: ScoringModel | None
    partition: int

    @property
    def lead(self) -> Lead:
        return self.box.lead


async def find(here: Installation, lead_id: str) -> Found | None:
    """Look *lead_id* up and follow where it was forwarded; None for a lead that nothing has been decided about."""
    state = here.names.topic(topics.STATE)
    await require(here.bootstrap, (state,))
    through: list[str] = []
    found: Found | None = None
    while found is None or found.lead.forwarded_to is not None:
        key = lead_id.encode()
        partition = topics.partition_of(key, topics.BY_NAME[topics.STATE].partitions)
        held = await restore(here.bootstrap, state, partition)
        if key not in held and not through:
            return None
        try:
            # What was forwarded may still be on its way: then the lead it turned out to be is as good as new.
            box = decode_mailbox(held[key]) if key in held else Mailbox(lead=Lead())
            shared = decode_partition(held[PARTITION_KEY]) if PARTITION_KEY in held else PartitionState()
        except UnreadableState as error:
            raise Misconfigured(f"{state}[{partition}]: {error}") from error
        model = read_model(shared.model_text) if shared.model_text else None
        found = Found(lead_id=lead_id, through=tuple(through), box=box, model=model, partition=partition)
        if found.lead.forwarded_to is not None:
            through.append(lead_id)
            lead_id = found.lead.forwarded_to
    return found
