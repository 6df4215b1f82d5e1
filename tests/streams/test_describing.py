"""The descriptions are true: whatever comes, the collector answers as OpenAPI says; what topics hold is read as AsyncAPI says."""

import asyncio
import json
import threading
from io import BytesIO

import fastavro
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from processors.sources import segment
from schemas.avro import encode_touchpoint
from schemas.touchpoint import Touchpoint
from streams import topics
from streams.collecting.doors import doors
from streams.describing import asyncapi, openapi
from streams.settings import Settings
from tests.streams.collecting import KEY, KeptBox, served
from tests.streams.installed import call

SETTINGS = Settings.local(prefix="eu.", kafka="one:9092,two:9092")
DESCRIBED = openapi.document(Settings.local(write_keys=frozenset({KEY}), snippet_paths=("/shop/basket.js",)))
CHECKS = [schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
OPERATIONS = [each.ok() for each in schemathesis.openapi.from_dict(DESCRIBED).get_all_operations()]
CASES = [
    *((each, GenerationMode.POSITIVE) for each in OPERATIONS),
    *((each, GenerationMode.NEGATIVE) for each in OPERATIONS if "$ref" in json.dumps(each.definition.raw.get("requestBody", {}))),
]


@pytest.fixture(scope="module")
def collector():
    """The address of a collector in a thread of its own, before a box that keeps."""
    told, done, found = threading.Event(), threading.Event(), []

    async def run():
        async with served(box=KeptBox(), write_keys=frozenset({KEY}), snippet_paths=("/shop/basket.js",)) as serving:
            found.append(serving.address)
            told.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert told.wait(20)
    yield found[0]
    done.set()
    thread.join(20)


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=[f"{each.method} {each.path} {mode.value}" for each, mode in CASES])
def test_whatever_is_sent_is_answered_as_described(collector, operation, mode):
    with requests.Session() as session:

        @given(case=operation.as_strategy(generation_mode=mode))
        @examples(
            max_examples=4, deadline=None, database=None, phases=[Phase.generate], verbosity=Verbosity.quiet, suppress_health_check=list(HealthCheck), derandomize=True
        )
        def attempt(case):
            answer = case.call(base_url=collector, session=session, params={"writeKey": KEY} if operation.tags == ["segment"] else None)
            try:
                case.validate_response(answer, checks=CHECKS)
            except FailureGroup as group:
                raise AssertionError("; ".join(f"{each.title}: {each.message}" for each in group.exceptions)) from None

        attempt()


def test_every_door_is_described_and_nothing_else():
    paths = {path for door in doors(SETTINGS) for path in door.paths}
    assert set(DESCRIBED["paths"]) == paths | {"/v1/imports/{import_id}/reached", "/live", "/ready", "/leadstream.js", "/shop/basket.js"}
    assert set(DESCRIBED["paths"]["/leadstream.js"]) == {"get"}
    assert set(DESCRIBED["paths"]["/shop/basket.js"]) == {"get", "post", "options"}
    assert DESCRIBED["paths"]["/v1/track"]["post"]["security"]


@pytest.mark.parametrize("path", segment.PATHS)
def test_what_is_described_of_a_call_is_what_is_read(path):
    name = "Batch" if path in {"/v1/batch", "/v1/b", "/v1/import"} else "Message"
    body = DESCRIBED["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": f"#/components/schemas/{name}"}
    assert {"writeKey"} <= set(DESCRIBED["components"]["schemas"][name]["properties"])


def references(document):
    if isinstance(document, dict):
        yield from ([document["$ref"]] if "$ref" in document else [])
        for each in document.values():
            yield from references(each)
    elif isinstance(document, list):
        for each in document:
            yield from references(each)


@pytest.mark.parametrize("described", [DESCRIBED, asyncapi.document(SETTINGS)], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(described):
    found = set(references(described))
    assert found
    for each in found:
        place = described
        for part in each.removeprefix("#/").split("/"):
            place = place[part]


def test_topics_are_described_as_they_are_made():
    described = asyncapi.document(SETTINGS)
    assert set(described["channels"]) == set(topics.BY_NAME)
    for name, channel in described["channels"].items():
        kafka = channel["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"]) == (f"eu.{name}", topics.BY_NAME[name].partitions)
        assert channel["x-personal-data"] == topics.BY_NAME[name].personal_data
    assert [name for name, channel in described["channels"].items() if channel["x-public"]] == [topics.TRANSITIONS, topics.PROFILES]
    assert [each["host"] for each in described["servers"].values()] == ["one:9092", "two:9092"]


def test_a_record_is_read_by_the_schema_that_is_described():
    message = asyncapi.document(SETTINGS)["components"]["messages"]["Touchpoint"]
    value = encode_touchpoint(Touchpoint(event_id="e", source="s", kind="page_view", channel="direct", occurred_at=1, received_at=2, visitor_id="v"))
    assert value[2:10].hex() == message["x-fingerprint"]
    read = fastavro.schemaless_reader(BytesIO(value[10:]), fastavro.parse_schema(message["payload"]["schema"]))
    assert (read["event_id"], read["kind"], read["visitor_id"]) == ("e", "page_view", "v")


@pytest.mark.parametrize(("what", "kind"), [("collector", "openapi"), ("topics", "asyncapi")])
def test_the_command_prints_them_without_any_settings(capsys, monkeypatch, what, kind):
    said = call(capsys, monkeypatch, None)("describe", what)
    assert said.code == 0
    assert kind in json.loads(said.out)
