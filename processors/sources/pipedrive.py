"""Pipedrive's webhooks, version 2: persons that were made or changed, deals opened, won, lost, activities done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.email import read_email
from processors.profile.coding import code
from processors.sources import event_lists, families, shared_secret
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from schemas import kinds
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "pipedrive"
PATHS: Final = ("/webhooks/pipedrive",)
family = families.by_kind
alone = event_lists.as_it_came

_DEALS: Final = {"won": "deal_won", "lost": "deal_lost"}
_PLANNED: Final = {"meeting": "meeting_booked"}
_DONE: Final = {"meeting": "meeting_held", "call": "phone_call"}
_KEPT: Final = {
    "deal": ("status", "currency", "pipeline_id", "stage_id", "lost_reason", "origin", "channel"), "activity": ("type", "duration"), "person": (),
}  # fmt: skip
_body = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class PipedriveSettings:
    """The passwords by which Pipedrive lets itself in, several while one is being changed."""

    secrets: tuple[str, ...]
    identity_key: bytes


def adapt(signal: Signal, settings: PipedriveSettings) -> Outcome:
    """Read one event, once its password lets it in."""
    refusal = shared_secret.refusal(signal, settings.secrets, setting="LEADSTREAM_PIPEDRIVE_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(decode_one(_body, signal.body), signal, settings), signal.body)


def _turn(said: dict[str, Any], signal: Signal, settings: PipedriveSettings) -> Touchpoint | Ignored:
    meta, data = section(said, "meta"), section(said, "data")
    entity, action = meta.get("entity"), meta.get("action")
    if entity not in _KEPT or not isinstance(action, str):
        return Ignored(index=0, reason="no_person")
    if action == "delete":
        return Ignored(index=0, reason="deletion")
    kind = _kind(entity, action, data, section(said, "previous"))
    if kind is None:
        return Ignored(index=0, reason="no_change")
    return _touchpoint(kind, said, signal, settings)


def _kind(entity: str, action: str, data: Mapping[str, Any], previous: Mapping[str, Any]) -> str | None:
    """What happened; None: nothing that scoring could ask for. `previous` holds what changed, as it was."""
    made = action == "create"
    match entity:
        case "person":
            return "contact_created" if made else "identified" if previous.keys() & {"emails", "name", "phones", "job_title"} else None
        case "deal":
            won_or_lost = _DEALS.get(str(data.get("status")))
            return won_or_lost if won_or_lost and (made or "status" in previous) else "deal_opened" if made else None
        case _:
            done = data.get("done") is True and (made or "done" in previous)
            return (_DONE if done else _PLANNED if made else {}).get(str(data.get("type")))


def _touchpoint(kind: str, said: Mapping[str, Any], signal: Signal, settings: PipedriveSettings) -> Touchpoint:
    meta, data = section(said, "meta"), section(said, "data")
    entity = meta["entity"]
    of_person = entity == "person"
    field = "data.id" if of_person else "data.person_id"
    crm_id = _id(data.get("id" if of_person else "person_id"), field)
    address = next(_values(data, "emails"), None) if of_person else None
    email = None if address is None else read_email(address, settings.identity_key)
    if crm_id is None:
        raise Unusable(field, "no_identity", f"{field}: must be the person's id; link {entity} and person in Pipedrive")
    at, readable = occurred_at(meta.get("timestamp"), signal, field="meta.timestamp")
    texts = Texts("data")
    for name in _KEPT[entity]:
        texts.put(name, data.get(name))
    if entity == "deal":
        texts.put("amount", data.get("value"))
        texts.put("deal_id", data.get("id"))
    if not readable:
        texts.entries["timestamp_unreadable"] = "meta.timestamp"
    contact = {"name": line(data.get("name"), "data.name", 256), "phone": next(_values(data, "phones"), None)} if of_person else {}
    known = {name: value for name, value in contact.items() if value}
    return Touchpoint(
        event_id=_event_id(meta, entity, data),
        source=SOURCE,
        kind=kind,
        channel=kinds.NO_CHANNEL,
        occurred_at=at,
        received_at=signal.received(at),
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        properties=texts.result(),
        profile=code({"title": data.get("job_title")}) if of_person else {},
        contact=known if email is None else known | {"email": email.address},
        import_id=signal.import_id,
    )


def _event_id(meta: Mapping[str, Any], entity: str, data: Mapping[str, Any]) -> str:
    """By the event's own id; without one, by what happened to what, and when."""
    own = meta.get("id")
    if isinstance(own, str) and own:
        return derive(SOURCE, own)
    return derive(f"{SOURCE}.composed", entity, str(data.get("id")), str(meta.get("action")), str(meta.get("timestamp")), str(data.get("status")))


def _id(said: object, field: str) -> str | None:
    return identifier(said, field) if isinstance(said, str | int) and not isinstance(said, bool) else None


def _values(data: Mapping[str, Any], name: str) -> Iterator[str]:
    """The addresses or numbers of a person, the primary one first."""
    said = data.get(name)
    each = [one for one in said if isinstance(one, dict) and isinstance(one.get("value"), str) and one["value"].strip()] if isinstance(said, list) else []
    yield from (one["value"].strip()[:256] for one in sorted(each, key=lambda one: one.get("primary") is not True))
