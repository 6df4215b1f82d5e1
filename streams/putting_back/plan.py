"""What becomes of a dead letter that is put back in. Pure: a letter in, a plan out; `doing` does it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

import msgspec

from processors.sources import events
from processors.sources.signal import WHOLE_BODY, Adapted, Answered, Signal, Unauthorised, Wanted
from schemas.avro import Undecodable, encode_touchpoint
from schemas.dead_letter import DeadLetter
from schemas.inbox import (
    IdentifierLinked,
    ImportReached,
    LeadAbsorbed,
    LeadUnlinked,
    ModelPublished,
    Tick,
    TouchpointArrived,
)
from schemas.touchpoint import CRM, EMAIL, Touchpoint
from sinks.rows import Position, Row, Table
from streams import deliver, identify, score, topics, usable
from streams.collecting import intake
from streams.collecting.doors import TOPIC_OF, Door
from streams.kafka import Output
from streams.topics import Names
from streams.usable import Unusable


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Records for topics; beside them what of a whole body still is of no use, each with its reason."""

    records: tuple[Output, ...]
    left: tuple[Unusable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A row for ClickHouse, under the position at which it was refused."""

    table: Table
    row: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """Nothing: it stays a dead letter."""

    why: Unusable


Plan: TypeAlias = Send | Record | Stay

_INDEX: Final = re.compile(r"-1|\d{1,9}")
_FOREIGN: Final = Stay(why=Unusable("foreign", "it was read from a topic or by a hop that this installation has not"))
_CONTROL: Final = Stay(why=Unusable("control_record", "a control record concerns a whole partition as of its place in the log: it is never put back"))
_BETWEEN: Final = Stay(why=Unusable(
    "mail_between_leads",
    "mail between leads counts in its place in the log only, and would be dropped as sent again: `leadstream replay` decides the log anew with it",
))  # fmt: skip
_ELSEWHERE: Final = Stay(why=Unusable("other_lead", "the touchpoint itself does not name the lead that it was for"))


def plan(letter: DeadLetter, *, names: Names, doors: Mapping[str, Door]) -> Plan:
    """Decide what becomes of *letter*, by this release, its settings and its *doors* (by source)."""
    match letter.hop:
        case intake.HOP:
            return _through_its_door(letter, names, doors)
        case identify.NAME:
            return _to_where_it_was(letter, names)
        case score.NAME:
            return _to_identify(letter, names)
        case deliver.NAME:
            return _into_its_table(letter, names)
    return _FOREIGN


def _through_its_door(letter: DeadLetter, names: Names, doors: Mapping[str, Door]) -> Plan:
    """The event or the body, read again as of when it was received, and written as the collector would."""
    door, path = doors.get(letter.source), letter.headers.get("path", "")
    if door is None or path not in door.paths or not _INDEX.fullmatch(letter.headers.get("index", "")):
        return _FOREIGN
    index = int(letter.headers["index"])
    outcome = door.adapt(Signal(
        method="POST", path=path, headers=letter.headers, query={}, received_at=letter.received_at,
        body=letter.body if index == WHOLE_BODY else door.alone(path, letter.body),
        import_id=letter.headers.get(intake.IMPORT), proved=True, first=max(0, index),
    ))  # fmt: skip
    match outcome:
        case Adapted():
            left = [Unusable(each.reason, each.detail) for each in outcome.rejected]
            left += [Unusable(each.reason, "it is understood, and of no use here") for each in outcome.ignored]
            if not outcome.touchpoints and len(left) == 1:
                return Stay(why=left[0])
            return Send(records=tuple(_record(each, door.family(each.kind), names) for each in outcome.touchpoints), left=tuple(left))
        case Unauthorised():
            return Stay(why=Unusable("unauthorised", outcome.detail))
        case Wanted():
            return Stay(why=Unusable("question", "it is answered by a request to its sender, which is not made again"))
        case Answered():
            return Stay(why=Unusable("question", "it asks about this address, and holds no event"))
        case _:
            assert_never(outcome)


def _to_where_it_was(letter: DeadLetter, names: Names) -> Plan:
    """The same record onto the same partition, if the hop can use it now."""
    topic = letter.topic or ""
    if names.base(topic) not in topics.TOUCHPOINTS or not _ours(letter, names):
        return _FOREIGN
    read = usable.touchpoint(letter.body)
    if isinstance(read, Unusable):
        return Stay(why=read)
    return Send(records=((topic, letter.partition or 0, letter.key, letter.body),))


def _to_identify(letter: DeadLetter, names: Names) -> Plan:
    """A touchpoint goes to `identify` again, for an origin of its own: the same mail would be dropped as sent again."""
    if not _ours(letter, names):
        return _FOREIGN
    read = usable.mail(letter.key, letter.body)
    if isinstance(read, Unusable):
        return Stay(why=read)
    lead_id, mail = read
    match mail:
        case TouchpointArrived():
            assert lead_id is not None
            touchpoint = addressed(mail.touchpoint, lead_id)
            if touchpoint is None:
                return _ELSEWHERE
            return Send(records=(_record(touchpoint, _family(mail), names),))
        case LeadAbsorbed() | IdentifierLinked() | LeadUnlinked():
            return _BETWEEN
        case Tick() | ModelPublished() | ImportReached():
            return _CONTROL
        case _:
            assert_never(mail)


def addressed(touchpoint: Touchpoint, lead_id: str) -> Touchpoint | None:
    """*touchpoint* so that its first identifier names *lead_id*, None where it says that it is somebody else's.

    Forwarded mail lies at the lead it was forwarded to. Under its weaker identifiers it would come to the leads that have
    passed it on, and they would take it for a duplicate.
    """
    named, is_of = lead_id[2:], touchpoint.identifiers()
    if is_of and is_of[0] == lead_id:
        return touchpoint
    if lead_id.startswith(CRM) and touchpoint.crm_id in (None, named):
        return msgspec.structs.replace(touchpoint, visitor_id=None, crm_id=named)
    if lead_id.startswith(EMAIL) and touchpoint.email_hash in (None, named):
        return msgspec.structs.replace(touchpoint, visitor_id=None, crm_id=None, email_hash=named)
    return None


def _into_its_table(letter: DeadLetter, names: Names) -> Plan:
    topic = letter.topic or ""
    table = deliver.TABLES.get(names.base(topic))
    if table is None or not _ours(letter, names):
        return _FOREIGN
    at = Position(topic=topic, partition=letter.partition or 0, offset=letter.offset or 0)
    try:
        return Record(table=table, row=table.read(letter.body, at))
    except Undecodable as error:
        return Stay(why=Unusable("undecodable", str(error)))


def _record(touchpoint: Touchpoint, family: str, names: Names) -> Output:
    topic, key = topics.BY_NAME[TOPIC_OF[family]], touchpoint.identifiers()[0].encode()
    return names.topic(topic.name), topics.partition_of(key, topic.partitions), key, encode_touchpoint(touchpoint)


def _family(mail: TouchpointArrived) -> str:
    """The family whose topic it came from; by its kind where another lead has forwarded it."""
    number = mail.origin.log // topics.PARTITIONS_MAX
    came_from = next((family for family, topic in TOPIC_OF.items() if topics.BY_NAME[topic].number == number), None)
    return came_from or events.family(mail.touchpoint.kind)


def _ours(letter: DeadLetter, names: Names) -> bool:
    """Whether it was read from a partition of a topic of this installation."""
    topic = topics.BY_NAME.get(names.base(letter.topic or ""))
    if topic is None or names.topic(topic.name) != letter.topic:
        return False
    return letter.offset is not None and letter.partition is not None and 0 <= letter.partition < topic.partitions
