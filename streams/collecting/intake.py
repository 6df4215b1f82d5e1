"""One request, from its first byte to its answer. The ack is the last line.

admitted → read and unzipped → let in as an import, or live → adapted → written to Kafka and acknowledged → answered
"""

import asyncio
import hmac
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Final

from aiohttp import web

from processors.sources import import_marks
from processors.sources.signal import Adapted, Answered, Outcome, Rejected, Signal, Unauthorised, Unusable, Wanted
from schemas.avro import encode_dead_letter, encode_touchpoint
from schemas.dead_letter import DeadLetter
from schemas.ids import derive
from schemas.touchpoint import Touchpoint
from streams import metrics, topics
from streams.collecting import addresses, answers, bodies
from streams.collecting.doors import TOPIC_OF, Door
from streams.collecting.fetching import Fetching
from streams.collecting.outbox import Outbox
from streams.collecting.rates import Rates
from streams.collecting.under_way import UnderWay
from streams.errors import Refused, Unavailable
from streams.kafka import Output
from streams.settings import Settings

log = logging.getLogger(__name__)

HOP: Final = "collect"
IMPORT: Final = "x-leadstream-import"
IMPORT_KEY: Final = "x-leadstream-import-key"
FORWARDED: Final = "x-forwarded-for"
HEADER_CHARS_MAX: Final = 200
_NO_QUERY: Final[Mapping[str, str]] = {}


class Intake:
    """What all requests share: settings, the outbox, how much is under way, and the clock."""

    def __init__(self, settings: Settings, box: Outbox, *, now: Callable[[], int]) -> None:
        self._settings = settings
        self._box = box
        self._now = now
        self._topics = {family: settings.names.topic(topic) for family, topic in TOPIC_OF.items()}
        self._partitions = {family: topics.BY_NAME[topic].partitions for family, topic in TOPIC_OF.items()}
        self._dead_letters = settings.names.topic(topics.DEAD_LETTERS)
        self._proxies = addresses.networks(settings.proxies)
        self._by_address = Rates(settings.rate_per_address)
        self._by_key = Rates(settings.rate_per_key)
        self._fetching = Fetching(proxy=settings.outbound_proxy, roots=settings.outbound_roots)
        self._under_way = UnderWay(requests_max=settings.requests_max, bytes_max=settings.in_flight_bytes_max)

    async def close(self, _app: web.Application) -> None:
        """Close what is open to other servers."""
        await self._fetching.close()

    async def receive(self, request: web.Request, *, door: Door, path: str) -> web.Response:
        """Answer a request at *door*; whatever goes wrong is an answer, too."""
        received_at, started = self._now(), time.monotonic()
        try:
            answer = await self._admit(request, door=door, path=path, received_at=received_at)
        except Unavailable as error:
            answer = answers.problem(503, "unavailable", f"{error}; send it again")
        except Refused as error:
            answer = answers.problem(413, "too_large", str(error))
        except Exception as error:  # noqa: BLE001 - a bug: told by its place, since its message may hold what was sent
            log.error("%s: %s", path, _place(error))  # noqa: TRY400
            answer = answers.problem(500, "bug", "this is our fault; the request is not known to be written, send it again")
        _request_seconds(door.source).observe(time.monotonic() - started)
        count(door.source, answer)
        return answer

    async def _admit(self, request: web.Request, *, door: Door, path: str, received_at: int) -> web.Response:
        """Hold room for the request while it is under way: first for what it says it sends, then for what it unzips to."""
        if (refusal := self.too_fast(request)) is not None:
            return refusal
        most = self._settings.body_bytes_max
        size = request.content_length
        if size is None:
            size = most if request.body_exists else 0
        if size > most:
            return _too_large(most)
        if not self._under_way.enter(size):
            return answers.problem(503, "busy", "more requests are under way than there is room for; send it again")
        try:
            sent = await self._read(request)
            body = bodies.plain(sent, request.headers.get("content-encoding"), bytes_max=most)
            if body is not sent:
                if not self._under_way.grow(len(body)):
                    return answers.problem(503, "busy", "more is under way than there is room for; send it again")
                size += len(body)
            return await self._handle(request, body, door=door, path=path, received_at=received_at)
        except TimeoutError:
            return answers.problem(408, "timeout", f"the body did not arrive within {self._settings.body_timeout_s:g} s")
        except (bodies.TooLarge, web.HTTPRequestEntityTooLarge):
            return _too_large(most)
        except bodies.Unreadable as error:
            return answers.problem(400, "unreadable", str(error), field="body")
        finally:
            self._under_way.leave(size)

    async def _read(self, request: web.Request) -> bytes:
        """The body as it was sent. Raises TimeoutError, bodies.Unreadable, web.HTTPRequestEntityTooLarge."""
        if request.content.is_eof():  # it came with its headers, as most do: spare the timer
            return await request.read()
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                return await request.read()
        except (ConnectionError, web.RequestPayloadError):
            raise bodies.Unreadable("body: ends before its length, or its last chunk") from None

    async def _handle(self, request: web.Request, body: bytes, *, door: Door, path: str, received_at: int) -> web.Response:
        import_id = None
        if (said := request.headers.get(IMPORT)) is not None:
            if not self.may_import(request):
                return import_key_wanted()
            try:
                import_id = import_marks.import_id(said)
            except Unusable as problem:
                return answers.problem(400, problem.reason, problem.detail, field=IMPORT)
        incoming = Signal(
            method=request.method,
            path=path,
            headers=request.headers,
            query=request.query if "?" in request.raw_path else _NO_QUERY,
            body=body,
            received_at=received_at,
            import_id=import_id,
        )
        outcome = door.adapt(incoming)
        if isinstance(outcome, Wanted):
            outcome = await self._fetched(incoming, outcome, door)
        if isinstance(outcome, Unauthorised):
            return answers.problem(401, "unauthorised", outcome.detail)
        if isinstance(outcome, Answered):
            return web.Response(body=outcome.body, headers={"Content-Type": outcome.content_type})
        if import_id is None and (wait := self._by_key.wait_s(f"{door.source} {outcome.key}", len(outcome.touchpoints) + len(outcome.rejected))):
            return answers.too_fast("key", wait)
        records = [self._record(each, door) for each in outcome.touchpoints]
        records += [self._letter(each, door, incoming) for each in outcome.rejected]
        if records:
            await self._box.deliver(records)
        _count(door.source, outcome)
        answer = answers.adapted(outcome, resends=door.resends, stops=door.stops)
        return answers.pixel(answer) if door.pixel and request.method == "GET" else answer

    async def _fetched(self, incoming: Signal, wanted: Wanted, door: Door) -> Adapted | Answered | Unauthorised:
        """What the adapter says once it has what it *wanted*, one address after the other. Raises Unavailable."""
        fetched: dict[str, bytes] = {}
        while len(fetched) < wanted.most:
            fetched[wanted.url] = await self._fetching.get(wanted)
            outcome: Outcome = door.adapt(replace(incoming, fetched=fetched))
            if not isinstance(outcome, Wanted):
                return outcome
            wanted = outcome
        return Unauthorised(detail="its proof leads to more addresses than are followed")

    def too_fast(self, request: web.Request) -> web.Response | None:
        """The refusal of a request whose address sends faster than is let in; None: it does not."""
        if not self._settings.rate_per_address:
            return None
        forwarded = request.headers.getall(FORWARDED, ()) if self._proxies else ()
        wait = self._by_address.wait_s(addresses.limited_by(addresses.client(request.remote, forwarded, self._proxies)))
        return answers.too_fast("address", wait) if wait else None

    def may_import(self, request: web.Request) -> bool:
        """Whether the request holds the import key."""
        key, said = self._settings.import_key, request.headers.get(IMPORT_KEY, "")
        return bool(key) and hmac.compare_digest(key.encode(), said.encode(errors="surrogateescape"))

    def _record(self, touchpoint: Touchpoint, door: Door) -> Output:
        family = door.family(touchpoint.kind)
        key = touchpoint.identifiers()[0].encode()
        return self._topics[family], topics.partition_of(key, self._partitions[family]), key, encode_touchpoint(touchpoint)

    def _letter(self, rejected: Rejected, door: Door, incoming: Signal) -> Output:
        """The dead letter of an unusable event, its bytes as they came; of the headers what is no credential."""
        headers = {"path": incoming.path, "index": str(rejected.index), "field": rejected.field[:HEADER_CHARS_MAX]}
        if (content_type := incoming.headers.get("content-type")) is not None:
            headers["content-type"] = content_type[:HEADER_CHARS_MAX].encode("ascii", "replace").decode()
        if incoming.import_id is not None:
            headers[IMPORT] = incoming.import_id
        digest = blake2b(rejected.body, digest_size=16).hexdigest()
        letter = DeadLetter(
            letter_id=derive(HOP, door.source, str(incoming.received_at), str(rejected.index), digest),
            received_at=incoming.received_at,
            hop=HOP,
            source=door.source,
            reason=rejected.reason,
            detail=rejected.detail,
            body=rejected.body,
            headers=headers,
        )
        key = door.source.encode()
        partition = topics.partition_of(key, topics.BY_NAME[topics.DEAD_LETTERS].partitions)
        return self._dead_letters, partition, key, encode_dead_letter(letter)


def import_key_wanted() -> web.Response:
    return answers.problem(401, "unauthorised", f"an import needs header {IMPORT_KEY} with the key set in LEADSTREAM_IMPORT_KEY")


def _too_large(most: int) -> web.Response:
    return answers.problem(413, "too_large", f"body: has more than {most} bytes; send smaller batches", field="body")


def count(door: str, answer: web.StreamResponse) -> None:
    """Count an answer by its status, and a refusal by its reason."""
    _requests(door, answer.status).inc()
    if (reason := answers.code_of(answer)) is not None:
        _refused(door, reason).inc()


def _count(source: str, outcome: Adapted) -> None:
    """Count a body's events, once all that follows from them is acknowledged: in = accepted + rejected + ignored."""
    accepted, rejected, ignored = len(outcome.touchpoints), len(outcome.rejected), len(outcome.ignored)
    _events(source, "in").inc(accepted + rejected + ignored)
    _events(source, "accepted").inc(accepted)
    if outcome.key:
        _key_events(outcome.key).inc(accepted)
    if rejected:
        _events(source, "rejected").inc(rejected)
        for each in outcome.rejected:
            metrics.REJECTED.labels(source, each.reason).inc()
    if ignored:
        _events(source, "ignored").inc(ignored)
        for known in outcome.ignored:
            metrics.IGNORED.labels(source, known.reason).inc()


# A labelled child is looked up under a lock by name: several times a request, that is worth keeping.
_events = cache(metrics.EVENTS.labels)
_requests = cache(metrics.REQUESTS.labels)
_refused = cache(metrics.REFUSED.labels)
_key_events = cache(metrics.KEY_EVENTS.labels)
_request_seconds = cache(metrics.REQUEST_SECONDS.labels)


def _place(error: BaseException) -> str:
    """Where a bug struck: its type and the calls that led there, without what they were given."""
    calls = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at " + " < ".join(f"{call.filename.rpartition('/')[2]}:{call.lineno}" for call in reversed(calls))
