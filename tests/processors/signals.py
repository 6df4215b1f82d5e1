"""Signals and touchpoints for the tests of sources, with defaults for everything but what a test is about."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from processors.sources import events, sendgrid
from processors.sources.signal import Adapted, Signal, Unauthorised
from processors.sources.signatures import standard_key, standard_signature
from schemas.touchpoint import Touchpoint

NOW = 1_795_298_200_000  # 2026-11-21T21:56:40Z
DAY = 24 * 3600 * 1000
IDENTITY_KEY = b"an identity key for tests"
PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"


_PRIVATE = ec.derive_private_key(20261121, ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    _PRIVATE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
SECRET = "whsec_" + base64.b64encode(b"a secret of more than 24 bytes").decode()


def signed_as_sendgrid(body: bytes, timestamp: str = str(NOW // 1000)) -> dict[str, str]:
    """The headers that prove *body* against PUBLIC_KEY."""
    signature = _PRIVATE.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {sendgrid.TIMESTAMP: timestamp, sendgrid.SIGNATURE: base64.b64encode(signature).decode()}


def signed_as_event(body: bytes, timestamp: str = str(NOW // 1000)) -> dict[str, str]:
    """The headers that prove *body* against SECRET."""
    key = standard_key(SECRET)
    assert key is not None
    return {events.ID: "msg_1", events.TIMESTAMP: timestamp, events.SIGNATURE: standard_signature(body, "msg_1", timestamp, key=key)}


def signal(body, path="/v1/batch", *, headers=None, query=None, received_at=NOW, import_id=None):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return Signal(
        method="POST", path=path, headers=headers or {}, query=query or {}, body=body, received_at=received_at, import_id=import_id
    )


def payloads(folder: str, pattern: str) -> list[Path]:
    """Recorded inputs, or a skip that says they are not here."""
    found = sorted((PAYLOADS / folder).glob(pattern))
    if not found:
        pytest.skip(f"no recorded payloads at {PAYLOADS / folder}")
    return found


def payload(name: str) -> bytes:
    return payloads(name.rpartition("/")[0], name.rpartition("/")[2])[0].read_bytes()


def touchpoints(outcome) -> tuple[Touchpoint, ...]:
    """All touchpoints of an outcome in which nothing was rejected."""
    assert isinstance(outcome, Adapted), outcome
    assert outcome.rejected == ()
    return outcome.touchpoints


def only(outcome) -> Touchpoint:
    (touchpoint,) = touchpoints(outcome)
    return touchpoint


def problem(outcome):
    """The one rejection of an outcome without touchpoints."""
    assert isinstance(outcome, Adapted), outcome
    assert outcome.touchpoints == ()
    (rejected,) = outcome.rejected
    assert rejected.field in rejected.detail
    return rejected


def refused(outcome) -> str:
    assert isinstance(outcome, Unauthorised), outcome
    return outcome.detail
