"""Snowplow's trackers: the tracker protocol by POST, and its pixel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from processors.attribution.roads import Channels, shipped
from processors.sources import crawlers, families, snowplow_events, snowplow_payloads, write_keys
from processors.sources.batches import adapt_each, too_many
from processors.sources.json_bodies import take_apart
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from processors.sources.snowplow_payloads import DATA, Event, text
from schemas.touchpoint import Touchpoint

SOURCE: Final = "snowplow"
PATHS: Final = ("/com.snowplowanalytics.snowplow/tp2", "/i")
family = families.web
ASKS: Final = ("GET",)
STOP: Final = 400
"""The status after which trackers do not send the same again; a 413 they would repeat for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowplowSettings:
    """The entries of the write keys that are let in (see `write_keys`): trackers send theirs as app id."""

    write_keys: frozenset[str]
    identity_key: bytes
    events_max: int = 5_000
    people: tuple[str, ...] = ()  # words of user agents that look like crawlers, and are let in
    channels: Channels = field(default_factory=shipped)


def alone(_path: str, event: bytes) -> bytes:
    """The body that holds nothing but *event*."""
    return b'{"data":[%b]}' % event


def adapt(signal: Signal, settings: SnowplowSettings) -> Outcome:
    """Read a body of events, or the one in the query of a GET."""
    if not (settings.write_keys or signal.proved):
        return Unauthorised(detail="no write keys are configured here: set LEADSTREAM_WRITE_KEYS, and one of them as the tracker's app id")
    asked = signal.method == "GET" and not signal.proved
    try:
        events: Sequence[Event | Unusable] = [signal.query] if asked else snowplow_payloads.read(signal.body)
    except Unusable as problem:
        if signal.proved or write_keys.find(signal, settings.write_keys, source=SOURCE):
            return whole_body(signal, problem)
        return Unauthorised(detail="no valid write key in Authorization or query, and the body cannot be read for one")
    said = dict.fromkeys(event.get("aid") for event in events if not isinstance(event, Unusable) and isinstance(event.get("aid"), str))
    key = write_keys.find(signal, settings.write_keys, source=SOURCE, said=said)
    if key is None and not signal.proved:
        return Unauthorised(detail="send a valid write key: as the tracker's app id (aid), as the user of Basic Authorization, or in the query")
    if len(events) > settings.events_max:
        return whole_body(signal, too_many(len(events), DATA, settings.events_max))

    def turn(event: Event, index: int) -> Touchpoint | Ignored:
        if crawlers.at(signal, text(event, "ua"), people=settings.people):
            return Ignored(index=index, reason=crawlers.CRAWLER)
        return snowplow_events.touchpoint_of(event, signal, index=signal.first + index, identity_key=settings.identity_key, channels=settings.channels)

    adapted = adapt_each(
        events, turn, lambda: [snowplow_payloads.as_body(signal.query)] if asked else take_apart(signal.body, DATA).elements
    )
    return adapted if key is None else replace(adapted, key=key.name)
