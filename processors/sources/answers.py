"""Answers to questions that marketers write themselves: which of them tell of the person, of budget, of timeframe.

What a question means cannot be guessed from every wording, so settings may say it: `what_do_you_plan_to_spend=budget`.
A question is known by its reference in the form builder, or by its own words in snake case.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from processors.profile.coding import code
from processors.profile.vocabulary import CODES
from processors.sources.bounds import line
from processors.sources.event_names import snake_case
from processors.sources.person import form_fields, read_person

QUESTIONS_MAX: Final = 200
_CONTACT: Final = {"email": "email", "name": "full_name", "first_name": "first_name", "last_name": "last_name", "phone": "phone", "company": "company"}
ATTRIBUTES: Final = (*_CONTACT, "job_title", *CODES)
"""What a setting may say that a question asks for."""


class Answer(NamedTuple):
    """One answer: the names its question goes by, best first; `kind` is the attribute it must be, if its type tells."""

    names: tuple[object, ...]
    value: object
    kind: str | None = None


class Answers(NamedTuple):
    """All answers: `email` as it was said, contact data, coded profile, and the rest as properties."""

    email: object
    contact: dict[str, str]
    profile: dict[str, str]
    rest: dict[str, object]


def read_answers(said: Iterable[Answer], meanings: Mapping[str, str], field: str, *, at: int) -> Answers:
    """Sort answers by what they tell. *meanings* is what settings say: the question's name to its attribute."""
    person: dict[str, object] = {}
    asked: dict[str, object] = {}
    meant: dict[str, object] = {}
    for names, value, kind in _first(said):
        keys = [key for name in names if (text := line(name, field, 200)) and (key := snake_case(text))]
        attribute = next((meanings[key] for key in keys if key in meanings), kind)
        if attribute in _CONTACT:
            person.setdefault(_CONTACT[attribute], value)
        elif keys:
            asked.setdefault(next((key for key in keys if key not in asked), keys[0]), value)
            if attribute is not None:
                meant.setdefault(attribute, value)
    named = read_person(asked, field, name_is="full_name")
    found = read_person(person, field)
    profile = code(form_fields(named.rest), at=at) | code(meant, at=at)
    email = found.email if found.email is not None else named.email
    return Answers(email, named.contact | found.contact, profile, dict(named.rest))


def read_meanings(entries: Iterable[str]) -> dict[str, str]:
    """The settings' `question=attribute`, by question."""
    return {snake_case(question): attribute for question, _, attribute in (entry.rpartition("=") for entry in entries)}


def _first(said: Iterable[Answer]) -> Iterable[Answer]:
    for number, each in enumerate(said):
        if number == QUESTIONS_MAX:
            return
        yield each
