"""Email addresses as identifiers: one spelling per mailbox, and a keyed hash that names its owner without showing it.

The spelling is cautious on purpose: case, white space, `mailto:` and the domain's script are evened out, plus tags and
dots are not, since with most providers they are other mailboxes, and two leads merged by mistake do not come apart.
"""

import re
import unicodedata
from hashlib import blake2b
from typing import Final, NamedTuple

ADDRESS_CHARS_MAX: Final = 254
_LOCAL_CHARS_MAX: Final = 64
_WRITTEN_CHARS_MAX: Final = 1024  # with a display name and angle brackets around it
_ADDRESS = re.compile(r"([^\s\x00-\x20\x7f<>(),;:\"\[\]\\@]+)@([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)")
_NAMED = re.compile(r"[^<>]*<([^<>]+)>")


class Email(NamedTuple):
    """An address, the hash that names its owner, and its domain."""

    address: str
    hash: str
    domain: str


def normalise_email(address: str) -> str | None:
    """The one spelling of *address*, or None where it is no address.

    Takes `Peter <P@Example.com>` and `mailto:p@example.com` too.
    """
    match = _read(address)
    return None if match is None else match[0]


def email_hash(address: str, key: bytes) -> str:
    """Name the owner of *address*: 32 hex digits of BLAKE2b (128 bits) of its one spelling, keyed.

    Keyed, because an unkeyed hash of an address is undone by hashing lists of addresses. Whatever is no address is
    hashed as it stands, stripped and in lower case.
    """
    return _hash(normalise_email(address) or address.strip().lower(), key)


def read_email(address: str, key: bytes) -> Email | None:
    """Read *address*, or None where it is none."""
    match = _read(address)
    return None if match is None else Email(match[0], _hash(match[0], key), match[2])


def _hash(spelling: str, key: bytes) -> str:
    return blake2b(spelling.encode(), digest_size=16, key=key[:64]).hexdigest()


def _read(address: str) -> re.Match[str] | None:
    """Match the one spelling of *address*: group 0 all of it, 1 the mailbox, 2 the domain."""
    if len(address) > _WRITTEN_CHARS_MAX:
        return None
    plain = address.strip().lower()
    if "<" in plain:
        named = _NAMED.fullmatch(plain)
        plain = named[1].strip() if named else plain
    plain = plain.removeprefix("mailto:")
    if not plain.isascii():
        plain = _ascii_domain(unicodedata.normalize("NFKC", plain).lower())
    match = _ADDRESS.fullmatch(plain)
    if match is None or len(plain) > ADDRESS_CHARS_MAX or len(match[1]) > _LOCAL_CHARS_MAX:
        return None
    return match


def _ascii_domain(address: str) -> str:
    """Write the domain as mail servers do (`bücher.de` is `xn--bcher-kva.de`); what cannot be is left alone."""
    local, at, domain = address.rpartition("@")
    try:
        return local + at + domain.encode("idna").decode()
    except UnicodeError:
        return address
