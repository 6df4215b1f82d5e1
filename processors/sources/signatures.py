"""Proofs that a body came from who it says, over its raw bytes: ECDSA (SendGrid), HMAC, Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
from binascii import hexlify
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from processors.sources import instants

STANDARD_PREFIX: Final = "whsec_"
_SIGNATURES_MAX: Final = 8


@lru_cache(maxsize=16)
def ecdsa_key(public_key: str) -> ec.EllipticCurvePublicKey | None:
    """Read a public key as consoles show it, base64 of DER; None where it is none."""
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def ecdsa_proves(body: bytes, signature: str, *, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether *signature*, base64 of DER, is *key*'s over *body*."""
    try:
        key.verify(base64.b64decode(signature, validate=True), body, ec.ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def standard_key(secret: str) -> bytes | None:
    """Read a secret of Standard Webhooks, `whsec_` and base64; None where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key or None


def standard_signature(body: bytes, message_id: str, timestamp: str, *, key: bytes) -> str:
    """Sign as Standard Webhooks do: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`."""
    head = f"{message_id}.{timestamp}.".encode(errors="surrogateescape")  # headers may hold any bytes
    signed = hmac.digest(key, head + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def standard_proves(body: bytes, signatures: str, *, message_id: str, timestamp: str, key: bytes) -> bool:
    """Whether one of the *signatures*, several while a secret is being changed, is right. In constant time."""
    right = standard_signature(body, message_id, timestamp, key=key).encode()
    given = signatures.split(" ", _SIGNATURES_MAX)[:_SIGNATURES_MAX]
    return any(hmac.compare_digest(right, each.encode(errors="surrogateescape")) for each in given)


def keyed_proves(message: bytes, *given: str, secrets: Iterable[str], hashed: str = "sha256", encode: Callable[[bytes], bytes] = hexlify) -> bool:
    """Whether one of *given* is the HMAC of *message* by one of the *secrets*, several while one is changed. In constant time.

    *encode* writes the digest: `hexlify`, or `base64.b64encode`.
    """
    said = [each.encode(errors="surrogateescape") for each in given]
    right = (encode(hmac.digest(each.encode(errors="surrogateescape"), message, hashed)) for each in secrets)
    return any(hmac.compare_digest(digest, each) for digest in right for each in said)


def keyed_digest(message: bytes, secret: str) -> str:
    """The HMAC-SHA256 of *message* by *secret*, in hex: the answer to a question of one who knows the secret."""
    return hmac.digest(secret.encode(errors="surrogateescape"), message, "sha256").hex()


def within(timestamp: str, received_at: int, window_s: int) -> bool:
    """Whether a signed *timestamp*, in seconds since 1970, lies within *window_s* of *received_at*."""
    try:
        said = instants.read(float(timestamp))
    except (ValueError, OverflowError):
        return False
    return said is not None and abs(received_at - said) <= window_s * 1000
