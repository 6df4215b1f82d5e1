"""The proof of senders that sign nothing: a secret that only they and we know, in constant time.

It is taken where consoles let one put it: as the password of Basic auth (`https://leadstream:SECRET@host/...`), as a
Bearer token, in header `X-Leadstream-Secret`, or as `?secret=` in the address.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator
from typing import Final

from processors.sources.signal import Signal

HEADER: Final = "x-leadstream-secret"
QUERY: Final = "secret"
_HEADER_CHARS_MAX: Final = 1024


def refusal(signal: Signal, secrets: tuple[str, ...], *, setting: str) -> str | None:
    """What is wrong with the proof, or None. Several *secrets* are right while one is being changed."""
    if signal.proved:
        return None
    if not secrets:
        return f"no secret is configured here: set {setting}"
    right = [each.encode(errors="surrogateescape") for each in secrets]
    said = list(_said(signal))
    if any(hmac.compare_digest(one, other) for one in said for other in right):
        return None
    wrong = "is wrong" if said else "is missing"
    return f"the secret {wrong}: put the one of {setting} into the address, as password or as ?{QUERY}="


def _said(signal: Signal) -> Iterator[bytes]:
    """What may be meant as the secret, wherever it stands."""
    scheme, _, credentials = signal.headers.get("authorization", "")[:_HEADER_CHARS_MAX].partition(" ")
    if scheme.lower() == "basic":
        yield from filter(None, _basic(credentials))
    elif scheme.lower() == "bearer":
        yield _bytes(credentials.strip())
    for said in (signal.headers.get(HEADER), signal.query.get(QUERY)):
        if said:
            yield _bytes(said[:_HEADER_CHARS_MAX])


def _basic(credentials: str) -> tuple[bytes, ...]:
    """The password, or the name where it stands alone."""
    try:
        name, _, password = base64.b64decode(credentials.strip().encode("ascii"), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return ()
    return (password or name,)


def _bytes(said: str) -> bytes:
    return said.encode(errors="backslashreplace")  # headers may hold any bytes
