"""What each of Segment's calls says, as a touchpoint."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from processors.attribution.channels import EMAIL
from processors.attribution.roads import Channels, Road
from processors.email import Email, read_email
from processors.profile.coding import code
from processors.sources import instants
from processors.sources.bounds import Texts, identifier, line
from processors.sources.event_names import VIDEO_FINISHED, kind_of, snake_case
from processors.sources.person import Person, form_fields, read_person
from processors.sources.segment_messages import BATCH, SINGLE, Context, Message, Read, Values
from processors.sources.signal import Signal, Unusable
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import IMPORT_REACHED, Touchpoint

SOURCE: Final = "segment"
UNREADABLE: Final = "timestamp_unreadable"
"""The property that marks an event whose own date could not be read; it happened when we received it."""

_KINDS: Final = {"identify": "identified", "page": "page_view", "screen": "screen_view", "group": "grouped", "alias": "aliased"}
_RESERVED: Final = kinds.NEEDS_A_SIGNATURE | {IMPORT_REACHED}
"""Kinds that change more than a score: a write key stands in every web page, so whoever reads the page could send them."""
_PAGE: Final = ("path", "url", "title", "referrer", "search")
_NAME_IS: Final = {"identify": "full_name", "group": "company"}
_OF_TRAITS: Final = frozenset({"identified", "grouped"})
_NOBODY: Final = Person(None, {}, {})
_NOTHING: Final[Mapping[str, Any]] = {}
_NO_CONTEXT: Final = Context()


class _Said(NamedTuple):
    """The maps of a call: traits, properties, and the traits that the library remembers of its user."""

    traits: Mapping[str, Any]
    properties: Mapping[str, Any]
    remembered: Mapping[str, Any]


class _People(NamedTuple):
    """What each of those maps says of a person."""

    own: Person
    filled_in: Person
    remembered: Person


class _Who(NamedTuple):
    visitor_id: str | None
    crm_id: str | None
    email: Email | None


def touchpoint_of(message: Message, read: Read, signal: Signal, *, call: str, index: int, identity_key: bytes, channels: Channels) -> Touchpoint:
    """Turn *message* into a touchpoint. Raises Unusable, naming the field."""
    call = _call(message) if call == BATCH else call
    kind = _kind(message, call)
    context = message.context if isinstance(message.context, Context) else read.context or _NO_CONTEXT
    said = _said(message, context)
    people = _people(said, call)
    who = _who(message, call, people, identity_key)
    at, readable = _instant(message, read, signal)
    texts = _texts(message, people, kind, context=context)
    if not readable:
        texts.entries[UNREADABLE] = "timestamp"
    way = _road(kind, texts.entries, said.properties, context, channels=channels)
    told = _told(call, said)
    return Touchpoint(
        event_id=_event_id(message, call, who, signal=signal, index=index),
        source=SOURCE,
        kind=kind,
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=who.visitor_id,
        crm_id=who.crm_id,
        email_hash=None if who.email is None else who.email.hash,
        email_domain=None if who.email is None else who.email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=code(told, at=at) if told else {},
        contact=_contact(people, who),
        import_id=signal.import_id,
    )


def _said(message: Message, context: Context) -> _Said:
    remembered = context.traits if isinstance(context.traits, dict) else _NOTHING
    return _Said(_map(message.traits, "traits"), _map(message.properties, "properties"), remembered)


def _people(said: _Said, call: str) -> _People:
    return _People(
        read_person(said.traits, "traits", name_is=_NAME_IS.get(call)) if said.traits else _NOBODY,
        read_person(said.properties, "properties") if said.properties else _NOBODY,
        read_person(said.remembered, "context.traits", name_is="full_name") if said.remembered else _NOBODY,
    )


def _contact(people: _People, who: _Who) -> dict[str, str]:
    contact = people.remembered.contact | people.filled_in.contact | people.own.contact
    return contact if who.email is None else contact | {"email": who.email.address}


def _told(call: str, said: _Said) -> Mapping[str, Any]:
    """What is said of role and company: all of the traits, of properties what forms ask; a page's speak of the page."""
    if call not in {"page", "screen"} and (said.properties or said.remembered):
        return {**said.remembered, **form_fields(said.properties), **said.traits}
    return said.traits


def _call(message: Message) -> str:
    call = message.type or message.action
    if call not in SINGLE:
        raise Unusable("type", "unknown_type", f"type: must be one of {', '.join(sorted(SINGLE))}")
    return call


def _kind(message: Message, call: str) -> str:
    if call != "track":
        return _KINDS[call]
    if not message.event:
        raise Unusable("event", "no_event", "event: is missing; a track call names what was done")
    kind = kind_of(message.event)
    if not kind:
        raise Unusable("event", "unknown_kind", "event: has neither letters nor digits")
    if kind in _RESERVED:
        raise Unusable("event", "reserved_kind", "event: is reserved; send it signed to /v1/events")
    return kind


def _map(said: Values, field: str) -> Mapping[str, Any]:
    """A map that may be absent, or an empty list, as PHP writes an empty map."""
    if isinstance(said, dict):
        return said
    if said:
        raise Unusable(field, "wrong_type", f"{field}: expected an object, got a list")
    return _NOTHING


def _who(message: Message, call: str, people: _People, key: bytes) -> _Who:
    """Whom the call is about. A user id that is an email address is one; of several addresses the user's own comes first."""
    user = message.user_id if message.user_id is not None else message.user_id_snake
    visitor, field = message.anonymous_id if message.anonymous_id is not None else message.anonymous_id_snake, "anonymousId"
    previous = None
    if call == "alias" and message.previous_id is not None:
        previous = _email(message.previous_id, key)
        visitor, field = (visitor, field) if previous is not None else (message.previous_id, "previousId")
    named = _email(user, key)
    email = (
        _email(people.own.email, key)
        or named
        or _email(people.remembered.email, key)
        or _email(people.filled_in.email, key)
        or previous
    )
    who = _Who(identifier(visitor, field), identifier(user, "userId") if named is None else None, email)
    if who == (None, None, None):
        raise Unusable("userId", "no_identity", "userId, anonymousId: one of them must say who it was, or an email in traits")
    return who


def _email(said: object, key: bytes) -> Email | None:
    return read_email(said, key) if isinstance(said, str) and "@" in said else None


def _instant(message: Message, read: Read, signal: Signal) -> tuple[int, bool]:
    """Before Segment corrected it, a message's own clock said `originalTimestamp`: that is what `sentAt` compares with."""
    sent_at = read.sent_at if message.sent_at is None else instants.read(message.sent_at)
    said = message.timestamp
    if sent_at is not None and message.original_timestamp is not None and signal.import_id is None:
        said = message.original_timestamp
    return instants.occurred_at(said, signal, field="timestamp", sent_at=sent_at)


def _texts(message: Message, people: _People, kind: str, *, context: Context) -> Texts:
    """The properties: what is not personal of traits and properties, names, the group, the page the call was made on."""
    texts = Texts("traits" if kind in _OF_TRAITS else "properties")
    for rest in (people.own.rest, people.filled_in.rest):
        if rest:
            texts.take(rest)
    texts.put("event", message.event)
    texts.put("name", message.name)
    texts.put("category", message.category)
    texts.put("group_id", message.group_id if message.group_id is not None else context.group_id)
    if isinstance(context.page, dict):
        for name in _PAGE:
            texts.put(name, context.page.get(name))
    if kind == "page_view" and "path" not in texts.entries and (url := texts.entries.get("url")):
        texts.put("path", "/" + url.partition("//")[2].partition("?")[0].partition("#")[0].partition("/")[2])
    if kind == "video_watched" and "percent" not in texts.entries:
        texts.put("percent", _percent(message.event or "", texts.entries))
    return texts


def _percent(event: str, said: Mapping[str, str]) -> float | None:
    """The part of a video watched, from Segment's video spec: position and length in seconds."""
    if snake_case(event) in VIDEO_FINISHED:
        return 100
    try:
        position, length = float(said["position"]), float(said["total_length"])
    except (KeyError, ValueError):
        return None
    return round(min(100.0, 100.0 * position / length), 1) if length > 0 and position >= 0 else None


def _road(kind: str, entries: dict[str, str], properties: Mapping[str, Any], context: Context, *, channels: Channels) -> Road:
    """By which road it came; what proves it becomes properties. An email's campaign is the email's own."""
    way = channels.road(
        url=entries.get("url"),
        referrer=entries.get("referrer"),
        search=entries.get("search"),
        campaign=context.campaign if isinstance(context.campaign, dict) else None,
    )
    for name, value in way.marks.items():
        entries.setdefault(name, value)
    if kind in kinds.EMAIL:
        own = line(properties.get("campaign_name"), "properties.campaign_name") or line(properties.get("campaign_id"), "properties.campaign_id")
        return Road(EMAIL, own or way.campaign, way.marks)
    return way


def _event_id(message: Message, call: str, who: _Who, *, signal: Signal, index: int) -> str:
    """Equal for every re-send. Without a message id it is told by its content and its own date; a message without
    either cannot be told from the next one like it, so each counts.
    """
    if message.message_id:
        return derive(f"{SOURCE}.{call}", str(message.message_id))
    said = message.timestamp if message.timestamp is not None else [signal.received_at, index]
    content = [message.event, message.name, message.group_id, message.properties, message.traits, said]
    identity = [who.visitor_id, who.crm_id, None if who.email is None else who.email.hash]
    return derive(f"{SOURCE}.{call}", "", msgspec.json.encode([identity, content], order="deterministic").decode())
