"""The collector as OpenAPI 3.1: every door there is in an installation, what it takes, and all that it may answer."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec

from processors.sources import events, ga4, google_ads, segment, segment_messages, snowplow, snowplow_payloads
from streams.collecting.doors import Door, doors
from streams.collecting.imports import PATH as IMPORTS
from streams.settings import Settings
from streams.web import snippet

Document = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_BODIES: Final[Mapping[str, Any]] = {
    **{path: segment_messages.Batch if segment_messages.CALLS[path.rpartition("/")[2]] == segment_messages.BATCH else segment_messages.Message for path in segment.PATHS},
    **dict.fromkeys(events.PATHS, events.Body),
    **dict.fromkeys(google_ads.PATHS, google_ads.FormLead),
    **dict.fromkeys(snowplow.PATHS, snowplow_payloads.Payload),
    **dict.fromkeys(ga4.PATHS, ga4.MeasuredEvents),
}
"""What is read of a body, by path; the bodies of all other doors are their senders' own, described by them."""
_WRITE_KEYS: Final[tuple[Mapping[str, list[str]], ...]] = ({"writeKey": []}, {"writeKeyInQuery": []}, {})  # {}: it may stand in the body
_CONTENT: Final = ("application/json", "text/plain")


class Problem(msgspec.Struct, kw_only=True):
    """Why a request was refused: `code` for machines, `message` for people, `field` where one is at fault."""

    success: bool
    code: str
    message: str
    field: str | None = None


class RejectedEvent(msgspec.Struct, kw_only=True):
    """One unusable event, by its place in the body. It is kept among the dead letters."""

    index: int
    field: str
    reason: str
    detail: str


class Accepted(msgspec.Struct, kw_only=True):
    """What became of a body: all of it is acknowledged."""

    success: bool
    accepted: int
    ignored: dict[str, int] = {}
    rejected: list[RejectedEvent] = []
    rejected_count: int = 0


class Reached(msgspec.Struct, kw_only=True):
    """How far an import has come: all before `until` has been sent."""

    until: str | int
    ended: bool = False


class ReachedTold(msgspec.Struct, kw_only=True):
    """Every log of touchpoints has been told."""

    success: bool
    import_id: str
    until: int
    ended: bool
    logs: int


def document(settings: Settings) -> Document:
    """The description of a collector with *settings*."""
    types = [*dict.fromkeys(_BODIES.values()), Problem, Accepted, Reached, ReachedTold]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    paths: Document = {}
    for door in doors(settings):
        for path in door.paths:
            paths[path] = _door(door, path)
    paths[IMPORTS] = _imports()
    for path in (snippet.PATH, *settings.snippet_paths):
        paths.setdefault(path, {})["get"] = _SNIPPET
    paths |= {f"/{name}": _probe(about) for name, about in (("live", "whether this process is worth keeping"), ("ready", "whether it takes events now"))}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "leadstream collector",
            "version": version("leadstream"),
            "description": "Where events come in. A 200 says that every replica in sync has what was sent. Every path may end with a slash; "
            "bodies may be zipped by gzip, whether a header says so or not. docs/sources/ tells how each sender is set up.",
        },
        "servers": [{"url": f"http://{settings.collector_host}:{settings.collector_port}"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": _RESPONSES,
            "securitySchemes": {
                "writeKey": {"type": "http", "scheme": "basic", "description": "the write key as the user, no password"},
                "writeKeyInQuery": {"type": "apiKey", "in": "query", "name": "writeKey"},
                "apiSecret": {"type": "apiKey", "in": "query", "name": ga4.IN_QUERY, "description": "a write key"},
                "importKey": {"type": "apiKey", "in": "header", "name": "X-Leadstream-Import-Key"},
            },
        },
    }


def _door(door: Door, path: str) -> Document:
    """The operations of one path."""
    read = segment_messages.Batch if door.source == segment.SOURCE and path not in segment.PATHS else _BODIES.get(path)
    said = {} if read is None else {"$ref": _REF.format(name=read.__name__)}
    post: Document = {
        "operationId": path.strip("/").replace("/", "."),
        "tags": [door.source],
        "summary": f"events of {door.source}" if read is not None else f"events of {door.source}, as it sends them (docs/sources)",
        "requestBody": {"required": True, "content": {kind: {"schema": said} for kind in _CONTENT}},
        "responses": _answers(Accepted, 400, 401, 408, 413, 429, 500, 503),
    }
    if read is None:
        post["responses"]["200"] = {"description": "taken; to a question of its sender, the answer", "content": {"application/json": {"schema": {}}, "text/plain": {"schema": {}}}}
    if door.stops is not None:
        post["responses"][str(door.stops)] = {"$ref": "#/components/responses/Refused400"}
    if door.source in {segment.SOURCE, snowplow.SOURCE}:
        post["security"] = list(_WRITE_KEYS)
    elif door.source == ga4.SOURCE:
        post["security"] = [{"apiSecret": []}]
    found = {"post": post}
    if door.pixel:
        answers = {"200": {"description": "taken; the picture", "content": {"image/gif": {"schema": {}}}}, **_answers(None, 400, 401, 429, 500, 503)}
        found["get"] = {"tags": [door.source], "summary": "one event in the query; its answer is a picture", "responses": answers}
    for method in door.asks if not door.pixel else ():
        answers = {"200": {"description": "this address is ours"}, **_answers(None, 401, 429)}
        found[method.lower()] = {"tags": [door.source], "summary": "whether this address is ours", "responses": answers}
    if door.browsers:
        found["options"] = {"tags": [door.source], "summary": "what pages may send", "responses": {"204": {"description": "all that was asked for"}}}
    return found


def _imports() -> Document:
    return {
        "parameters": [{"name": "import_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "post": {
            "operationId": "imports.reached",
            "tags": ["imports"],
            "summary": "how far an import has come (docs/importing.md)",
            "security": [{"importKey": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": _REF.format(name=Reached.__name__)}}}},
            "responses": _answers(ReachedTold, 400, 401, 413, 429, 503),
        },
    }


_SNIPPET: Final = {
    "tags": ["snippet"],
    "summary": "the script that a page includes (docs/sources/snippet.md)",
    "responses": {"200": {"description": "the script", "content": {"text/javascript": {"schema": {}}}}, "304": {"description": "you have it"}},
}


def _probe(about: str) -> Document:
    return {"get": {"tags": ["health"], "summary": about, "responses": {"200": {"description": "yes"}, "503": {"description": "no"}}}}


_REFUSALS: Final = {
    400: "nothing of it can be used: mend it, sending it again does not help",
    401: "the proof of who sends it is missing or wrong, or this door has no key here",
    408: "the body did not arrive in time",
    413: "larger, or more events, than are read at once: send smaller batches",
    429: "more comes from this address, or by this key, than is let in",
    500: "a bug of ours: not known to be written, send it again",
    503: "Kafka is away, or more is under way than there is room for: send it again",
}


def _refusal(status: int) -> Document:
    told: Document = {"description": _REFUSALS[status], "content": {"application/json": {"schema": {"$ref": _REF.format(name=Problem.__name__)}}}}
    if status in {429, 503}:
        told["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "seconds"}}
    return told


_RESPONSES: Final = {f"Refused{status}": _refusal(status) for status in _REFUSALS}


def _answers(done: type | None, *refusals: int) -> Document:
    found: Document = {}
    if done is not None:
        found["200"] = {
            "description": " ".join((done.__doc__ or "").split()),
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=done.__name__)}}},
        }
    return found | {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in refusals}
