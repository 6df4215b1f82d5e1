"""A published client, unmodified, from its call to the rows that an analyst reads; and its retries as it once made them."""

import base64
import json
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from segment.analytics.client import Client
from snowplow_tracker import Emitter, PageView, StructuredEvent, Subject, Tracker

from deploy.local.status import Status
from processors.sources import events
from processors.sources.signatures import standard_key, standard_signature
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


GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def track(here: Pipeline, visitor: str, *, agent: str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") -> None:
    """A visit and a booked demo, by Snowplow's tracker."""
    failed: list[object] = []
    door = urlsplit(here.collector)
    emitter = Emitter(door.hostname, protocol="http", port=door.port, on_failure=lambda *told: failed.append(told))
    subject = Subject()
    subject.set_domain_user_id(visitor).set_useragent(agent)
    tracker = Tracker("t", emitter, subject=subject, app_id=key_of(here))
    tracker.track(PageView(page_url="https://example.com/pricing?utm_source=google&utm_medium=cpc"))
    tracker.track(StructuredEvent(category="cta", action="demo_requested"))
    tracker.flush()
    assert not failed


def signed(here: Pipeline, said: dict) -> None:
    body = json.dumps(said).encode()
    at = str(int(time.time()))
    key = standard_key(here.settings.events_secret)
    assert key is not None
    headers = {events.ID: "m", events.TIMESTAMP: at, events.SIGNATURE: standard_signature(body, "m", at, key=key)}
    with urllib.request.urlopen(urllib.request.Request(f"{here.collector}/v1/events", data=body, headers=headers)) as answer:
        assert answer.status == 200


def test_every_event_of_the_snowplow_tracker_is_one_counted_row_and_a_crawler_leaves_none(running: Pipeline):
    track(running, "snow-1", agent=GOOGLEBOT)
    track(running, "snow-2")
    running.until(
        "SELECT count() AS rows, uniqExact(event_id) AS events, uniqExact(visitor_id) AS visitors FROM touchpoints_once WHERE startsWith(visitor_id, 'snow-')",
        {"rows": 2, "events": 2, "visitors": 1},
    )
    running.until("SELECT lead_id, stage FROM leads WHERE startsWith(lead_id, 'v:snow-')", {"lead_id": "v:snow-2", "stage": "sql"})


def test_a_lead_that_turns_out_to_be_a_program_loses_its_points_and_the_tables_agree(running: Pipeline):
    track(running, "program-1")
    running.until("SELECT stage, score > 0 AS scores FROM leads WHERE lead_id = 'v:program-1'", {"stage": "sql", "scores": 1})
    signed(running, {"events": [{"kind": "bot_verdict", "visitor_id": "program-1", "id": "verdict-1"}]})
    running.until("SELECT stage, score FROM leads WHERE lead_id = 'v:program-1'", {"stage": "disqualified", "score": 0.0})
    running.until("SELECT reason FROM facts FINAL WHERE lead_id = 'v:program-1' AND fact = 'points_withdrawn'", {"reason": "bot"})
    running.until("SELECT abs(drift) < 1e-9 AS agree, stream_stage, facts_stage FROM drift WHERE lead_id = 'v:program-1'", {"agree": 1, "stream_stage": "disqualified", "facts_stage": "disqualified"})
