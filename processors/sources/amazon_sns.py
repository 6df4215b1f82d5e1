"""Messages of Amazon SNS: signed with a certificate that lies at Amazon, by topics that are ours.

Anyone can have SNS sign messages of a topic of his own, so the topic is half of the proof. The certificate comes alone;
those between it and the root lie where it says, at Amazon's own authority.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.verification import Store

from processors.sources import instants
from processors.sources.certificates import CHAIN_MAX, Trusted, judge
from processors.sources.signal import Answered, Signal, Unauthorised, Wanted

NOTIFICATION: Final = "Notification"
SUBSCRIBE: Final = "SubscriptionConfirmation"
UNSUBSCRIBE: Final = "UnsubscribeConfirmation"
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIBE: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIBE: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}  # fmt: skip
_HASHES: Final = {"1": SHA1, "2": SHA256}
_CERTIFICATE: Final = re.compile(r"https://sns\.([a-z0-9-]{4,32})\.amazonaws\.com(\.cn)?/SimpleNotificationService-[A-Za-z0-9]{8,64}\.pem")
_CONFIRM: Final = re.compile(r"https://sns\.[a-z0-9-]{4,32}\.amazonaws\.com(?:\.cn)?/\?[!-~]{1,2000}")
_ISSUER: Final = re.compile(r"https?://crt\.[a-z0-9-]{1,32}\.amazontrust\.com/[a-z0-9-]{1,32}\.cer")
_GOVERNMENT: Final = "us-gov-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsSettings:
    """The ARNs of the topics that may speak, the roots that are trusted, and how old a message may be."""

    topics: tuple[str, ...]
    store: Store | None
    window_s: int = 7 * 3600


def proof(message: Mapping[str, Any], signal: Signal, settings: SnsSettings) -> Unauthorised | Wanted | None:
    """What is wrong with the proof, or what is needed to judge it, or None."""
    if signal.proved:
        return None
    if not settings.topics:
        return Unauthorised(detail="no topic is configured here: set LEADSTREAM_AMAZON_SES_TOPICS to the ARN of yours")
    if settings.store is None:
        return Unauthorised(detail="this machine has no root certificates: install them, or set LEADSTREAM_OUTBOUND_ROOTS")
    if message.get("TopicArn") not in settings.topics:
        return Unauthorised(detail="TopicArn is none of LEADSTREAM_AMAZON_SES_TOPICS (raw message delivery, which has none, must be off)")
    url, signed, digest = message.get("SigningCertURL", message.get("SigningCertUrl")), _signed(message), _HASHES.get(str(message.get("SignatureVersion")))
    if not isinstance(url, str) or (place := _CERTIFICATE.fullmatch(url)) is None:
        return Unauthorised(detail="SigningCertURL must be https://sns.<region>.amazonaws.com/SimpleNotificationService-....pem")
    if signed is None or digest is None or not isinstance(signature := message.get("Signature"), str):
        return Unauthorised(detail="the fields that SNS signs, Signature, and SignatureVersion 1 or 2 are needed")
    key = _key(url, _names(place[1], place[2] or ""), signal, settings.store)
    if not isinstance(key, Trusted):
        return key
    try:
        key.key.verify(base64.b64decode(signature, validate=True), signed, padding.PKCS1v15(), digest())
    except (InvalidSignature, binascii.Error, ValueError):
        return Unauthorised(detail="Signature does not match the message and the certificate at SigningCertURL")
    at = instants.read(message.get("Timestamp"))
    if signal.import_id is None and (at is None or abs(signal.received_at - at) > settings.window_s * 1000):
        return Unauthorised(detail=f"Timestamp lies further than {settings.window_s} s from now")
    return None


def confirm(message: Mapping[str, Any], signal: Signal) -> Unauthorised | Wanted | Answered:
    """Answer a proved SubscriptionConfirmation, by a visit to its SubscribeURL."""
    url = message.get("SubscribeURL")
    asked = parse_qs(urlsplit(url).query) if isinstance(url, str) and _CONFIRM.fullmatch(url) else {}
    if not isinstance(url, str) or asked.get("Action") != ["ConfirmSubscription"]:
        return Unauthorised(detail="SubscribeURL must be https://sns.<region>.amazonaws.com/?Action=ConfirmSubscription&...")
    if signal.fetched is None or (found := signal.fetched.get(url)) is None:
        return Wanted(url=url, kept=False)
    return Answered(body=b'{"success":true}') if found else Unauthorised(detail="SubscribeURL is of no use any more: ask SNS for another confirmation")


def _signed(message: Mapping[str, Any]) -> bytes | None:
    """The text that SNS signs; None where a field of it is missing."""
    said = message.get("Type")
    names = _SIGNED.get(said) if isinstance(said, str) else None
    if names is None:
        return None
    lines: list[str] = []
    for name in names:
        value = message.get(name)
        if isinstance(value, str):
            lines += (name, value)
        elif name != "Subject" or value is not None:
            return None
    return ("\n".join(lines) + "\n").encode(errors="surrogateescape")


def _key(url: str, names: tuple[str, ...], signal: Signal, store: Store) -> Trusted | Unauthorised | Wanted:
    """The key of the certificate at *url*, once its chain is complete."""
    fetched = signal.fetched or {}
    if (leaf := fetched.get(url)) is None:
        return Wanted(url=url)
    if not leaf:
        return Unauthorised(detail="there is no certificate at SigningCertURL")
    issuers: tuple[bytes, ...] = ()
    while len(issuers) < CHAIN_MAX:
        judged = judge(leaf, issuers, names=names, store=store, at=signal.received_at)
        if isinstance(judged, Trusted):
            return judged
        if judged.issuer is None or _ISSUER.fullmatch(judged.issuer) is None:
            return Unauthorised(detail=f"the certificate at SigningCertURL is not trusted: {judged.why}")
        if (issuer := fetched.get(judged.issuer)) is None:
            return Wanted(url=judged.issuer)
        if not issuer or issuer in issuers:
            return Unauthorised(detail=f"the certificate at SigningCertURL is not trusted: {judged.why}")
        issuers = (*issuers, issuer)
    return Unauthorised(detail="the certificate at SigningCertURL is not trusted: its chain is too long")


def _names(region: str, china: str) -> tuple[str, ...]:
    """The names that the certificate of a region may have."""
    end = f"amazonaws.com{china}"
    own = (f"sns.{region}.{end}", f"sns-signing.{region}.{end}", f"sns-{region}.{end}")
    return (*own, f"sns-{_GOVERNMENT}.{end}") if region.startswith("us-gov-") else (f"sns.{end}", *own)
