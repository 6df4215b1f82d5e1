"""Publishing a scoring model: kept in `leads.models`, told to every partition of the inbox, in force from there on."""

from dataclasses import dataclass
from typing import Final

from processors.model.scoring_model import ScoringModel
from schemas import inbox
from schemas.inbox import ModelPublished
from streams import clock, topics
from streams.errors import Misconfigured
from streams.kafka import restore, shared_producer

IN_FORCE: Final = b"@in-force"
"""The key under which `leads.models` says which model was published last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """Every model ever published, its text by its id (name@version), and the id of the one in force."""

    texts: dict[str, str]
    in_force: str | None


async def publish(bootstrap: str, names: topics.Names, model: ScoringModel) -> bool:
    """Publish *model*; False if it is in force already. Raises Misconfigured for a version that was used before.

    Told to every partition even then: one that missed it, because a publisher died half way, learns it now.
    """
    known = await published(bootstrap, names)
    former = known.texts.get(model.id)
    if former is not None and former != model.text:
        raise Misconfigured(
            f"the model {model.name} version {model.version} was published with other content: raise its version. "
            "Ids of facts name the version, so one version must mean one model"
        )
    record = inbox.encode(ModelPublished(model.name, model.version, model.text, clock.now_ms()))
    async with shared_producer(bootstrap) as producer:
        for key, value in ((model.id.encode(), model.text.encode()), (IN_FORCE, model.id.encode())):
            await producer.send_and_wait(names.topic(topics.MODELS), value, key=key, partition=0)
        for partition in range(topics.BY_NAME[topics.INBOX].partitions):
            await producer.send_and_wait(names.topic(topics.INBOX), record, partition=partition)
    return known.in_force != model.id


async def published(bootstrap: str, names: topics.Names) -> Published:
    """Read what was published. Raises Unavailable."""
    held = await restore(bootstrap, names.topic(topics.MODELS), 0)
    in_force = held.pop(IN_FORCE, None)
    return Published(
        texts={key.decode(): text.decode() for key, text in held.items()},
        in_force=None if in_force is None else in_force.decode(),
    )
