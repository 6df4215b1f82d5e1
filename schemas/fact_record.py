"""Facts as flat records: one Avro schema for all of them, so that one topic and one table hold a lead's history.

`row` and `fact_of` undo each other exactly; the schema (`avsc/fact.v1.avsc`) says which fact fills which field.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar, assert_never

from msgspec.structs import asdict

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

Row: TypeAlias = Mapping[str, Any]

NAMES: Final[Mapping[type[AnyFact], str]] = {
    TouchpointCounted: "touchpoint_counted",
    TouchpointDuplicated: "touchpoint_duplicated",
    ProfileLearned: "profile_learned",
    FitGraded: "fit_graded",
    StageChanged: "stage_changed",
    TransitionRefused: "transition_refused",
    VerdictGiven: "verdict_given",
    VerdictExpired: "verdict_expired",
    PointsWithdrawn: "points_withdrawn",
    LeadForwarded: "lead_forwarded",
    LeadReleased: "lead_released",
    IdentityMerged: "identity_merged",
}
_TYPES: Final = {name: kind for kind, name in NAMES.items()}

_SIGN: Final = 1 << 63
_KEYS: Final = 1 << 64


class Incomplete(ValueError):
    """A record that is no fact we know, or lacks a field of its fact. Names the field, never its value."""


def row(fact: AnyFact, *, partition: int, offset: int, index: int) -> dict[str, Any]:
    """Flatten *fact*, decided from this position of the inbox; fields it does not fill are left out."""
    return {
        "fact_id": fact.fact_id, "lead_id": fact.lead_id, "fact": NAMES[type(fact)], "event_id": fact.event_id,
        "recorded_at": fact.recorded_at, "model": fact.model, "import_id": fact.import_id,
        "partition": partition, "offset": offset, "index": index,
    } | _own_fields(fact)  # fmt: skip


def _own_fields(fact: AnyFact) -> dict[str, Any]:
    match fact:
        case TouchpointCounted(kind=kind, touch=touch, sums=sums):
            return {"kind": kind, **asdict(touch), "sums": [asdict(each) for each in sums]}
        case TouchpointDuplicated(kind=kind):
            return {"kind": kind}
        case ProfileLearned(attributes=attributes):
            return {"attributes": attributes}
        case FitGraded(fit=fit, grade=grade, criteria=criteria):
            return {"fit": fit, "grade": grade, "criteria": criteria}
        case StageChanged():
            return _stage_changed(fact)
        case TransitionRefused(from_stage=before, to_stage=after, reason=reason):
            return {"from_stage": before, "to_stage": after, "reason": reason}
        case VerdictGiven(verdict=verdict):
            return _verdict_fields(verdict)
        case VerdictExpired(verdict=name, effective_at=effective_at):
            return {"verdict": name, "effective_at": effective_at}
        case PointsWithdrawn(reason=reason, sums=sums, event_ids=keys):
            return {"reason": reason, "sums": [asdict(each) for each in sums], "event_keys": _event_keys(keys)}
        case LeadForwarded(to=to, handed_over=handed_over):
            return {"other_lead": to, "handed_over": handed_over}
        case LeadReleased(was=was):
            return {"other_lead": was}
        case IdentityMerged():
            return _identity_merged(fact)
        case _:
            assert_never(fact)


def _stage_changed(fact: StageChanged) -> dict[str, Any]:
    return {
        "transition_id": fact.transition_id, "from_stage": fact.from_stage, "to_stage": fact.to_stage,
        "reason": fact.reason, "rule": fact.rule, "effective_at": fact.effective_at, "occurred_at": fact.occurred_at,
        "score": fact.score, "grade": fact.grade,
        "first_touch": _touch_row(fact.first_touch), "last_touch": _touch_row(fact.touch),
    }  # fmt: skip


def _identity_merged(fact: IdentityMerged) -> dict[str, Any]:
    return {
        "other_lead": fact.absorbed, "touches": fact.touches, "stage": fact.stage, "attributes": fact.attributes,
        "sums": [asdict(each) for each in fact.sums], "caps": [asdict(each) for each in fact.caps],
        "event_keys": _event_keys(fact.event_ids),
        "first_touch": _touch_row(fact.first_touch), "last_touch": _touch_row(fact.last_touch),
        **_verdict_fields(fact.verdict),
    }  # fmt: skip


def _event_keys(keys: tuple[tuple[int, int], ...]) -> list[dict[str, int]]:
    """Avro has no unsigned numbers, event keys fill all 64 bits."""
    return [{"key": key - _KEYS if key >= _SIGN else key, "recorded_at": at} for key, at in keys]


def _verdict_fields(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    return {
        "verdict": verdict.name, "verdict_given_at": verdict.given_at, "verdict_expires_at": verdict.expires_at,
    }  # fmt: skip


def _touch_row(touch: Touch | None) -> dict[str, Any] | None:
    return None if touch is None else asdict(touch)


def fact_of(row: Row) -> AnyFact:
    """Rebuild the fact from its flat record. Raises Incomplete."""
    kind = _TYPES.get(row["fact"])
    if kind is None:
        raise Incomplete("field fact names none of the facts this release knows")
    common = {name: row[name] for name in ("fact_id", "lead_id", "event_id", "recorded_at", "model", "import_id")}
    return kind(**common, **_READERS[kind](row))


def _filled(row: Row, *names: str) -> dict[str, Any]:
    return {name: _value(row, name) for name in names}


def _value(row: Row, name: str) -> Any:
    value = row[name]
    if value is None:
        raise Incomplete(f"a fact lacks the field {name}, which facts of its name fill")
    return value


def _touch(row: Row | None) -> Touch | None:
    return None if row is None else Touch(**row)


def _verdict(row: Row) -> Verdict:
    return Verdict(*_filled(row, "verdict", "verdict_given_at", "verdict_expires_at").values())


T = TypeVar("T")


def _each(kind: Callable[..., T], rows: list[dict[str, Any]]) -> tuple[T, ...]:
    return tuple([kind(**row) for row in rows])


def _event_ids(row: Row) -> tuple[tuple[int, int], ...]:
    return tuple([(each["key"] % _KEYS, each["recorded_at"]) for each in row["event_keys"]])


_READERS: Final[Mapping[type[AnyFact], Callable[[Row], dict[str, Any]]]] = {
    TouchpointCounted: lambda row: {
        "kind": _value(row, "kind"), "sums": _each(RuleSum, row["sums"]),
        "touch": Touch(_value(row, "channel"), row["campaign"], _value(row, "occurred_at")),
    },
    TouchpointDuplicated: lambda row: _filled(row, "kind"),
    ProfileLearned: lambda row: _filled(row, "attributes"),
    FitGraded: lambda row: _filled(row, "fit", "grade", "criteria"),
    StageChanged: lambda row: {
        **_filled(row, "transition_id", "from_stage", "to_stage", "reason", "effective_at", "occurred_at", "score",
                  "grade"),
        "rule": row["rule"], "touch": _touch(row["last_touch"]), "first_touch": _touch(row["first_touch"]),
    },
    TransitionRefused: lambda row: _filled(row, "from_stage", "to_stage", "reason"),
    VerdictGiven: lambda row: {"verdict": _verdict(row)},
    VerdictExpired: lambda row: _filled(row, "verdict", "effective_at"),
    PointsWithdrawn: lambda row: {
        "reason": _value(row, "reason"), "sums": _each(RuleSum, row["sums"]), "event_ids": _event_ids(row),
    },
    LeadForwarded: lambda row: {"to": _value(row, "other_lead"), "handed_over": _value(row, "handed_over")},
    LeadReleased: lambda row: {"was": _value(row, "other_lead")},
    IdentityMerged: lambda row: {
        "absorbed": _value(row, "other_lead"), "sums": _each(RuleSum, row["sums"]), "caps": _each(CapUse, row["caps"]),
        "event_ids": _event_ids(row), **_filled(row, "attributes", "touches", "stage"),
        "first_touch": _touch(row["first_touch"]), "last_touch": _touch(row["last_touch"]),
        "verdict": None if row["verdict"] is None else _verdict(row),
    },
}  # fmt: skip
