"""Zoom's webhooks: who registered for a webinar or a meeting, and who came. Answers Zoom's question about this address."""

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from processors.attribution.roads import Channels, shipped
from processors.sources import event_lists, families, zoom_events
from processors.sources.batches import adapt_one
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import Adapted, Answered, Outcome, Signal, Unauthorised, Unusable
from processors.sources.signatures import keyed_digest, keyed_proves, within
from processors.sources.zoom_events import Event

SOURCE: Final = zoom_events.SOURCE
PATHS: Final = ("/webhooks/zoom",)
family = families.by_kind
alone = event_lists.as_it_came
SIGNATURE: Final = "x-zm-signature"
TIMESTAMP: Final = "x-zm-request-timestamp"
QUESTION: Final = "endpoint.url_validation"

_TOKEN: Final = re.compile(r"[A-Za-z0-9_=+/.-]{1,128}")
"""What Zoom asks with. Without a colon, so that no answer to it can be taken for the signature of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomSettings:
    """The apps' secret tokens; what custom questions ask for (`question=attribute`); domains whose people are colleagues.

    The window is wide: Zoom repeats after 5, 25 and 85 minutes, and a replayed event is a duplicate by its id.
    """

    secrets: tuple[str, ...]
    identity_key: bytes
    window_s: int = 2 * 3600
    meanings: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    channels: Channels = field(default_factory=shipped)


_event = msgspec.json.Decoder(Event)


def adapt(signal: Signal, settings: ZoomSettings) -> Outcome:
    """Read one event, or answer Zoom's question, once the signature proves it."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    try:
        event = decode_one(_event, signal.body)
        if event.event == QUESTION:
            return _answer(event, signal, settings)
    except Unusable as problem:
        return Adapted(rejected=(problem.at(0, signal.body),))
    people = zoom_events.People(settings.identity_key, settings.meanings, settings.own_domains, settings.channels)
    return adapt_one(partial(zoom_events.turn, event, signal, people), signal.body)


def _refusal(signal: Signal, settings: ZoomSettings) -> str | None:
    """What is wrong with the proof, or None."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "Zoom's secret token is not configured here: set LEADSTREAM_ZOOM_SECRETS"
    timestamp = signal.headers.get(TIMESTAMP)
    if not timestamp or not signal.headers.get(SIGNATURE):
        return f"headers {SIGNATURE} and {TIMESTAMP} are needed"
    if _secret_of(signal, settings.secrets) is None:
        return f"header {SIGNATURE} does not match the body and the secret token configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, settings.window_s):
        return f"header {TIMESTAMP} lies further than {settings.window_s} s from now"
    return None


def _secret_of(signal: Signal, secrets: tuple[str, ...]) -> str | None:
    """The secret that signed, over `v0:timestamp:body`, or None."""
    timestamp = signal.headers.get(TIMESTAMP, "").encode(errors="surrogateescape")
    version, _, given = signal.headers.get(SIGNATURE, "").partition("=")
    if version != "v0":
        return None
    message = b"v0:" + timestamp + b":" + signal.body
    return next((secret for secret in secrets if keyed_proves(message, given, secrets=(secret,))), None)


def _answer(event: Event, signal: Signal, settings: ZoomSettings) -> Answered:
    """The token and its digest, by the secret that signed the question."""
    token = section(event.payload).get("plainToken")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Unusable("payload.plainToken", "wrong_type", "payload.plainToken: must be a short token of letters and digits")
    secret = _secret_of(signal, settings.secrets)
    if secret is None:  # taken out of a dead letter: nobody waits for the answer
        raise Unusable("event", "question", "event: asks about this address, and tells nothing")
    return Answered(body=msgspec.json.encode({"plainToken": token, "encryptedToken": keyed_digest(token.encode(), secret)}))
