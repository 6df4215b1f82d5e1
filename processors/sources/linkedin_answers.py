"""What LinkedIn's API says of one lead: answers by the number of their question, the questions beside them in the form."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from processors.sources.answers import QUESTIONS_MAX, Answer
from processors.sources.bounds import line
from processors.sources.json_bodies import section

_CONTACT: Final = {
    "WORK_EMAIL": "email", "EMAIL": "email", "FIRST_NAME": "first_name", "LAST_NAME": "last_name", "COMPANY_NAME": "company",
    "WORK_PHONE_NUMBER": "phone", "PHONE_NUMBER": "phone", "JOB_TITLE": "job_title",
}  # fmt: skip
"""LinkedIn's own questions and what they ask for; a work address says more of the company, so it comes before a private one."""
_FIRST: Final = tuple(_CONTACT)


def campaign_of(found: Mapping[str, Any]) -> str | None:
    """By its name, else its number."""
    known = section(found, "leadMetadataInfo", "sponsoredLeadMetadataInfo", "campaign")
    said = known.get("name") or known.get("id") or section(found, "leadMetadata", "sponsoredLeadMetadata").get("campaign")
    return line(said.rpartition(":")[2] if isinstance(said, str) and said.startswith("urn:") else said, "campaign")


def answers_of(found: Mapping[str, Any]) -> Iterator[Answer]:
    """The answers under LinkedIn's name of their question, the marketer's and its words; then the form's hidden fields."""
    form = section(found, "form")
    questions = {str(each.get("questionId")): each for each in objects(section(form, "content").get("questions"))}
    told = [(questions.get(str(each.get("questionId")), {}), each) for each in objects(section(found, "formResponse").get("answers"))]
    for question, answer in sorted(told, key=lambda pair: _rank(pair[0].get("predefinedField"))):
        asked = question.get("predefinedField")
        names = (asked, question.get("name"), localized(question.get("question")), f"question_{answer.get('questionId')}")
        yield Answer(names, _value(section(answer, "answerDetails"), question), _CONTACT.get(asked) if isinstance(asked, str) else None)
    for each in objects(form.get("hiddenFields")):
        yield Answer((each.get("name"),), each.get("value"))


def _rank(asked: object) -> int:
    return _FIRST.index(asked) if asked in _FIRST else len(_FIRST)


def _value(details: Mapping[str, Any], question: Mapping[str, Any]) -> object:
    """A text as it stands; of choices their words, which stand in the form."""
    text = section(details, "textQuestionAnswer").get("answer")
    if text is not None:
        return text
    options = objects(section(question, "questionDetails", "multipleChoiceQuestionDetails").get("options"))
    words = {str(each.get("id")): localized(each.get("text")) or each.get("id") for each in options}
    chosen = section(details, "multipleChoiceAnswer").get("options")
    said = [words.get(str(each), each) for each in chosen if isinstance(each, str | int)] if isinstance(chosen, list) else []
    return said[0] if len(said) == 1 else said


def localized(said: object) -> object:
    """A text, or the first of `{"localized": {"en_US": ...}}`."""
    return next(iter(section(said, "localized").values()), None) if isinstance(said, Mapping) else said


def objects(said: object) -> list[Mapping[str, Any]]:
    """The objects of a list, as many as a form can have."""
    return [each for each in said[:QUESTIONS_MAX] if isinstance(each, Mapping)] if isinstance(said, list) else []
