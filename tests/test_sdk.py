"""A published client, unmodified, from its call to the rows that an analyst reads; and its retries as it once made them."""

import base64
import json
import urllib.request
from pathlib import Path

import pytest
from segment.analytics.client import Client

from deploy.local.status import Status
from tests.test_real_inputs import Pipeline, pipeline

CAPTURED = Path(__file__).parents[2] / "shared" / "payloads" / "segment"
EVENTS = ("Demo Booked", "Trial Started", "Page Opened")


@pytest.fixture(scope="module")
def running(local_stack: Status, tmp_path_factory: pytest.TempPathFactory):
    with pipeline(local_stack, "sdk", tmp_path_factory.mktemp("sdk")) as here:
        yield here


def key_of(here: Pipeline) -> str:
    return min(here.settings.write_keys)


@pytest.mark.parametrize("gzip", [False, True])
def test_every_call_of_the_python_library_is_one_counted_row(running: Pipeline, gzip: bool):
    failed = []
    client = Client(key_of(running), host=running.collector, gzip=gzip, on_error=lambda error, batch: failed.append(error))
    visitors = [f"gzip-{gzip}-{n}" for n in range(5)]
    for visitor in visitors:
        for event in EVENTS:
            client.track(anonymous_id=visitor, event=event, properties={"url": "https://example.com/?utm_source=news&utm_medium=email"})
    client.flush()
    client.join()
    assert not failed
    mine = f"startsWith(visitor_id, 'gzip-{gzip}-')"
    running.until(
        f"SELECT count() AS rows, uniqExact(event_id) AS events, uniqExact(visitor_id) AS visitors FROM touchpoints_once WHERE {mine}",
        {"rows": 15, "events": 15, "visitors": 5},
    )
    running.until(
        f"SELECT count() AS leads, min(stage) AS least, max(stage) AS most FROM leads WHERE startsWith(lead_id, 'v:gzip-{gzip}-')",
        {"leads": 5, "least": "sql", "most": "sql"},
    )


def test_a_batch_that_was_retried_after_500_and_429_counts_once(running: Pipeline):
    folder = CAPTURED / "captured_analytics-python_retry_500_429ra_200"
    if not folder.exists():
        pytest.skip(f"{folder} is not there: recordings are not part of the project")
    proof = base64.b64encode(f"{key_of(running)}:".encode()).decode()
    bodies = [path.read_bytes() for path in sorted(folder.glob("*.body.raw"))]
    messages = {message["messageId"] for body in bodies for message in json.loads(body)["batch"]}
    before = running.query("SELECT counted, duplicates FROM ledger")[0]
    for body in bodies:
        request = urllib.request.Request(
            f"{running.collector}/v1/batch", data=body, headers={"Authorization": f"Basic {proof}", "Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
    sent = sum(len(json.loads(body)["batch"]) for body in bodies)
    running.until(
        "SELECT counted, duplicates, unexplained FROM ledger",
        {"counted": before["counted"] + len(messages), "duplicates": before["duplicates"] + sent - len(messages), "unexplained": 0},
    )
