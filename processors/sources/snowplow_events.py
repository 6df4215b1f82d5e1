"""What each of Snowplow's events says, as a touchpoint."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from processors.attribution.roads import Channels
from processors.email import Email, read_email
from processors.profile.coding import code
from processors.sources import instants
from processors.sources.bounds import Texts, identifier
from processors.sources.event_names import kind_of, snake_case
from processors.sources.person import form_fields, read_person
from processors.sources.signal import Signal, Unusable
from processors.sources.snowplow_payloads import Described, Event, described, self_described, text
from schemas import kinds
from schemas.ids import derive
from schemas.kinds import NO_CHANNEL
from schemas.touchpoint import IMPORT_REACHED, Touchpoint

SOURCE: Final = "snowplow"
PAGE_PING: Final = "page_ping"
"""The page is still looked at, told every few seconds. No rule of the shipped models gives points for it."""

_TYPES: Final = {"pv": "page_view", "pp": PAGE_PING, "tr": "order_completed", "ti": "order_item_sold"}
_VENDOR: Final = "com.snowplowanalytics."
_OF_SNOWPLOW: Final = {
    "submit_form": "form_submitted", "change_form": "form_changed", "focus_form": "form_focused", "link_click": "link_clicked",
    "site_search": "search_performed", "screen_view": "screen_view", "page_view": "page_view", "page_ping": PAGE_PING,
    "play_event": "video_watched", "pause_event": "video_watched", "end_event": "video_watched", "percent_progress_event": "video_watched",
}  # fmt: skip
"""What Snowplow's own schemas mean; of all others their name does."""
_SKIPPED: Final = frozenset({
    "web_page", "performance_timing", "performance_navigation_timing", "client_session", "browser_context", "http_client_hints",
    "mobile_context", "geolocation_context", "application", "gdpr", "ua_parser_context",
})  # fmt: skip
"""Contexts about machines, not about people or what they did."""
_RESERVED: Final = kinds.NEEDS_A_SIGNATURE | {IMPORT_REACHED}
_WITHIN: Final = frozenset({PAGE_PING, "link_clicked", "form_changed", "form_focused"})
"""What is done on a page that was opened before: it says nothing new of the road there."""
_PROPERTIES: Final = {
    "se_ca": "category", "se_ac": "action", "se_la": "label", "se_pr": "property", "se_va": "value", "page": "title", "url": "url",
    "refr": "referrer", "pp_mix": "x_min", "pp_max": "x_max", "pp_miy": "y_min", "pp_may": "y_max", "tr_id": "order_id",
    "tr_tt": "amount", "tr_cu": "currency", "ti_id": "order_id", "ti_sk": "sku", "ti_nm": "name", "ti_ca": "category", "ti_pr": "price",
    "ti_qu": "quantity", "ti_cu": "currency", "aid": "app_id", "p": "platform", "sid": "session_id",
}  # fmt: skip


class _What(NamedTuple):
    kind: str
    said: Mapping[str, Any]  # the event's own data


def touchpoint_of(event: Event, signal: Signal, *, index: int, identity_key: bytes, channels: Channels) -> Touchpoint:
    """Turn *event* into a touchpoint. Raises Unusable, naming the field."""
    what = _what(event)
    own = read_person(what.said, "data")
    entities = [(each.name, read_person(each.data, f"contexts.{each.name}", name_is="full_name")) for each in _contexts(event)]
    contact: dict[str, str] = {}
    for _, person in reversed(entities):
        contact |= person.contact
    contact |= own.contact
    uid = text(event, "uid")
    named = _email(uid, identity_key)
    email = next(filter(None, (_email(said, identity_key) for said in (own.email, uid, *(person.email for _, person in entities)))), None)
    visitor_id = identifier(text(event, "duid"), "duid")
    crm_id = identifier(uid, "uid") if named is None else None
    if visitor_id is None and crm_id is None and email is None:
        raise Unusable("duid", "no_identity", "duid, uid: one of them must say who it was, or an email in the event's data or contexts")
    texts = _texts(event, own.rest, [(name, person.rest) for name, person in entities])
    at = _instant(event, signal, texts)
    way = channels.road(url=texts.entries.get("url"), referrer=texts.entries.get("referrer"))
    for name, value in way.marks.items():
        texts.entries.setdefault(name, value)
    profile = {**form_fields(what.said)}
    for _, person in entities:
        profile = {**form_fields(person.rest), **profile}
    return Touchpoint(
        event_id=_event_id(event, signal, index=index),
        source=SOURCE,
        kind=what.kind,
        channel=NO_CHANNEL if what.kind in _WITHIN else way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=visitor_id,
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=code(profile, at=at) if profile else {},
        contact=contact if email is None else contact | {"email": email.address},
        import_id=signal.import_id,
    )


def _what(event: Event) -> _What:
    said = text(event, "e")
    if said == "se":
        return _What(_checked(_structured(event), "se_ac"), {})
    if said == "ue":
        packed = described(event, "ue_px", "ue_pr")
        outer = self_described(packed)
        inner = self_described(packed.get("data")) if outer is not None else None
        if inner is None:
            raise Unusable("ue_px", "no_event", "ue_px, ue_pr: must hold a self-describing event: schema and data, within unstruct_event")
        return _self_describing(inner)
    if said not in _TYPES:
        raise Unusable("e", "unknown_type", f"e: must be one of {', '.join(sorted((*_TYPES, 'se', 'ue')))}")
    return _What(_TYPES[said], {})


def _structured(event: Event) -> str:
    """The kind of a structured event: of what its words can mean the first that is known, else category and action.

    `forms`, `submit` is a submitted form, `Demo Requested` as the action alone a booked demo.
    """
    category, action, label = (text(event, name) or "" for name in ("se_ca", "se_ac", "se_la"))
    tried = (action, f"{category} {action}", f"{category.removesuffix('s')} {action}", f"{label} {action}")
    found = [kind_of(each) for each in tried]
    return next((kind for kind in found if kind in kinds.WEB), snake_case(f"{category} {action}"))


def _self_describing(inner: Described) -> _What:
    if not inner.vendor.startswith(_VENDOR):
        return _What(_checked(kind_of(inner.name), "ue_px"), inner.data)
    kind = _checked(_OF_SNOWPLOW.get(inner.name) or kind_of(inner.name), "ue_px")
    data = dict(inner.data)
    if inner.name == "submit_form":
        return _What(kind, _form(data))
    if inner.name == "link_click" and str(data.get("targetUrl")).lower().startswith("tel:"):
        kind = "phone_clicked"
    if inner.name == "percent_progress_event" and "percent" not in data:
        data["percent"] = data.pop("percentProgress", None)
    if inner.name == "end_event":
        data.setdefault("percent", 100)
    return _What(kind, data)


def _form(data: dict[str, Any]) -> dict[str, Any]:
    """A submitted form: its id, and its fields by their names."""
    elements = data.get("elements")
    fields: dict[str, Any] = {"form": data.get("formId")}
    for each in elements if isinstance(elements, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("name"), str) and each.get("type") != "password":
            fields.setdefault(each["name"], each.get("value"))
    return fields


def _checked(kind: str, field: str) -> str:
    if not kind:
        raise Unusable(field, "unknown_kind", f"{field}: names no event")
    if kind in _RESERVED:
        raise Unusable(field, "reserved_kind", f"{field}: is reserved; send it signed to /v1/events")
    return kind


def _contexts(event: Event) -> Iterator[Described]:
    """What is said of the circumstances, without what is only about the machine."""
    outer = described(event, "cx", "co")
    inner = outer.get("data") if isinstance(outer, Mapping) else None
    for each in inner if isinstance(inner, list) else ():
        if (found := self_described(each)) is not None and found.name not in _SKIPPED:
            yield found


def _email(said: object, key: bytes) -> Email | None:
    return read_email(said, key) if isinstance(said, str) and "@" in said else None


def _texts(event: Event, own: Mapping[str, object], entities: list[tuple[str, Mapping[str, object]]]) -> Texts:
    texts = Texts("data")
    texts.take(own)
    for field, name in _PROPERTIES.items():
        if (value := event.get(field)) is not None and not isinstance(value, dict | list):
            texts.put(name, value)
    if (url := texts.entries.get("url")) is not None:
        texts.put("path", "/" + url.partition("//")[2].partition("?")[0].partition("#")[0].partition("/")[2])
    for name, rest in entities:
        texts.take({snake_case(name): rest})
    return texts


def _instant(event: Event, signal: Signal, texts: Texts) -> int:
    """`ttm` is the true instant, at its word. Else the device's clock: it made the event at `dtm` and sent it at `stm`."""
    field = "ttm" if text(event, "ttm") is not None else "dtm"
    sent_at = None if field == "ttm" else instants.read(text(event, "stm"))
    at, readable = instants.occurred_at(text(event, field), signal, field=field, sent_at=sent_at)
    if not readable:
        texts.entries["timestamp_unreadable"] = field
    return at


def _event_id(event: Event, signal: Signal, *, index: int) -> str:
    """`eid` is the same however often it is sent. Without one the event is told by all it says but when it was sent."""
    if (eid := text(event, "eid")) is not None:
        return derive(SOURCE, eid.lower())
    said = {name: value for name, value in event.items() if name != "stm"}
    own = "" if text(event, "dtm") is not None or text(event, "ttm") is not None else f"{signal.received_at} {index}"
    return derive(SOURCE, "", own, msgspec.json.encode(said, order="deterministic").decode())
