"""Google Analytics 4's Measurement Protocol: what a site's server, or its tag manager, would tell Google."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from processors.attribution.roads import Channels, shipped
from processors.email import Email, read_email
from processors.profile.coding import code
from processors.sources import crawlers, event_lists, families, instants, write_keys
from processors.sources.batches import adapt_each, too_many
from processors.sources.bounds import Texts, identifier
from processors.sources.event_names import kind_of
from processors.sources.json_bodies import decode_one, section
from processors.sources.person import form_fields, read_person
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable, whole_body
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import IMPORT_REACHED, Touchpoint

SOURCE: Final = "ga4"
PATHS: Final = ("/mp/collect",)
family = families.web
alone = event_lists.as_it_came
IN_QUERY: Final = "api_secret"

_KINDS: Final = {
    "generate_lead": "form_submitted", "form_submit": "form_submitted", "sign_up": "signed_up", "search": "search_performed",
    "view_search_results": "search_performed", "video_start": "video_watched", "video_progress": "video_watched",
    "video_complete": "video_watched", "screen_view": "screen_view", "page_view": "page_view", "click": "link_clicked",
    "file_download": "file_downloaded", "login": "signed_in", "purchase": "order_completed",
}  # fmt: skip
"""What the events that Google recommends mean here; all others are known by their names."""
_RENAMED: Final = {"page_location": "url", "page_title": "title", "page_referrer": "referrer", "video_percent": "percent", "search_term": "query"}
_UTM: Final = ("source", "medium", "campaign", "term", "content")
_IDS: Final = ("event_id", "transaction_id")
_RESERVED: Final = kinds.NEEDS_A_SIGNATURE | {IMPORT_REACHED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ga4Settings:
    """The entries of the write keys that are let in (see `write_keys`): senders give theirs as api secret."""

    write_keys: frozenset[str]
    identity_key: bytes
    events_max: int = 5_000
    people: tuple[str, ...] = ()  # words of user agents that look like crawlers, and are let in
    channels: Channels = field(default_factory=shipped)


class MeasuredEvents(msgspec.Struct, gc=False, omit_defaults=True):
    """Events of one client. Fields that nobody asks for are skipped; the sender may add others."""

    client_id: str | int | float | None = None
    app_instance_id: str | None = None
    user_id: str | int | None = None
    timestamp_micros: Any = None
    user_properties: Any = None
    user_agent: Any = None
    events: list[Any] = []


class _Who(NamedTuple):
    """What holds for all events of a body."""

    visitor_id: str | None
    crm_id: str | None
    email: Email | None
    traits: Mapping[str, Any]


_body = msgspec.json.Decoder(MeasuredEvents)


def adapt(signal: Signal, settings: Ga4Settings) -> Outcome:
    """Read a body of the Measurement Protocol."""
    if not (settings.write_keys or signal.proved):
        return Unauthorised(detail="no write keys are configured here: set LEADSTREAM_WRITE_KEYS, and send one of them as api_secret")
    key = write_keys.find(signal, settings.write_keys, source=SOURCE, said=(signal.query.get(IN_QUERY),))
    if key is None and not signal.proved:
        return Unauthorised(detail="send a valid write key as api_secret in the query")
    try:
        body = _read(signal.body, settings.events_max)
        who = _who(body, settings.identity_key)
    except Unusable as problem:
        return whole_body(signal, problem)
    before: Counter[bytes] = Counter()

    def turn(event: object, index: int) -> Touchpoint | Ignored:
        if crawlers.at(signal, body.user_agent, people=settings.people):
            return Ignored(index=index, reason=crawlers.CRAWLER)
        return _touchpoint(event, body, who, signal, index=index, before=before, settings=settings)

    adapted = adapt_each(body.events, turn, lambda: [_alone(body, event) for event in body.events])
    return adapted if key is None else replace(adapted, key=key.name)


def _read(body: bytes, events_max: int) -> MeasuredEvents:
    read = decode_one(_body, body)
    if not read.events:
        raise Unusable("events", "no_event", "events: is missing or empty")
    if len(read.events) > events_max:
        raise too_many(len(read.events), "events", events_max)
    return read


def _alone(body: MeasuredEvents, event: object) -> bytes:
    """An event as a body of its own: it does not say itself whom it is about."""
    return msgspec.json.encode(replace(body, events=[event]))


def _who(body: MeasuredEvents, key: bytes) -> _Who:
    properties = body.user_properties if isinstance(body.user_properties, Mapping) else {}
    traits = {name: each.get("value") if isinstance(each, Mapping) else each for name, each in properties.items()}
    client = body.client_id if body.client_id is not None else body.app_instance_id
    visitor_id = identifier(repr(client) if isinstance(client, float) else client, "client_id")
    named = _email(body.user_id, key)
    crm_id = identifier(body.user_id, "user_id") if named is None else None
    return _Who(visitor_id, crm_id, _email(read_person(traits, "user_properties").email, key) or named, traits)


def _email(said: object, key: bytes) -> Email | None:
    return read_email(said, key) if isinstance(said, str) and "@" in said else None


def _touchpoint(event: object, body: MeasuredEvents, who: _Who, signal: Signal, *, index: int, before: Counter[bytes], settings: Ga4Settings) -> Touchpoint:
    if not isinstance(event, Mapping) or not isinstance(name := event.get("name"), str):
        raise Unusable("events.name", "no_event", "events.name: is missing; an event is an object with a name and params")
    kind = _KINDS.get(name) or kind_of(name)
    if not kind:
        raise Unusable("events.name", "unknown_kind", "events.name: has neither letters nor digits")
    if kind in _RESERVED:
        raise Unusable("events.name", "reserved_kind", "events.name: is reserved; send it signed to /v1/events")
    params = section(event, "params")
    own, known = read_person(params, "params"), read_person(who.traits, "user_properties", name_is="full_name")
    email = _email(own.email, settings.identity_key) or who.email
    if who.visitor_id is None and who.crm_id is None and email is None:
        raise Unusable("client_id", "no_identity", "client_id, user_id: one of them must say who it was")
    field = "timestamp_micros"
    said = event.get(field) if event.get(field) is not None else body.timestamp_micros
    at, readable = instants.occurred_at(said, signal, field=field)
    texts = _texts(name, own.rest, readable=readable)
    way = settings.channels.road(
        url=texts.entries.get("url"),
        referrer=texts.entries.get("referrer"),
        campaign={"name" if each == "campaign" else each: params.get(each) for each in _UTM},
    )
    for mark, value in way.marks.items():
        texts.entries.setdefault(mark, value)
    told = {**form_fields(params), **known.rest}
    contact = known.contact | own.contact
    return Touchpoint(
        event_id=_event_id(event, who, said, signal, index=index, before=before),
        source=SOURCE,
        kind=kind,
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=who.visitor_id,
        crm_id=who.crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=code(told, at=at) if told else {},
        contact=contact if email is None else contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _texts(name: str, rest: Mapping[str, object], *, readable: bool) -> Texts:
    texts = Texts("params")
    texts.take({_RENAMED.get(each, each): value for each, value in rest.items()})
    if (url := texts.entries.get("url")) is not None:
        texts.put("path", "/" + url.partition("//")[2].partition("?")[0].partition("#")[0].partition("/")[2])
    if name == "video_complete":
        texts.put("percent", 100)
    texts.put("event", name)
    if not readable:
        texts.entries["timestamp_unreadable"] = "timestamp_micros"
    return texts


def _event_id(event: Mapping[str, Any], who: _Who, said: object, signal: Signal, *, index: int, before: Counter[bytes]) -> str:
    """The protocol has no id. Where its params bring one that counts; else client, content and date, and of several that
    are alike in one body each its own. Without a date a body sent again cannot be told from another like it.
    """
    params = section(event, "params")
    for name in _IDS:
        if (own := params.get(name)) is not None and isinstance(own, str | int) and str(own):
            return derive(SOURCE, str(event.get("name")), name, str(own))
    content = msgspec.json.encode([who.visitor_id, who.crm_id, None if who.email is None else who.email.hash, event, said], order="deterministic")
    alike = before[content]
    before[content] += 1
    own = f"{signal.received_at} {signal.first + index}" if said is None else str(alike)
    return derive(SOURCE, "", own, content.decode())
