"""Proofs that the collector asks for: write keys, signatures, the import key. Made when a request leaves."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from processors.sources import sendgrid
from streams.demo.wire import Request
from streams.sending.door import signed
from streams.sending.history import import_headers
from streams.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The senders' secrets. `import_id` None: what is sent happens now."""

    write_key: str
    mail_key: ec.EllipticCurvePrivateKey = field(repr=False)
    events_secret: str = field(repr=False)
    import_key: str = field(repr=False)
    import_id: str | None = None

    def headers(self, request: Request, *, now_ms: int) -> Mapping[str, str]:
        """The headers that *request* leaves with at *now_ms*."""
        headers = {"content-type": "application/json"} | self._proof(request, now_ms)
        if request.zipped and len(request.body) % 2:  # half of the libraries zip without saying so
            headers["content-encoding"] = "gzip"
        return headers if self.import_id is None else headers | import_headers(self.import_id, self.import_key)

    def _proof(self, request: Request, now_ms: int) -> dict[str, str]:
        match request.door:
            case "segment":
                return {"authorization": "Basic " + base64.b64encode(f"{self.write_key}:".encode()).decode()}
            case "sendgrid":
                timestamp = str(now_ms // 1000)
                signature = self.mail_key.sign(timestamp.encode() + request.body, ec.ECDSA(SHA256()))
                return {sendgrid.TIMESTAMP: timestamp, sendgrid.SIGNATURE: base64.b64encode(signature).decode()}
            case "events":
                return signed(request.body, secret=self.events_secret, now_ms=now_ms)
            case "google_ads":
                return {}  # its key is in the body


def mail_key(seed: int) -> ec.EllipticCurvePrivateKey:
    """The key pair of the mail provider in the demo of *seed*: of no use to anybody, hence no secret."""
    number = int.from_bytes(blake2b(f"demo {seed}".encode(), digest_size=31).digest(), "big")
    return ec.derive_private_key(number, ec.SECP256R1())


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half, as SendGrid's console shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def seal_of(settings: Settings, seed: int, *, import_id: str | None) -> Seal:
    """What the senders of the demo prove themselves with to a collector of *settings*."""
    return Seal(
        write_key=min(settings.write_keys), mail_key=mail_key(seed), events_secret=settings.events_secret,
        import_key=settings.import_key, import_id=import_id,
    )  # fmt: skip
