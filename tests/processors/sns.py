"""An authority, a certificate and messages as Amazon SNS has them, made for tests: a root, one below it, a leaf."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.processors.signals import NOW

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
ISSUER_URL = "http://crt.r2m01.amazontrust.com/r2m01.cer"
CONFIRM_URL = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
AT = datetime.fromtimestamp(NOW / 1000, UTC)


@cache
def key(name):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def issue(subject, issuer, *, names=(), ca=False, days=(-3650, 3650), issuer_at=ISSUER_URL):
    """A certificate of *subject* by *issuer*, both named by their keys."""
    builder = (
        x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer)).public_key(key(subject).public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(AT + timedelta(days=days[0])).not_valid_after(AT + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key(subject).public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(issuer).public_key()), critical=False)
        .add_extension(x509.KeyUsage(not ca, False, not ca, False, False, ca, ca, False, False), critical=True)
    )  # fmt: skip
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if issuer_at:
        told = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_at))
        builder = builder.add_extension(x509.AuthorityInformationAccess([told]), critical=False)
    return builder.sign(key(issuer), hashes.SHA256())


def pem(*certificates):
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


@cache
def root():
    return issue("root", "root", ca=True, issuer_at=None)


@cache
def between():
    return issue("between", "root", ca=True, issuer_at=None)


@cache
def leaf():
    return issue("leaf", "between", names=("sns.amazonaws.com",))


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def message(event, *, version="2", signer="leaf", **changed):
    """A signed message: a notification of *event*, or of another type by *changed*; what is None is left out."""
    said = {
        "Type": "Notification", "MessageId": "n-1", "TopicArn": TOPIC, "Message": event if isinstance(event, str) else json.dumps(event), "Subject": "Amazon SES",
        "Timestamp": AT.isoformat().replace("+00:00", "Z"), "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL, **changed,
    }  # fmt: skip
    said = {name: value for name, value in said.items() if value is not None}
    confirms = said["Type"] != "Notification"
    names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type") if confirms else ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    signed = "".join(f"{name}\n{said[name]}\n" for name in names if name in said)
    hashed = hashes.SHA1() if version == "1" else hashes.SHA256()
    said.setdefault("Signature", base64.b64encode(key(signer).sign(signed.encode(), padding.PKCS1v15(), hashed)).decode())
    return said


def confirmation(**changed):
    return message("You have chosen to subscribe", **{"Type": "SubscriptionConfirmation", "Token": "abc", "SubscribeURL": CONFIRM_URL, "Subject": None, **changed})
