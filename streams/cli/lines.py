"""A record in one line that a person reads: what happened, to whom, why."""

from collections.abc import Callable, Mapping
from typing import Final

from streams import topics
from streams.cli.fields import Fields
from streams.cli.output import counted, instant, points, printable

_PATH_CHARS_MAX: Final = 60


def line_of(topic: str, key: bytes | None, fields: Fields | None) -> str:
    """Say in words what the record of the topology's *topic* says."""
    if fields is None:
        return "deleted"
    return printable(_WORDS[topic](fields, _text(key)))


def instant_of(fields: Fields | None) -> int | None:
    """When what a record tells took place, where it says so: an import is written long after."""
    if fields is None:
        return None
    inner = fields.get("touchpoint", fields)
    return next((inner[name] for name in ("effective_at", "recorded_at", "occurred_at") if inner.get(name) is not None), None)


def _text(key: bytes | None) -> str:
    return "" if key is None else key.decode(errors="backslashreplace")


def _touchpoint(t: Fields, _: str = "") -> str:
    """Without `contact`: a terminal is no place for personal data unless asked by --json."""
    if t["kind"] == "import_reached":
        ended = " and ended" if t["properties"].get("ended") == "true" else ""
        return f"import {t['import_id']} has reached {instant(t['occurred_at'])}{ended}"
    about = next((t["properties"][name] for name in ("path", "url", "title", "form") if t["properties"].get(name)), "")
    said = [t["kind"], about[:_PATH_CHARS_MAX], f"by {t['channel']}", f"campaign {t['campaign']}" if t["campaign"] else ""]
    said += [f"({t['source']}" + (f", import {t['import_id']})" if t["import_id"] else ")")]
    return " ".join(word for word in said if word)


def _fact(f: Fields, _: str) -> str:
    words = _FACTS.get(f["fact"])
    return f"{f['fact']} {'' if words is None else words(f)}".rstrip()


def _counted(f: Fields) -> str:
    earned = " ".join(f"{points(each['points'])} {each['rule']}" for each in f["sums"])
    return f"{f['kind']} by {f['channel']}: {earned or 'no points'}"


def _stage_changed(f: Fields) -> str:
    why = f"{f['reason']} {f['rule']}" if f["rule"] else f["reason"]
    return f"{f['from_stage']} > {f['to_stage']} ({why}), score {f['score']:.1f}, grade {f['grade']}"


def _merged(f: Fields) -> str:
    return f"absorbed {f['other_lead']}: {f['touches']} touches, {sum(each['points'] for each in f['sums']):+.1f} points"


def _withdrawn(f: Fields) -> str:
    taken = " ".join(f"{points(each['points'])} {each['rule']}" for each in f["sums"])
    return f"{f['reason']}: {taken or 'no points'}"


def _pairs(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(values.items()))


_FACTS: Final[Mapping[str, Callable[[Fields], str]]] = {
    "touchpoint_counted": _counted,
    "touchpoint_duplicated": lambda f: f["kind"],
    "profile_learned": lambda f: _pairs(f["attributes"]),
    "fit_graded": lambda f: f"{f['grade']} ({f['fit']:g} points: {', '.join(sorted(f['criteria'])) or 'no criterion met'})",
    "stage_changed": _stage_changed,
    "transition_refused": lambda f: f"{f['from_stage']} > {f['to_stage']}: {f['reason']}",
    "verdict_given": lambda f: f["verdict"] + (f" until {instant(f['verdict_expires_at'])}" if f["verdict_expires_at"] else " for good"),
    "verdict_expired": lambda f: f["verdict"],
    "points_withdrawn": _withdrawn,
    "lead_forwarded": lambda f: f"it is {f['other_lead']}" + ("" if f["handed_over"] else " (from now on)"),
    "lead_released": lambda f: f"it is not {f['other_lead']} after all",
    "identity_merged": _merged,
}


def _transition(t: Fields, _: str) -> str:
    by = f" by {t['channel']}" if t["channel"] else ""
    return f"{_stage_changed(t)}{by}" + (" (imported)" if t["import_id"] else "")


def _profile(p: Fields, _: str) -> str:
    if p["forwarded_to"]:
        return f"is {p['forwarded_to']}"
    reasons = sorted(p["reasons"], key=lambda each: -abs(each["points"]))
    listed = ", ".join(f"{each['rule']} {points(each['points'])}" for each in reasons[:4])
    more = f", {len(reasons) - 4} more" if len(reasons) > 4 else ""
    held = f", {p['verdict']} by sales" if p["verdict"] else ""
    return f"{p['stage']}, score {p['score']:.1f}, grade {p['grade']}{held}, {counted(p['touches'], 'touch', 'touches')}: {listed or 'no points'}{more}"


def _inbox(r: Fields, _: str) -> str:
    return f"{r['record']} {_INBOX[r['record']](r)}"


_INBOX: Final[Mapping[str, Callable[[Fields], str]]] = {
    "TouchpointArrived": lambda r: _touchpoint(r["touchpoint"]),
    "LeadAbsorbed": lambda r: f"{r['absorbed']} hands over {r['touches']} touches, {len(r['sums'])} sums, stage {r['stage']}",
    "IdentifierLinked": lambda r: f"it is {r['to']}",
    "LeadUnlinked": lambda r: f"since {instant(r['at'])} it is itself again",
    "Tick": lambda r: f"it is {instant(r['at'])}",
    "ModelPublished": lambda r: f"{r['name']}@{r['version']}",
    "ImportReached": lambda r: f"{r['import_id']} {instant(r['until'])}, round {r['round']}" + (", ended" if r["ended"] else ""),
}


def _state(s: Fields, _: str) -> str:
    if s["record"] == "PartitionState":
        model = f"{s['model_name']}@{s['model_version']}" if s["model_text"] else "none yet"
        return f"model {model}, imports open: {', '.join(sorted(s['imports'])) or 'none'}"
    lead = s["lead"]
    if lead["forwarded_to"]:
        return f"is {lead['forwarded_to']}"
    waiting = f", {counted(len(s['waiting']), 'touchpoint waits', 'touchpoints wait')}" + (f" for import {s['import_id']}" if s["import_id"] else "") if s["waiting"] else ""
    return f"{lead['stage']}, grade {lead['grade']}, {counted(lead['touches'], 'touch', 'touches')}, now {instant(lead['now'])}{waiting}"


def _model(m: Fields, key: str) -> str:
    return f"in force: {m['text']}" if key == "@in-force" else f"{key}: {len(m['text'])} characters of YAML"


def _letter(d: Fields, _: str) -> str:
    return f"{d['letter_id'][:12]} {d['hop']}: {d['reason']}: {d['detail']} ({len(d['body'])} bytes from {d['source']})"


_WORDS: Final[Mapping[str, Callable[[Fields, str], str]]] = {
    **dict.fromkeys(topics.TOUCHPOINTS, _touchpoint),
    topics.INBOX: _inbox,
    topics.EVENTS: _fact,
    topics.TRANSITIONS: _transition,
    topics.PROFILES: _profile,
    topics.STATE: _state,
    topics.MODELS: _model,
    topics.DEAD_LETTERS: _letter,
}
