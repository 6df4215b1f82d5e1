"""Bodies that are a list of events, or one event alone, as services send that gather events if told to."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from processors.sources.batches import adapt_each, too_many
from processors.sources.json_bodies import BOM, decode, decode_each, decode_one, take_apart
from processors.sources.signal import Adapted, Ignored, Signal, Unusable, whole_body
from schemas.touchpoint import Touchpoint

Event: TypeAlias = dict[str, Any]
Turn: TypeAlias = Callable[[Event, int], Touchpoint | Ignored]

_SPACE: Final = b" \t\r\n"
_events = msgspec.json.Decoder(list[Event])
_event = msgspec.json.Decoder(Event)


def adapt_list(body: bytes, turn: Turn, *, signal: Signal, events_max: int) -> Adapted:
    """*turn* each event of *body*, which is a list, into a touchpoint or an ignore."""
    try:
        events = read_list(body)
    except Unusable as problem:
        return whole_body(signal, problem)
    if len(events) > events_max:
        return whole_body(signal, too_many(len(events), "body", events_max))
    return adapt_each(events, turn, lambda: take_apart(body, None).elements)


def adapt_one_or_many(turn: Turn, *, signal: Signal, events_max: int) -> Adapted:
    """*turn* each event of a signal's body, a list or one event alone."""
    body = signal.body
    if body.removeprefix(BOM).lstrip(_SPACE)[:1] == b"[":
        return adapt_list(body, turn, signal=signal, events_max=events_max)
    try:
        event = decode_one(_event, body)
    except Unusable as problem:
        return whole_body(signal, problem)
    return adapt_each([event], turn, lambda: [body])


def read_list(body: bytes) -> list[Event] | list[Event | Unusable]:
    """The events of a list, each decoded for itself where one is of the wrong type. Raises Unusable for what is no list."""
    try:
        return decode(_events, body)
    except (msgspec.ValidationError, RecursionError):
        each = decode_each(_event, take_apart(body, None))
        return list(each)


def alone_in_list(_path: str, event: bytes) -> bytes:
    """The body that holds nothing but *event*."""
    return b"[%b]" % event.removeprefix(BOM)


def as_it_came(_path: str, event: bytes) -> bytes:
    """An event that is a body of its own."""
    return event
