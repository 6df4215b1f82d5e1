"""What became of an email, as its sender's service tells it: what those events have in common.

An adapter says which of the service's fields is which; here they become a touchpoint. Properties have the same names
whatever the service, so that rules and the watch for security scanners need to know one of each: `message_id`, `url`,
`user_agent`, `reason`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from processors.attribution.channels import EMAIL
from processors.email import read_email
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.machine_opens import by_machine
from processors.sources.person import read_person
from processors.sources.signal import Signal, Unusable
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

OPENED: Final = "email_opened"
MACHINE_OPENED: Final = "email_machine_opened"
_OWN_CHARS_MAX: Final = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """The secrets or keys that let a service in, and which of the sender's own fields hold a campaign and a person's CRM id."""

    secrets: tuple[str, ...]
    identity_key: bytes
    campaign_fields: tuple[str, ...] = ("campaign", "campaign_name")
    crm_id_fields: tuple[str, ...] = ("crm_id", "user_id")
    events_max: int = 5_000


class EmailEvent(NamedTuple):
    """One event, its fields told apart; *_field names them as the service writes them.

    `same` is what tells the event from every other of its recipient. `own` are the fields that the sender of the email
    attached. `campaigns` are what names the campaign where `own` does not, the best first.
    """

    kind: str
    address: object
    address_field: str
    at: object
    at_field: str
    same: tuple[object, ...]
    told: Mapping[str, object]
    own: Mapping[str, object]
    own_field: str
    campaigns: tuple[object, ...] = ()
    by_machine: bool = False


def touchpoint_of(event: EmailEvent, signal: Signal, settings: EmailSettings, *, source: str) -> Touchpoint:
    """Make the touchpoint of *event*. Raises Unusable, naming the field."""
    email = read_email(event.address, settings.identity_key) if isinstance(event.address, str) else None
    if email is None:
        raise Unusable(event.address_field, "no_identity", f"{event.address_field}: must be the recipient's address")
    at, readable = occurred_at(event.at, signal, field=event.at_field)
    texts = Texts(event.own_field)
    for name, value in event.told.items():
        texts.put(name, value.strip() if isinstance(value, str) else value)
    if not readable:
        texts.entries["timestamp_unreadable"] = event.at_field
    own = read_person(event.own, event.own_field).rest
    texts.take({name: value for name, value in own.items() if name not in texts.entries})
    crm_said = next((said for name in settings.crm_id_fields if isinstance(said := own.get(name), str | int)), None)
    return Touchpoint(
        event_id=derive(source, email.hash, *map(str, event.same)),
        source=source,
        kind=_kind(event),
        channel=EMAIL,
        occurred_at=at,
        received_at=signal.received(at),
        crm_id=identifier(crm_said, f"{event.own_field}.crm_id"),
        email_hash=email.hash,
        email_domain=email.domain,
        campaign=_campaign(event, own, settings),
        properties=texts.result(),
        contact={"email": email.address},
        import_id=signal.import_id,
    )


def kind_of(said: object, kinds: Mapping[str, str], field: str) -> str:
    """Our kind of the service's event. Raises Unusable for one that is not known."""
    kind = kinds.get(said) if isinstance(said, str) else None
    if kind is None:
        raise Unusable(field, "unknown_kind", f"{field}: must be one of {', '.join(kinds)}")
    return kind


def own_fields(said: object, name: str) -> Mapping[str, object]:
    """The fields that the sender attached: an object, or one written as JSON; any other text is one field, *name*."""
    if isinstance(said, Mapping):
        return said
    if not isinstance(said, str) or not said.strip():
        return {}
    if said.lstrip()[:1] == "{" and len(said) <= _OWN_CHARS_MAX:
        try:
            read = msgspec.json.decode(said)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return {name: said}
        if isinstance(read, dict):
            return read
    return {name: said}


def first_of(said: object) -> object:
    """The first of a list, or what is no list."""
    return (said[0] if said else None) if isinstance(said, list) else said


def _kind(event: EmailEvent) -> str:
    if event.kind == OPENED and (event.by_machine or by_machine(event.told.get("user_agent"))):
        return MACHINE_OPENED
    return event.kind


def _campaign(event: EmailEvent, own: Mapping[str, object], settings: EmailSettings) -> str | None:
    for name in settings.campaign_fields:
        if (found := line(own.get(name), f"{event.own_field}.{name}")) is not None:
            return found
    for said in event.campaigns:
        if (found := line(said, "campaign")) is not None:
            return found
    return None
