"""Segment-compatible libraries: identify, track, page, screen, group, alias, single or in batches."""

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from processors.attribution.roads import Channels, shipped
from processors.sources import crawlers, families, segment_messages, write_keys
from processors.sources.batches import adapt_each, too_many
from processors.sources.segment_calls import touchpoint_of
from processors.sources.segment_messages import BATCH, CALLS, Context, Message
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from schemas.touchpoint import Touchpoint

SOURCE: Final = "segment"
PATHS: Final = tuple(f"/v1/{call}" for call in CALLS)
family = families.web_or_email


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """The entries of the write keys that are let in (see `write_keys`), and the key of the email hash."""

    write_keys: frozenset[str]
    identity_key: bytes
    events_max: int = 5_000
    people: tuple[str, ...] = ()  # words of user agents that look like crawlers, and are let in
    channels: Channels = field(default_factory=shipped)


def alone(path: str, event: bytes) -> bytes:
    """The body at *path* that holds nothing but *event*; what a batch said for all of its calls is not in there."""
    return b'{"batch":[%b]}' % event if _call(path) == BATCH else event


def adapt(signal: Signal, settings: SegmentSettings) -> Outcome:
    """Read one call or a batch of them; the path says which."""
    if not (settings.write_keys or signal.proved):
        return Unauthorised(detail="no write keys are configured here: set LEADSTREAM_WRITE_KEYS")
    call = _call(signal.path)
    try:
        read = segment_messages.read(signal.body, call)
    except Unusable as problem:
        if signal.proved or write_keys.find(signal, settings.write_keys, source=SOURCE):
            return whole_body(signal, problem)
        return Unauthorised(detail="no valid write key in Authorization or query, and the body cannot be read for one")
    key = write_keys.find(signal, settings.write_keys, source=SOURCE, said=read.keys)
    if key is None and not signal.proved:
        return Unauthorised(detail="send a valid write key: as the user of Basic Authorization, as writeKey in the body, or in the query")
    if len(read.messages) > settings.events_max:
        return whole_body(signal, too_many(len(read.messages), "batch", settings.events_max))

    def turn(message: Message, index: int) -> Touchpoint | Ignored:
        context = message.context if isinstance(message.context, Context) else read.context
        if crawlers.at(signal, None if context is None else context.user_agent, people=settings.people):
            return Ignored(index=index, reason=crawlers.CRAWLER)
        return touchpoint_of(message, read, signal, call=call, index=signal.first + index, identity_key=settings.identity_key, channels=settings.channels)

    adapted = adapt_each(read.messages, turn, lambda: segment_messages.original(signal.body, call))
    return adapted if key is None else replace(adapted, key=key.name)


def _call(path: str) -> str:
    return CALLS.get(path.rpartition("/")[2], BATCH)
