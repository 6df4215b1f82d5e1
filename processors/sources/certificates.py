"""Whether a certificate is what it says: its chain leads to a trusted root, it is in time, and has one of the right names."""

import ssl
import warnings
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

CHAIN_MAX: Final = 4
_HOUR_MS: Final = 3_600_000


class Trusted(NamedTuple):
    """A certificate whose chain was checked."""

    key: rsa.RSAPublicKey


class Untrusted(NamedTuple):
    """One whose chain does not lead to a root; *issuer* is where the next certificate of it is said to lie."""

    why: str
    issuer: str | None = None


@lru_cache(maxsize=4)
def store_of(roots: str) -> Store | None:
    """The roots in a PEM file, or this machine's; None where there are none, as in small containers. Raises OSError."""
    found = ssl.create_default_context(cafile=roots or None).get_ca_certs(binary_form=True)
    with warnings.catch_warnings(action="ignore"):  # old roots number themselves against the rules; they are left out
        certificates = [certificate for each in found if (certificate := _root(each)) is not None]
    return Store(certificates) if certificates else None


def judge(leaf: bytes, issuers: tuple[bytes, ...], *, names: tuple[str, ...], store: Store, at: int) -> Trusted | Untrusted:
    """Judge the certificate *leaf*, PEM, by those of its *issuers*; it must have one of *names* at the instant *at*."""
    return _judge(leaf, issuers, names, store, at // _HOUR_MS)


@lru_cache(maxsize=64)
def _judge(leaf: bytes, issuers: tuple[bytes, ...], names: tuple[str, ...], store: Store, hour: int) -> Trusted | Untrusted:
    try:
        certificate, *others = x509.load_pem_x509_certificates(leaf)[:CHAIN_MAX]
        others += [_read(each) for each in issuers]
        name = next((each for each in names if each in _names(certificate)), None)
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - certificates are made by strangers, and the library has many words for wrong
        return Untrusted("it cannot be read")
    if name is None:
        return Untrusted("it is not issued to the sender")
    if not isinstance(key, rsa.RSAPublicKey):
        return Untrusted("its key is of no use for signatures of this kind")
    at = datetime.fromtimestamp(hour * _HOUR_MS / 1000, UTC)
    try:
        PolicyBuilder().store(store).time(at).max_chain_depth(CHAIN_MAX).build_server_verifier(x509.DNSName(name)).verify(certificate, others)
    except VerificationError:
        return Untrusted("its chain leads to no root that is trusted here", _issuer(others[-1] if others else certificate))
    return Trusted(key)


def _read(said: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(said) if said.lstrip()[:5] == b"-----" else x509.load_der_x509_certificate(said)


def _root(der: bytes) -> x509.Certificate | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    return certificate if certificate.serial_number > 0 else None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _issuer(certificate: x509.Certificate) -> str | None:
    """Where the certificate of the issuer lies, as the certificate says."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, ValueError):
        return None
    for each in found.value:
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS and isinstance(each.access_location, x509.UniformResourceIdentifier):
            return each.access_location.value
    return None
