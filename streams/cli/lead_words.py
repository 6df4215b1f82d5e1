"""A lead explained: to a person in words, to a script as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from processors.engagement import points_at, rule_of, total_at
from processors.model.scoring_model import DISQUALIFIED, GRADES, ScoringModel, Stage, at_least_grade
from processors.model.values import NEVER, duration_words
from processors.stage import due_exactly, held_by
from schemas.lead import Lead
from streams import topics
from streams.cli.fields import Fields, plain
from streams.cli.lead_found import Found
from streams.cli.lead_history import History
from streams.cli.lines import line_of
from streams.cli.output import ago, counted, instant, points, printable, table

_REASONS: Final = {
    "score": "its score and fit were enough",
    "cooled": "its score had faded below the stage's floor",
    "verdict": "sales said so",
    "verdict_expired": "the verdict of sales had run out",
    "merged": "it was merged with a lead that stood there",
    "model": "a new scoring model was published",
}


def told(found: Found, history: History, *, now: int) -> None:
    """Print the explanation."""
    lead = found.lead
    print(printable(found.lead_id) + _names(found, history))
    print("\n".join(map(printable, _lines(found, history, now=now))))
    if lead.engagement:
        print("\nPoints")
        _print_points(lead, now)
    print(f"\nFit {lead.fit:g} of 100, grade {lead.grade}" + _criteria(lead))
    if lead.attributes:
        print(printable("Known: " + ", ".join(f"{name} {value}" for name, value in sorted(lead.attributes.items()))))
    _print_history("Stages", topics.TRANSITIONS, history.transitions, found)
    _print_history(f"Last facts, from {history.source}", topics.EVENTS, history.facts, found)


def _print_history(title: str, topic: str, facts: Sequence[Fields], found: Found) -> None:
    if facts:
        print(f"\n{title}")
    for fact in facts:
        whose = "" if fact["lead_id"] == found.lead_id else f"  (as {printable(fact['lead_id'])})"
        print(f"  {instant(fact['recorded_at'])}  {line_of(topic, None, fact)}{whose}")


def _names(found: Found, history: History) -> str:
    asked = f", which {' and then '.join(found.through)} turned out to be" if found.through else ""
    others = [name for name in history.also_known_as if name not in found.through]
    return printable(asked + (f"; also {', '.join(others)}" if others else ""))


def _lines(found: Found, history: History, *, now: int) -> Iterator[str]:
    lead, model = found.lead, found.model
    since = f" since {instant(lead.stage_since)}, {ago(lead.stage_since, now)}" if lead.stage_since else ""
    yield f"{lead.stage}{since}; score {total_at(lead, now):.1f} now" + _then(lead, now) + f", grade {lead.grade}, {counted(lead.touches, 'touch', 'touches')}"
    yield ""
    yield f"Why {lead.stage}?  {why(lead, history)}"
    if model is None:
        yield "No scoring model has been published yet: touchpoints wait until then."
    else:
        yield from ("What next?  " + line if not n else f"            {line}" for n, line in enumerate(_next(lead, model, now)))
    if lead.verdict is not None:
        until = f"until {instant(lead.verdict.expires_at)}" if lead.verdict.expires_at else "for good"
        yield f"Sales said {lead.verdict.name} at {instant(lead.verdict.given_at)}, which holds {until}"
    for name, touch in (("First", lead.first_touch), ("Last", lead.last_touch)):
        if touch is not None:
            yield f"{name} touch {instant(touch.occurred_at)} by {touch.channel}" + (f", campaign {touch.campaign}" if touch.campaign else "")
    if found.box.waiting:
        which = f"import {found.box.import_id} to get there" if found.box.import_id else "the first scoring model"
        yield f"{counted(len(found.box.waiting), 'touchpoint waits', 'touchpoints wait')} for {which}"
    yield f"Decided by {lead.model or 'no model yet'}" + (f"; in force now: {model.id}" if model is not None and model.id != lead.model else "")


def _then(lead: Lead, now: int) -> str:
    return f" ({total_at(lead, lead.now):.1f} at its last news, {ago(lead.now, now)})" if lead.now else ""


def why(lead: Lead, history: History) -> str:
    """Say what brought the lead to the stage it is in."""
    last = next((fact for fact in reversed(history.transitions) if fact["to_stage"] == lead.stage), None)
    if last is None:
        return "it has not moved yet: no conversion, and its score and fit were never enough"
    cause = _cause(last)
    by = f" by {last['last_touch']['channel']}" if (last["last_touch"] or {}).get("channel") else ""
    return f"On {instant(last['effective_at'])} it moved here from {last['from_stage']}: {cause}{by}; score {last['score']:.1f} and grade {last['grade']} then"


def _cause(change: Fields) -> str:
    if change["reason"] == "conversion":
        return f"the conversion {change['rule']}"
    if change["reason"] in ("recycled", "deal_lost"):
        return f"{change['rule'] or change['reason']} sent it back"
    return _REASONS.get(change["reason"], str(change["reason"]))


def _next(lead: Lead, model: ScoringModel, now: int) -> Iterator[str]:
    """Say what would move the lead: time alone, then each stage above."""
    due = due_exactly(lead, model)
    if due is not None:
        at, move = due
        what = "the verdict of sales runs out" if move is None else f"it cools down to {move.to}"
        yield f"{instant(at)} ({ago(at, now)}) {what}, if nothing else happens"
    if lead.stage == DISQUALIFIED:
        yield "it is disqualified: only a won deal, or the end of a verdict, moves it"
        return
    if (verdict := held_by(lead)) is not None:
        yield f"sales said {verdict}: its score alone moves it no further up while that holds"
    above = model.stages[model.rank.get(lead.stage, 0) + 1 :]
    for stage in above:
        yield from (f"{stage.name if not n else '':<9} {way}" for n, way in enumerate(_ways_to(stage, lead, now)))
    if not above and due is None:
        yield "nothing: this is the last stage"


def _ways_to(stage: Stage, lead: Lead, now: int) -> Iterator[str]:
    if stage.conversions:
        yield f"by {', '.join(sorted(stage.conversions))}"
    score = total_at(lead, now)
    for threshold in stage.thresholds:
        lacks = [f"{threshold.score - score:.1f} points more"] if score < threshold.score else []
        lacks += [f"a better grade than {lead.grade}"] if not at_least_grade(lead.grade, threshold.grade) else []
        grade = "" if threshold.grade == GRADES[-1] else f" with grade {threshold.grade}"
        yield f"at a score of {threshold.score:g}{grade}" + (f": needs {' and '.join(lacks)}" if lacks else ": would be enough")


def _print_points(lead: Lead, now: int) -> None:
    rows = [
        (rule_of(key), points(points_at(e, now)), points(points_at(e, lead.now)), str(e.count), duration_words(e.half_life_s, NEVER))
        for key, e in sorted(lead.engagement.items(), key=lambda each: -abs(points_at(each[1], now)))
    ]
    table(("rule", "now", "at its last news", "times", "halves every"), rows, right=("now", "at its last news", "times"))


def _criteria(lead: Lead) -> str:
    met = sorted(lead.criteria.items(), key=lambda each: -each[1])
    return printable(": " + ", ".join(f"{name} {earned:+g}" for name, earned in met)) if met else ": no criterion met"


def described(found: Found, history: History, *, now: int) -> dict[str, Any]:
    """The same as plain values."""
    lead, model = found.lead, found.model
    due = due_exactly(lead, model) if model is not None else None
    return {
        "lead_id": found.lead_id, "through": found.through, "also_known_as": history.also_known_as, "partition": found.partition,
        "stage": lead.stage, "stage_since": lead.stage_since, "why": why(lead, history),
        "score": total_at(lead, now), "now": now, "score_at_last_news": total_at(lead, lead.now), "last_news_at": lead.now,
        "points": [
            {"rule": rule_of(key), "now": points_at(e, now), "at_last_news": points_at(e, lead.now), "count": e.count, "half_life_s": e.half_life_s}
            for key, e in sorted(lead.engagement.items())
        ],
        "fit": lead.fit, "grade": lead.grade, "criteria": lead.criteria, "attributes": lead.attributes, "touches": lead.touches,
        "verdict": plain(lead.verdict), "first_touch": plain(lead.first_touch), "last_touch": plain(lead.last_touch),
        "due_at": None if due is None else due[0], "waiting": len(found.box.waiting), "import_id": found.box.import_id,
        "model": lead.model or None, "model_in_force": None if model is None else model.id,
        "history_from": history.source, "transitions": history.transitions, "facts": history.facts,
    }  # fmt: skip
