"""Records of every topic with a default for every field but the one under test, and their way into ClickHouse."""

from dataclasses import dataclass, field

from processors.imports import Logs
from processors.partition import Effects, Partition
from schemas import avro, inbox
from schemas.dead_letter import DeadLetter
from schemas.facts import RuleSum, StageChanged, Touch
from schemas.ids import derive
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.profile import LeadProfile
from schemas.state import PARTITION_KEY
from schemas.transition import Transition
from sinks import rows
from sinks.load import Load
from sinks.rows import Position
from tests.processors.building import DAY_MS, MODEL, T0, touch

K = 2  # partitions of the inbox
LOGS = Logs(touchpoints=frozenset({0}), inbox=(900, 901))
WEB = "touchpoints.web"


def profile(lead_id="v:ann", **other) -> LeadProfile:
    defaults = {
        "stage": "visitor", "stage_since": T0, "score": 0.0, "as_of": T0, "fit": 0.0, "grade": "D", "touches": 0,
        "model": "test@1", "partition": 0, "offset": 100, "first_touch": Touch("email", "spring", T0),
    }  # fmt: skip
    return LeadProfile(lead_id=lead_id, **defaults | other)


def transition(lead_id, from_stage, to_stage, *, day=0, offset=0, **other) -> Transition:
    at = T0 + day * DAY_MS
    defaults = {
        "reason": "conversion", "effective_at": at, "occurred_at": at, "recorded_at": at, "score": 1.0, "grade": "D",
        "channel": "email", "campaign": "spring", "first_channel": "social", "imported": False, "event_id": "e",
        "model": "test@1", "partition": 0, "offset": offset, "index": 0,
    }  # fmt: skip
    name = derive(lead_id, from_stage, to_stage, str(day), str(offset))
    return Transition(transition_id=name, lead_id=lead_id, from_stage=from_stage, to_stage=to_stage, **defaults | other)


def letter(name, **other) -> DeadLetter:
    defaults = {
        "received_at": T0,
        "hop": "identify",
        "source": WEB,
        "reason": "undecodable",
        "detail": "no bytes",
        "body": b"\xff\x00",
    }
    return DeadLetter(letter_id=derive(name), **defaults | other)


def points(rule, value, *, as_of=T0, half_life_s=0, count=1) -> RuleSum:
    return RuleSum(rule, value, as_of, half_life_s, count)


@dataclass
class Topics:
    """What the topics hold, in the order of their offsets."""

    records: list = field(default_factory=list)

    def add(self, table, value, topic="a-topic", partition=0) -> "Topics":
        self.records.append((table, value, Position(topic=topic, partition=partition, offset=len(self.records))))
        return self

    def profile(self, lead_id="v:ann", **other) -> "Topics":
        return self.add(rows.PROFILES, avro.encode_profile(profile(lead_id, **other)))

    def transition(self, *args, **other) -> "Topics":
        return self.add(rows.TRANSITIONS, avro.encode_transition(transition(*args, **other)))

    def letter(self, name, **other) -> "Topics":
        return self.add(rows.DEAD_LETTERS, avro.encode_dead_letter(letter(name, **other)))

    def touchpoint(self, touchpoint) -> "Topics":
        return self.add(rows.TOUCHPOINTS, avro.encode_touchpoint(touchpoint), topic=WEB)

    def fact(self, fact, *, partition=0, offset=0, index=0) -> "Topics":
        return self.add(rows.FACTS, avro.encode_fact(fact, partition=partition, offset=offset, index=index))

    def deliver(self, client) -> list:
        """Write everything as one load and return what ClickHouse refused."""
        load = Load()
        for table, value, position in self.records:
            load.add(table, [table.read(value, position)], [position])
        load.write(client)
        return load.refusals


def lived(touchpoints, *, states=None) -> Topics:
    """What the topics hold after the real core has decided *touchpoints*, in this order; *states* takes the changelog."""
    told = Topics()
    logs = [[(None, ModelPublished("test", 1, "the model", T0))] for _ in range(K)]
    partitions = [Partition(p, logs=LOGS, read_model=lambda _: MODEL) for p in range(K)]
    done = [0] * K
    for n, each in enumerate(touchpoints):
        told.touchpoint(each)
        lead_id = each.identifiers()[0]
        logs[_partition_of(lead_id)].append((lead_id, TouchpointArrived(Origin(0, n, 0), each)))
        while any(done[p] < len(logs[p]) for p in range(K)):
            for p in range(K):
                done[p] = _decide(partitions[p], p, logs, done[p], told)
    for p in range(K):
        changelog, profiles = partitions[p].changes(done[p])
        for each in profiles:
            told.add(rows.PROFILES, avro.encode_profile(each))
        if states is not None:
            states |= {key.decode(): value for key, value in changelog if key != PARTITION_KEY}
    return told


def _decide(partition, p, logs, start, told) -> int:
    end = len(logs[p])  # of now: what is decided may add to it
    for offset in range(start, end):
        key, record = logs[p][offset]
        out = Effects()
        for _ in partition.apply(key, inbox.decode(inbox.encode(record)), offset, out) or ():
            pass
        for fact, at, index in out.facts:
            told.fact(fact, partition=p, offset=at, index=index)
            if isinstance(fact, StageChanged):
                told.add(
                    rows.TRANSITIONS, avro.encode_transition(Transition.of(fact, partition=p, offset=at, index=index))
                )
        for lead_id, mail in out.mail:
            logs[_partition_of(lead_id)].append((lead_id, mail))
    return end


def _partition_of(lead_id) -> int:
    return sum(lead_id.encode()) % K


def quarter() -> list:
    """Three months of four people: merges, a resend, a demo booked, a verdict, fading scores."""
    contact = {"email": "ann@acme.example", "name": "Ann", "company": "Acme"}
    return [
        touch(
            "page_view",
            event="1",
            at=T0,
            visitor_id="phone",
            channel="paid_search",
            campaign="q1",
            properties={"path": "/pricing"},
        ),
        touch("ebook_downloaded", event="2", at=T0 + DAY_MS, visitor_id="phone", channel="email"),
        touch("page_view", event="3", at=T0 + 2 * DAY_MS, visitor_id="laptop", channel="social"),
        touch(
            "identified",
            event="4",
            at=T0 + 3 * DAY_MS,
            visitor_id="phone",
            email_hash="a" * 32,
            contact=contact,
            profile={"role": "vp"},
        ),
        touch(
            "page_view",
            event="3",
            at=T0 + 2 * DAY_MS,
            received_at=T0 + 3 * DAY_MS,
            visitor_id="laptop",
            channel="social",
        ),
        touch("identified", event="5", at=T0 + 4 * DAY_MS, visitor_id="laptop", crm_id="77", email_hash="a" * 32),
        touch("demo_booked", event="6", at=T0 + 10 * DAY_MS, email_hash="a" * 32, channel="organic_search"),
        touch("page_view", event="7", at=T0 + 12 * DAY_MS, visitor_id="bob", properties={"path": "/pricing"}),
        touch("signed_up", event="8", at=T0 + 12 * DAY_MS, visitor_id="bob"),
        touch("deal_won", event="9", at=T0 + 40 * DAY_MS, crm_id="77", channel="crm"),
        touch("page_view", event="10", at=T0 + 90 * DAY_MS, visitor_id="bob"),
        touch("email_unsubscribed", event="11", at=T0 + 91 * DAY_MS, visitor_id="cleo", channel="email"),
    ]
