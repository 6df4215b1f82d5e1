"""Signatures written `t=<seconds>,v1=<hex>`, as Stripe and Calendly send them: HMAC-SHA256 over `t.body`.

The signed instant bounds how long a recorded request can be sent again. There may be several `v1`, one for each secret
while the sender changes it; other schemes, such as Stripe's `v0` of test events, are passed over.
"""

from typing import Final

from processors.sources.signal import Signal
from processors.sources.signatures import keyed_proves, within

_PARTS_MAX: Final = 16


def timed_refusal(signal: Signal, header: str, *, secrets: tuple[str, ...], window_s: int, setting: str) -> str | None:
    """What is wrong with the proof in *header*, or None. Several *secrets* are right while one is being changed."""
    if signal.proved:
        return None
    if not secrets:
        return f"no signing secret is configured here: set {setting}"
    said = signal.headers.get(header)
    if not said:
        return f"header {header} is needed; it is written t=...,v1=..."
    timestamp, signatures = _parts(said)
    if timestamp is None or not signatures:
        return f"header {header} must be written t=...,v1=..."
    message = timestamp.encode(errors="surrogateescape") + b"." + signal.body
    if not keyed_proves(message, *signatures, secrets=secrets):
        return f"header {header} does not match the body and the secret configured here"
    if signal.import_id is None and not within(timestamp, signal.received_at, window_s):
        return f"header {header} was signed further than {window_s} s from now"
    return None


def _parts(said: str) -> tuple[str | None, list[str]]:
    """The first `t` and all `v1` of a header."""
    timestamp: str | None = None
    signatures: list[str] = []
    for part in said.split(",", _PARTS_MAX)[:_PARTS_MAX]:
        name, _, value = part.strip().partition("=")
        if name == "t" and timestamp is None:
            timestamp = value
        elif name == "v1":
            signatures.append(value)
    return timestamp, signatures
