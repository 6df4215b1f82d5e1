"""What hops can use: the judgement of a record before anything is decided, so that no decision can fail because of it."""

from typing import Final, NamedTuple

from schemas import inbox
from schemas.avro import Undecodable, decode_touchpoint
from schemas.inbox import InboxRecord, Mail, TouchpointArrived, UndecodableRecord
from schemas.touchpoint import CRM, EMAIL, IMPORT_REACHED, VISITOR, Touchpoint

_LEADS: Final = (VISITOR, CRM, EMAIL)


class Unusable(NamedTuple):
    """What is wrong with a record: a word for machines, and a sentence that repeats no value."""

    reason: str
    detail: str


def touchpoint(value: bytes | None) -> Touchpoint | Unusable:
    """Read what `identify` can send on: a touchpoint that names a lead, or a mark of an import."""
    try:
        read = decode_touchpoint(value)
    except Undecodable as error:
        return Unusable("undecodable", str(error))
    if read.visitor_id is None and read.crm_id is None and read.email_hash is None and read.kind != IMPORT_REACHED:
        return Unusable("no_identity", "visitor_id, crm_id and email_hash are all absent")
    return read


def mail(key: bytes | None, value: bytes | None) -> tuple[str | None, InboxRecord] | Unusable:
    """Read a record of the inbox that a shard of `score` can decide, with the lead that mail is for."""
    try:
        read = inbox.decode(value)
        lead_id = None if key is None else key.decode()
        if isinstance(read, TouchpointArrived):
            int(read.touchpoint.event_id[:16], 16)  # `schemas.ids.event_key`, which a shard takes of it; a call less
    except UndecodableRecord as error:
        return Unusable("undecodable", str(error))
    except UnicodeDecodeError:
        return Unusable("undecodable", "the record's key is not UTF-8")
    except ValueError:
        return Unusable("no_event_id", "the touchpoint's event_id is not made of hex digits")
    if (lead_id is None or not lead_id.startswith(_LEADS)) and isinstance(read, Mail):
        return Unusable("no_lead", "the record's key names no lead, as v:, c: or e: would")
    return lead_id, read
