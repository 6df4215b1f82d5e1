"""Who sends as Standard Webhooks do: headers `webhook-*`, or `svix-*` as the first senders named them.

The signed timestamp is that of the attempt, so it is new whenever a message is sent again, and a recorded request is of no
use after the window.
"""

from typing import Final, NamedTuple

from processors.sources.signal import Signal
from processors.sources.signatures import standard_key, standard_proves, within

_PREFIXES: Final = ("webhook-", "svix-")


class _Headers(NamedTuple):
    message_id: str
    timestamp: str
    signatures: str


def standard_refusal(signal: Signal, secrets: tuple[str, ...], *, window_s: int, setting: str) -> str | None:
    """What is wrong with the proof, or None. Several *secrets* are right while one is being changed."""
    if signal.proved:
        return None
    keys = [key for secret in secrets if (key := standard_key(secret)) is not None]
    if not keys:
        return f"no signing secret is configured here: set {setting}"
    headers = _headers(signal)
    if headers is None:
        return "headers webhook-id, webhook-timestamp and webhook-signature (or svix-...) are needed, as Standard Webhooks have them"
    message_id, timestamp, signatures = headers
    if not any([standard_proves(signal.body, signatures, message_id=message_id, timestamp=timestamp, key=key) for key in keys]):  # noqa: C419 - all are tried, in equal time
        return "the signature does not match the body and the secrets configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, window_s):
        return f"the signed timestamp lies further than {window_s} s from now"
    return None


def message_id(signal: Signal) -> str | None:
    """The id of the message, the same however often it is sent; None where there is none."""
    headers = _headers(signal)
    return None if headers is None else headers.message_id


def _headers(signal: Signal) -> _Headers | None:
    """The three headers, of one name or the other; None where one is missing."""
    for prefix in _PREFIXES:
        said = [signal.headers.get(prefix + name) for name in ("id", "timestamp", "signature")]
        if all(said):
            message_id, timestamp, signatures = (each or "" for each in said)
            return _Headers(message_id, timestamp.partition(".")[0], signatures)  # whole seconds are signed, whatever the header says
    return None
