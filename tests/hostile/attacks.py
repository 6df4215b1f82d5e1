"""What strangers, bots and broken clients send: bytes on the wire, made of recordings, of descriptions and of malice.

Every attack is drawn from a seed. One that holds no write key, or no signature, must never have an event counted.
"""

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from streams.collecting.doors import Door


@dataclass(frozen=True, kw_only=True, slots=True)
class Attack:
    """One connection's bytes. Those that are *broken* on purpose are not a whole request: their answer, if any, is not ours to promise."""

    label: str
    raw: bytes
    keyed: bool = False  # holds a write key that is known: events of it may count
    broken: bool = False
    pause_s: float = 0.0  # between pieces of `raw`
    pieces: int = 1
    cut: bool = False  # the client hangs up as soon as it has sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A whole request, before it becomes bytes."""

    label: str
    method: str = "POST"
    path: str
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b""
    keyed: bool = False

    def raw(self) -> bytes:
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: collector", "Connection: close", f"Content-Length: {len(self.body)}"]
        head += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + self.body

    def attack(self, label: str, **more: object) -> Attack:
        return replace(Attack(label=f"{self.label}, {label}", raw=self.raw(), keyed=self.keyed), **more)


Mutation = Callable[[Request, random.Random], Attack]


def plain(request: Request, _: random.Random) -> Attack:
    return request.attack("as it is")


def truncated(request: Request, chance: random.Random) -> Attack:
    """The body ends early, and its length says so."""
    return replace(request, body=request.body[: chance.randrange(len(request.body) + 1)]).attack("truncated")


def flipped(request: Request, chance: random.Random) -> Attack:
    """A few bytes are others."""
    body = bytearray(request.body or b"{}")
    for _ in range(chance.randint(1, 5)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return replace(request, body=bytes(body)).attack("flipped")


def doubled(request: Request, _: random.Random) -> Attack:
    return replace(request, body=request.body * 2).attack("doubled")


def repeated(request: Request, chance: random.Random) -> Attack:
    """A list of it, many times."""
    most = max(2, min(200, 500_000 // max(1, len(request.body))))
    return replace(request, body=b"[" + b",".join([request.body] * chance.randint(2, most)) + b"]").attack("repeated")


def reencoded(request: Request, chance: random.Random) -> Attack:
    """In another encoding, or zipped, truly or not."""
    text = request.body.decode("utf-8", "replace")
    how: Sequence[tuple[str, bytes, str]] = (
        ("utf-16", text.encode("utf-16"), ""), ("utf-32", text.encode("utf-32"), ""), ("with a mark", b"\xef\xbb\xbf" + request.body, ""),
        ("gzip", gzip.compress(request.body), "gzip"), ("gzip, not said", gzip.compress(request.body), ""), ("gzip, cut", gzip.compress(request.body)[:-5], "gzip"),
        ("gzip twice", gzip.compress(gzip.compress(request.body)), "gzip"), ("a bomb", gzip.compress(bytes(chance.randint(2, 30) << 20)), "gzip"),
        ("deflate", zlib.compress(request.body), "deflate"), ("said to be gzip", request.body, "gzip"), ("said to be br", request.body, "br"),
    )  # fmt: skip
    label, body, encoding = chance.choice(how)
    headers = request.headers + ((("Content-Encoding", encoding),) if encoding else ())
    return replace(request, body=body, headers=headers).attack(label)


def oversized(request: Request, chance: random.Random) -> Attack:
    """Larger than is read."""
    if chance.random() < 0.5:
        return replace(request, body=request.body + b" " * (1 << 20)).attack("oversized")
    return replace(request, body=json.dumps({"batch": [{"type": "page"}] * 6_000}).encode()).attack("too many")


def nested(request: Request, chance: random.Random) -> Attack:
    depth = chance.choice([10, 1_000, 100_000])
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    body = opening * depth + b"1" + closing * depth
    return replace(request, body=chance.choice([body, b'{"properties":' + body + b',"batch":' + body + b"}"])).attack(f"nested {depth}")


_ODD = (
    None, True, -1, 0, 10**30, 1e308, "", " ", "null", "\x00", "\ud83d", "a" * 40_000, "' OR 1=1 --", "<script>alert(1)</script>", "${jndi:ldap://x}", "../../etc/passwd",
    "\u202etxt", "9" * 400, [], {}, [[]], {"": ""}, [None] * 300, {str(n): n for n in range(300)}, "2026-13-45T99:99:99Z", "NaN", -(2**63), 2**64,
)  # fmt: skip


def odd(request: Request, chance: random.Random) -> Attack:
    """Some values in it are others, of other types."""
    try:
        found = json.loads(request.body)
    except ValueError:
        return flipped(request, chance)
    for _ in range(chance.randint(1, 4)):
        found = _with_one_other(found, chance)
    return replace(request, body=json.dumps(found, ensure_ascii=chance.random() < 0.9).encode("utf-8", "surrogatepass")).attack("odd values")


def _with_one_other(found: object, chance: random.Random) -> object:
    if isinstance(found, dict) and found and chance.random() < 0.9:
        name = chance.choice(list(found))
        return {**found, name: _with_one_other(found[name], chance)}
    if isinstance(found, list) and found and chance.random() < 0.9:
        place = chance.randrange(len(found))
        return [*found[:place], _with_one_other(found[place], chance), *found[place + 1 :]]
    return chance.choice(_ODD)


def headers(request: Request, chance: random.Random) -> Attack:
    """Headers nobody should send."""
    added = chance.choice([
        (("Content-Type", "text/plain; charset=utf-7"),), (("Content-Type", "multipart/form-data; boundary="),), (("Content-Type", "application/x-www-form-urlencoded"),),
        (("Authorization", "Basic !!!!"),), (("Authorization", "Bearer " + "a" * 4_000),), (("Authorization", "Basic Og=="),), (("X-Forwarded-For", "127.0.0.1, " * 200),),
        (("Origin", "https://evil.example"), ("Access-Control-Request-Headers", "x" * 2_000)), (("X-Leadstream-Import", "../x"), ("X-Leadstream-Import-Key", "guess")),
        (("webhook-id", "\xff"), ("webhook-timestamp", "nan"), ("webhook-signature", "v1,AAAA")), (("Stripe-Signature", "t=1,v1=" + "0" * 64),),
        (("X-Hub-Signature-256", "sha256=" + "0" * 64),), (("Expect", "100-continue"),), (("Accept", "*/*;q=" + "9" * 500),), tuple((f"X-{n}", "x") for n in range(90)),
        (("X-Twilio-Email-Event-Webhook-Signature", "MEUCIQ=="), ("X-Twilio-Email-Event-Webhook-Timestamp", "-1")),
    ])  # fmt: skip
    return replace(request, headers=request.headers + added).attack("odd headers")


def elsewhere(request: Request, chance: random.Random) -> Attack:
    """Another method, or another path."""
    if chance.random() < 0.5:
        return replace(request, method=chance.choice(["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND", "TRACE"]), keyed=False).attack("method")
    path = request.path + chance.choice(["/..", "//", "/%00", "/%2e%2e/%2e%2e/etc/passwd", "?" + "a=b&" * 500, "/;x", "/\u00e9", "%", "?writeKey=&writeKey=x"])
    return replace(request, path=path, keyed=False).attack("path")


def on_the_wire(request: Request, chance: random.Random) -> Attack:
    """No HTTP, or not all of it."""
    request = _without_key(request)
    raw = request.raw()
    head, _, body = raw.partition(b"\r\n\r\n")
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    broken: Sequence[tuple[str, bytes]] = (
        ("length too large", head.replace(b"Content-Length: ", b"Content-Length: 9") + b"\r\n\r\n" + body), ("length negative", head.replace(b"Content-Length: ", b"Content-Length: -") + b"\r\n\r\n"),
        ("length and chunks", head + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled), ("bad chunks", head.replace(b"Content-Length", b"X-L") + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + body),
        ("chunk without end", head.replace(b"Content-Length", b"X-L") + b"\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n" + body[:100]), ("a long header", head + b"\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n"),
        ("many headers", head + b"".join(b"\r\nX-%d: x" % n for n in range(500)) + b"\r\n\r\n"), ("a NUL", head.replace(b"Host", b"Ho\x00st") + b"\r\n\r\n"), ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(200)),
        ("noise", chance.randbytes(chance.randint(1, 2_000))), ("HTTP/0.9", b"GET /v1/page\r\n\r\n"), ("cut", raw[: chance.randrange(1, len(raw))]), ("two at once", raw.replace(b"Connection: close\r\n", b"") + smuggled),
    )  # fmt: skip
    label, sent = chance.choice(broken)
    return Attack(label=f"{request.label}, {label}", raw=sent, broken=True, cut=chance.random() < 0.3)


def slow(request: Request, chance: random.Random) -> Attack:
    """In pieces, with pauses."""
    return _without_key(request).attack("slow", pause_s=chance.uniform(0.01, 0.1), pieces=chance.randint(2, 12))


def _without_key(request: Request) -> Request:
    return replace(request, keyed=False, path=request.path.partition("?")[0])


MUTATIONS: Sequence[Mutation] = (plain, truncated, flipped, flipped, doubled, repeated, reencoded, reencoded, oversized, nested, odd, odd, odd, odd, headers, headers, elsewhere, on_the_wire, on_the_wire, slow)


def of(bases: Sequence[Request], chance: random.Random) -> Iterator[Attack]:
    """Attacks without end: any mutation of any of *bases*."""
    while True:
        yield chance.choice(MUTATIONS)(chance.choice(bases), chance)


def written_here(doors: Sequence[Door], key: str) -> list[Request]:
    """True bodies for the doors that have a format of our own, and something for every other: no recordings are needed."""
    page = {"type": "page", "anonymousId": "v-1", "messageId": "m-1", "context": {"campaign": {"name": "spring"}}, "properties": {"url": "https://example.com/?gclid=x"}}
    event = {"events": [{"id": 1, "kind": "deal_won", "crm_id": "c-1", "at": "2026-05-01T00:00:00Z", "email": "ann@example.com", "properties": {"amount": 12}}]}
    found = [Request(label=f"{door.source} {path}", path=path, body=json.dumps(event).encode()) for door in doors for path in door.paths]
    found += [Request(label=f"{door.source} {path}", path=path, body=json.dumps(page).encode()) for door in doors if door.browsers for path in door.paths]
    batch = json.dumps({"batch": [page, {**page, "type": "track", "event": "Demo Booked"}, {**page, "type": "identify", "traits": {"email": "ann@example.com"}}]}).encode()
    for door in doors:
        if door.browsers:
            found += [Request(label=f"{door.source} {path}, keyed", path=f"{path}?writeKey={key}", body=batch if path.endswith(("/batch", "/b")) else json.dumps(page).encode(), keyed=True) for path in door.paths]
    return found
