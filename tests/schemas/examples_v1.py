"""The values behind `golden/*.v1.hex`: one of everything that version 1 could say.

Released: neither these nor the bytes change. A newer version that says the same in other bytes has golden bytes of its own
(`Example.version`), one that says more a file beside this one; a field added since then stands here at its default, which is
what reading version 1 must give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from schemas import avro, inbox, state
from schemas.dead_letter import DeadLetter
from schemas.facts import (
    AnyFact,
    CapUse,
    FitGraded,
    IdentityMerged,
    LeadForwarded,
    LeadReleased,
    PointsWithdrawn,
    ProfileLearned,
    RuleSum,
    StageChanged,
    Touch,
    TouchpointCounted,
    TouchpointDuplicated,
    TransitionRefused,
    Verdict,
    VerdictExpired,
    VerdictGiven,
)
from schemas.inbox import InboxRecord, Origin
from schemas.lead import Engagement, Lead
from schemas.profile import LeadProfile
from schemas.remembered import Remembered
from schemas.touchpoint import Touchpoint
from schemas.transition import Transition

EVENT = "d1" * 16
T0 = 1_750_000_000_000
HOUR = 3_600_000
DAY_S = 86_400

FULL = Touchpoint(
    event_id=EVENT, source="segment", kind="demo_booked", channel="paid_search", occurred_at=T0, received_at=T0 + 250,
    visitor_id="3f0d7b1e-9b1b", crm_id="0042", email_hash="ab" * 16, email_domain="example.com", campaign="spring",
    properties={"path": "/demo", "title": "Demo für alle"}, profile={"role": "vp", "country": "DE"},
    contact={"email": "ana@example.com"}, import_id="crm-2024",
)  # fmt: skip
SPARE = Touchpoint(
    event_id=EVENT, source="sendgrid", kind="email_opened", channel="email", occurred_at=-1, received_at=0
)

FIRST = Touch("organic_search", None, T0 - 72 * HOUR)
LAST = Touch("paid_search", "spring", T0)
SUMS = (
    RuleSum("pricing_page", 8.5, T0, 20 * DAY_S),
    RuleSum("newsletter", -3.25, T0 - HOUR, 0, count=2, window=20_254, once=True),
)
CAPS = (CapUse("pricing_page", 20_254, 8.5),)
KEYS = (((1 << 64) - 1, T0), (1, T0 - HOUR))
FOR_GOOD = Verdict("disqualified", T0, 0)

COMMON = {
    "fact_id": "f0" * 16, "lead_id": "e:" + "ab" * 16, "event_id": EVENT, "recorded_at": T0 + 250, "model": "b2b@1",
}  # fmt: skip

FACTS: dict[str, AnyFact] = {
    "touchpoint_counted": TouchpointCounted(**COMMON, kind="demo_booked", touch=LAST, sums=SUMS, import_id="crm-2024"),
    "touchpoint_counted_for_nothing": TouchpointCounted(**COMMON, kind="page_view", touch=FIRST),
    "touchpoint_duplicated": TouchpointDuplicated(**COMMON, kind="page_view"),
    "profile_learned": ProfileLearned(**COMMON, attributes={"role": "vp", "size": "51-200"}),
    "fit_graded": FitGraded(**COMMON, fit=62.5, grade="B", criteria={"decides": 60.0, "home": 2.5}),
    "stage_changed": StageChanged(
        **COMMON, transition_id="7a" * 16, from_stage="mql", to_stage="sql", reason="conversion", rule="demo",
        effective_at=T0 + 250, occurred_at=T0, score=48.75, grade="B", touch=LAST, first_touch=FIRST,
    ),
    "stage_changed_by_time": StageChanged(
        **COMMON, transition_id="7b" * 16, from_stage="mql", to_stage="visitor", reason="cooled", rule=None,
        effective_at=T0, occurred_at=T0, score=9.0, grade="D", touch=None, first_touch=None,
    ),
    "transition_refused": TransitionRefused(**COMMON, from_stage="customer", to_stage="mql", reason="backwards"),
    "verdict_given": VerdictGiven(**COMMON, verdict=Verdict("rejected", T0, T0 + 720 * HOUR)),
    "verdict_expired": VerdictExpired(**COMMON, verdict="rejected", effective_at=T0 + 720 * HOUR),
    "points_withdrawn": PointsWithdrawn(
        **COMMON, reason="security_scanner", sums=(RuleSum("clicked", -4.0, T0, 20 * DAY_S, window=20_254),), event_ids=KEYS,
    ),
    "lead_forwarded": LeadForwarded(**COMMON, to="e:" + "cd" * 16, handed_over=True),
    "lead_released": LeadReleased(**COMMON, was="e:" + "cd" * 16),
    "identity_merged": IdentityMerged(
        **COMMON, absorbed="v:3f0d7b1e-9b1b", sums=SUMS, caps=CAPS, event_ids=KEYS, attributes={"role": "vp"},
        touches=3, stage="mql", first_touch=FIRST, last_touch=LAST, verdict=FOR_GOOD,
    ),
    "identity_merged_of_nothing": IdentityMerged(
        **COMMON, absorbed="v:3f0d7b1e-9b1b", sums=(), caps=(), event_ids=(), attributes={}, touches=0,
        stage="visitor", first_touch=None, last_touch=None,
    ),
}  # fmt: skip

PROFILE = LeadProfile(
    lead_id="e:" + "ab" * 16, stage="sql", stage_since=T0, score=5.25, as_of=T0 + 250, reasons=SUMS, fit=62.5,
    grade="B", criteria={"decides": 60.0}, attributes={"role": "vp"}, verdict="accepted", verdict_expires_at=0,
    first_touch=FIRST, last_touch=LAST, touches=3, forwarded_to=None, model="b2b@1", partition=3, offset=123_456,
)  # fmt: skip
FORWARDED = LeadProfile(
    lead_id="v:3f0d7b1e-9b1b", stage="visitor", stage_since=0, score=0.0, as_of=T0, fit=0.0, grade="D", touches=0,
    forwarded_to="e:" + "ab" * 16, model="b2b@1", partition=3, offset=123_456,
)  # fmt: skip

LETTER = DeadLetter(
    letter_id="1e" * 16, received_at=T0, hop="identify", source="touchpoints.web", reason="undecodable",
    detail="leadstream.Touchpoint version 1 ends too early", topic="touchpoints.web", partition=7, offset=99,
    key=b"v:3f0d", body=b"\xc3\x01\x00\xff", headers={}, model="b2b@1",
)  # fmt: skip
REQUEST = DeadLetter(
    letter_id="1f" * 16, received_at=T0, hop="collect", source="segment", reason="bad_json",
    detail="the body is no JSON", body=b"{", headers={"content-type": "application/json", "path": "/v1/track"},
)  # fmt: skip

ORIGIN = Origin(log=3_079, offset=987_654, index=2)
MAIL: dict[str, InboxRecord] = {
    "touchpoint_arrived": inbox.TouchpointArrived(ORIGIN, FULL),
    "lead_absorbed": inbox.LeadAbsorbed(
        ORIGIN, absorbed="v:3f0d7b1e-9b1b", sums=SUMS, caps=CAPS, event_ids=KEYS, attributes={"role": "vp"},
        touches=3, stage="mql", stage_since=T0 - HOUR, first_touch=FIRST, last_touch=LAST, at=T0, verdict=FOR_GOOD,
    ),
    "identifier_linked": inbox.IdentifierLinked(ORIGIN, to="e:" + "ab" * 16, at=T0, event_id=EVENT),
    "lead_unlinked": inbox.LeadUnlinked(ORIGIN, at=T0, event_id=EVENT),
    "tick": inbox.Tick(at=T0),
    "model_published": inbox.ModelPublished(name="b2b", version=1, text="name: b2b\n", at=T0),
    "import_reached": inbox.ImportReached(ORIGIN, import_id="crm-2024", until=T0, round=1, ended=True),
}  # fmt: skip

MAILBOX = state.Mailbox(
    lead=Lead(
        now=T0, stage="mql", stage_since=T0 - HOUR,
        engagement={"pricing_page:1728000": Engagement(value=8.5, as_of=T0, half_life_s=20 * DAY_S, count=2)},
        caps={"pricing_page": {20_254: 8.5}}, once=["newsletter"], attributes={"role": "vp"}, fit=62.5, grade="B",
        criteria={"decides": 60.0}, verdict=FOR_GOOD, first_touch=FIRST, last_touch=LAST, touches=3,
        recent=Remembered.of(KEYS), forgotten=1, forwarded_to="e:" + "ab" * 16, model="b2b@1",
    ),
    origins={3_079: (987_654, 2), 4_096: (17, 0)}, waiting=[FULL], import_id="crm-2024", passed=Remembered.of(KEYS),
    due_at=T0 + HOUR, told={"c:0042": "e:" + "ab" * 16},
)  # fmt: skip
PARTITION = state.PartitionState(
    model_name="b2b", model_version=1, model_text="name: b2b\n",
    imports={"crm-2024": [state.ImportProgress(until=T0, ended=False, seen={0: [3_079, 4_096], 1: [4_096]})]},
    reached={"crm-2024": T0}, ended={"crm-2023": T0 - HOUR},
)  # fmt: skip


WATCHING = msgspec.structs.replace(
    MAILBOX,
    watched=[state.WatchedMail((1 << 64) - 1, T0, [state.WatchedClick(T0 + 500, 7, 1, SUMS, by_machine=True), state.WatchedClick(T0 + 900, 8, 2)])],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A value, what writes it, what reads it, the version that is written today, and the first that could say it."""

    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    version: int = 1
    since: int = 1


def _fact(fact: AnyFact) -> Example:
    at = {"partition": 3, "offset": 123_456, "index": 1}
    return Example(
        value=avro.FactAt(fact, **at),
        encode=lambda found: avro.encode_fact(found.fact, **at),
        decode=avro.decode_fact,
    )


_touchpoint = partial(Example, encode=avro.encode_touchpoint, decode=avro.decode_touchpoint)
_transition = partial(Example, encode=avro.encode_transition, decode=avro.decode_transition)
_profile = partial(Example, encode=avro.encode_profile, decode=avro.decode_profile)
_letter = partial(Example, encode=avro.encode_dead_letter, decode=avro.decode_dead_letter)
_mail = partial(Example, encode=inbox.encode, decode=inbox.decode)
_told = partial(Transition.of, partition=3, offset=123_456, index=1)

AVRO = {
    "touchpoint": _touchpoint(value=FULL),
    "touchpoint_spare": _touchpoint(value=SPARE),
    **{f"fact_{name}": _fact(fact) for name, fact in FACTS.items()},
    "transition": _transition(value=_told(FACTS["stage_changed"])),
    "transition_by_time": _transition(value=_told(FACTS["stage_changed_by_time"])),
    "profile": _profile(value=PROFILE),
    "profile_forwarded": _profile(value=FORWARDED),
    "dead_letter": _letter(value=LETTER),
    "dead_letter_request": _letter(value=REQUEST),
}
PRIVATE = {
    **{f"inbox_{name}": _mail(value=record) for name, record in MAIL.items()},
    "state_mailbox": Example(value=MAILBOX, encode=state.encode_mailbox, decode=state.decode_mailbox, version=3),
    "state_mailbox_watching": Example(value=WATCHING, encode=state.encode_mailbox, decode=state.decode_mailbox, version=3, since=3),
    "state_partition": Example(value=PARTITION, encode=state.encode_partition, decode=state.decode_partition, version=3),
}
EXAMPLES = {**AVRO, **PRIVATE}
