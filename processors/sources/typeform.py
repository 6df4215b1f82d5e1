"""Typeform's webhooks: one filled-in form each; what its questions ask for is said by settings, or plain from their words."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from processors.attribution.roads import Channels, shipped
from processors.email import Email, read_email
from processors.sources import event_lists, families
from processors.sources.answers import Answer, read_answers, read_meanings
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.signatures import keyed_proves
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "typeform"
PATHS: Final = ("/webhooks/typeform",)
family = families.by_kind
alone = event_lists.as_it_came
SIGNATURE: Final = "typeform-signature"
FIELDS_MAX: Final = 500

_ANSWERED: Final = "form_response"
_PARTIAL: Final = "form_response_partial"
_PREFIX: Final = "sha256="
_TYPES: Final = {"email": "email", "phone_number": "phone"}
_NOWHERE: Final = ("file_url", "payment", "calendly")
"""Types of answers that are links to files and card data: kept nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeformSettings:
    """The webhooks' secrets; which form is what kind (`form=kind`, others: form_submitted); what questions ask for.

    `meanings` are `question=attribute`, the question by its words, its reference or its id. Hidden fields may hold the
    id that our snippet gave the visitor, and the CRM's id of the person.
    """

    secrets: tuple[str, ...]
    identity_key: bytes
    kinds: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    channels: Channels = field(default_factory=shipped)
    visitor_id_fields: tuple[str, ...] = ("visitor_id", "anonymous_id")
    crm_id_fields: tuple[str, ...] = ("crm_id", "user_id")


class _Response(msgspec.Struct, gc=False):
    form_id: str | None = None
    token: str | None = None
    submitted_at: Any = None
    hidden: dict[str, Any] | None = None
    calculated: Any = None
    definition: Any = None
    answers: list[Any] | None = None


class _Event(msgspec.Struct, gc=False):
    event_id: str | None = None
    event_type: str | None = None
    form_response: _Response | None = None


_event = msgspec.json.Decoder(_Event)


def adapt(signal: Signal, settings: TypeformSettings) -> Outcome:
    """Read one filled-in form, once its signature proves it."""
    refusal = _refusal(signal, settings)
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(decode_one(_event, signal.body), signal, settings), signal.body)


def _refusal(signal: Signal, settings: TypeformSettings) -> str | None:
    """What is wrong with the proof, or None. No instant is signed: a request sent again is a duplicate by its token."""
    if signal.proved:
        return None
    if not settings.secrets:
        return "Typeform's secret is not configured here: set LEADSTREAM_TYPEFORM_SECRETS"
    said = signal.headers.get(SIGNATURE, "")
    if not said.startswith(_PREFIX):
        return f"header {SIGNATURE} is needed; give the webhook a secret"
    if not keyed_proves(signal.body, said.removeprefix(_PREFIX), secrets=settings.secrets, encode=b64encode):
        return f"header {SIGNATURE} does not match the body and the secret configured here"
    return None


def _turn(event: _Event, signal: Signal, settings: TypeformSettings) -> Touchpoint | Ignored:
    if event.event_type == _PARTIAL:
        return Ignored(index=0, reason="partial")  # given up, or still at it: the whole form follows
    if event.event_type not in (None, _ANSWERED):
        return Ignored(index=0, reason="other_event")
    if event.form_response is None:
        raise Unusable("form_response", "no_object", "form_response: is missing; it holds the answers")
    return _touchpoint(event, event.form_response, signal, settings)


def _touchpoint(event: _Event, response: _Response, signal: Signal, settings: TypeformSettings) -> Touchpoint:
    token = identifier(response.token or event.event_id, "form_response.token")
    if token is None:
        raise Unusable("form_response.token", "no_id", "form_response.token: is missing; it tells a re-send from a new response")
    hidden = response.hidden or {}
    at, readable = occurred_at(response.submitted_at, signal, field="form_response.submitted_at")
    answers = read_answers(_answers(response, hidden, settings), read_meanings(settings.meanings), "form_response", at=at)
    email = read_email(answers.email, settings.identity_key) if isinstance(answers.email, str) else None
    visitor_id, crm_id = _hidden_id(hidden, settings.visitor_id_fields), _hidden_id(hidden, settings.crm_id_fields)
    if visitor_id is None and crm_id is None and email is None:
        visitor_id = f"{SOURCE}.{token}"[:128]  # whoever it was: a filled-in form must not be lost
    way = settings.channels.road(said=hidden)
    texts = _texts(response)
    texts.take(way.marks)
    texts.take(answers.rest)
    if not readable:
        texts.entries["submitted_at_unreadable"] = "submitted_at"
    return Touchpoint(
        event_id=derive(SOURCE, token),
        source=SOURCE,
        kind=_kind(response, settings),
        channel=way.channel,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=visitor_id,
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        campaign=way.campaign,
        properties=texts.result(),
        profile=answers.profile,
        contact=_contact(answers.contact, email),
        import_id=signal.import_id,
    )


def _kind(response: _Response, settings: TypeformSettings) -> str:
    known = dict(entry.split("=", 1) for entry in settings.kinds if "=" in entry)
    return known.get(response.form_id or "", "form_submitted")


def _hidden_id(hidden: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    said = ((name, hidden.get(name)) for name in names)
    found = (identifier(value, f"form_response.hidden.{name}") for name, value in said if isinstance(value, str))
    return next((each for each in found if each is not None), None)


def _answers(response: _Response, hidden: Mapping[str, Any], settings: TypeformSettings) -> Iterator[Answer]:
    """The answers under their questions' words, references and ids; then the hidden fields that are no ids."""
    fields = section(response.definition).get("fields")
    known = {section(each).get("id"): section(each) for each in fields[:FIELDS_MAX] if isinstance(section(each).get("id"), str)} if isinstance(fields, list) else {}
    for each in response.answers or ():
        answer, field = section(each), section(each, "field")
        kind = answer.get("type")
        if isinstance(kind, str) and kind not in _NOWHERE:
            asked = known.get(field.get("id"), {}) if isinstance(field.get("id"), str) else {}
            yield Answer((asked.get("title"), field.get("ref"), field.get("id")), _value(answer.get(kind)), _TYPES.get(kind))
    for name, value in hidden.items():
        if name not in settings.visitor_id_fields and name not in settings.crm_id_fields:
            yield Answer((name,), value)


def _value(said: object) -> object:
    """A choice by its label, several as a list, own words among them; anything else as it stands."""
    if not isinstance(said, Mapping):
        return said
    labels, other = said.get("labels"), said.get("other")
    if isinstance(labels, list):
        all_of_them = [*labels, other] if other else labels
        return all_of_them[0] if len(all_of_them) == 1 else all_of_them
    return said.get("label") or other


def _contact(contact: dict[str, str], email: Email | None) -> dict[str, str]:
    return contact if email is None else contact | {"email": email.address}


def _texts(response: _Response) -> Texts:
    texts = Texts("form_response")
    texts.put("form", line(section(response.definition).get("title"), "form_response.definition.title"))
    texts.put("form_id", line(response.form_id, "form_response.form_id"))
    texts.put("score", line(section(response.calculated).get("score"), "form_response.calculated.score"))
    return texts
