"""What a map of traits or form fields says of a person: contact data apart from everything else.

Personal data goes to a touchpoint's `contact` alone, which is deleted with the lead; what is left may become
properties and profile. Names are recognised in every spelling (`firstName`, `first_name`, `First Name`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from processors.sources.bounds import line

_NAMES: Final = {
    "email": "email", "emailaddress": "email", "workemail": "email", "businessemail": "email",
    "phone": "phone", "phonenumber": "phone", "workphone": "phone", "mobile": "phone", "mobilephone": "phone", "tel": "phone",
    "telephone": "phone", "firstname": "first_name", "givenname": "first_name", "lastname": "last_name",
    "surname": "last_name", "familyname": "last_name", "fullname": "full_name",
    "company": "company", "companyname": "company", "organization": "company", "organisation": "company",
    "accountname": "company",
    "address": "private", "street": "private", "streetaddress": "private", "postalcode": "private", "zip": "private",
    "birthday": "private", "dateofbirth": "private", "avatar": "private", "username": "private", "password": "private",
    "ip": "private", "gender": "private", "creditcard": "private", "ssn": "private",
    "zipcode": "private", "birthdate": "private", "linkedinprofilelink": "private", "linkedinprofile": "private", "linkedinurl": "private",
}  # fmt: skip
"""What a name means here. Private fields are known, and kept nowhere."""
_FORM_FIELDS: Final = frozenset({
    "jobtitle", "jobrole", "seniority", "department", "jobdepartment", "jobfunction", "industry", "companyindustry",
    "sector", "companysize", "employees", "employeecount", "numberofemployees", "country", "countrycode", "budget",
    "budgetrange", "timeframe", "timeline", "purchasetimeline", "purchasetimeframe", "company", "age",
})  # fmt: skip
"""Fields of forms that speak of role and company. `title`, `role`, `size` or `position` mostly mean something else there."""


class Person(NamedTuple):
    """`email` as it was said; `contact` holds name, phone and company; `rest` is what is not personal."""

    email: object
    contact: dict[str, str]
    rest: Mapping[str, object]


def read_person(said: Mapping[str, object], field: str, *, name_is: str | None = None) -> Person:
    """Sort *said* into contact data and the rest. *name_is* says what a plain `name` means: full_name, company or neither."""
    found: dict[str, object] = {}
    rest: dict[str, object] = {}
    for name, value in said.items():
        meaning = name_is if name == "name" and name_is is not None else _meaning(name)
        if meaning is None:
            rest[name] = value
        elif value is not None and value != "" and meaning not in found:
            found[meaning] = value
    if not found:
        return Person(None, {}, rest)
    if isinstance(company := found.get("company"), Mapping):
        found["company"] = company.get("name")
    return Person(found.get("email"), _contact(found, field), rest)


def form_fields(said: Mapping[str, object]) -> dict[str, object]:
    """What an event's properties say of role and company, as far as their names leave no doubt."""
    return {name: value for name, value in said.items() if _is_form_field(name)}


def _contact(found: Mapping[str, object], field: str) -> dict[str, str]:
    parts = (line(found.get("first_name"), f"{field}.first_name"), line(found.get("last_name"), f"{field}.last_name"))
    contact = {
        "name": line(found.get("full_name"), f"{field}.name") or " ".join(filter(None, parts)),
        "phone": line(found.get("phone"), f"{field}.phone"),
        "company": line(found.get("company"), f"{field}.company"),
    }
    return {name: text for name, text in contact.items() if text}


@lru_cache(maxsize=4096)
def _meaning(name: str) -> str | None:
    return _NAMES.get(_letters(name))


@lru_cache(maxsize=4096)
def _is_form_field(name: str) -> bool:
    return _letters(name) in _FORM_FIELDS


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name[:64])).lower()
