"""Libraries for servers, unmodified: they call it a success, send nothing again, and each message is one row."""

import json
import threading

import pytest
from segment.analytics.client import Client
from snowplow_tracker import (
    Emitter,
    PagePing,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)

from streams.errors import Unavailable
from tests.sdks.serving import KEY, PATIENCE_S, collecting, run_node

PAGE = "https://example.com/pricing?utm_source=google&utm_medium=cpc"


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("lost", [False, True])
def test_segment_for_python(gzip, lost):
    failed = []
    with collecting() as collector:
        collector.box.failures = [Unavailable("lost")] if lost else []
        client = Client(KEY, host=collector.address, gzip=gzip, on_error=lambda error, batch: failed.append(error))
        client.identify(user_id="u-1", traits={"email": "ann@initech.com"})
        client.page(user_id="u-1", properties={"url": PAGE})
        client.track(user_id="u-1", event="Demo Booked")
        client.group(user_id="u-1", group_id="g", traits={"name": "Initech"})
        client.alias(previous_id="anonymous-7", user_id="u-1")
        client.screen(user_id="u-1", name="Home")
        client.flush()
        client.join()
        assert failed == []
        assert collector.each_once() == ["aliased", "demo_booked", "grouped", "identified", "page_view", "screen_view"]


# By GET the library itself forgets the one event of several that failed, so there is nothing to be sent again.
@pytest.mark.parametrize(("method", "lost"), [("post", False), ("post", True), ("get", False)])
def test_snowplow_for_python(method, lost):
    done, failed, arrived = [], [], threading.Event()

    def succeeded(events):
        done.extend(events)
        if len(done) == 4:
            arrived.set()

    with collecting() as collector:
        collector.box.failures = [Unavailable("lost")] if lost else []
        emitter = Emitter(
            collector.host, protocol="http", port=collector.port, method=method, batch_size=4, on_success=succeeded, on_failure=lambda *told: failed.append(told),
            max_retry_delay_seconds=1,
        )  # fmt: skip
        subject = Subject()
        subject.set_user_id("u-1").set_domain_user_id("d-1")
        tracker = Tracker("t", emitter, subject=subject, app_id=KEY)
        tracker.track(PageView(page_url=PAGE, page_title="Pricing"))
        tracker.track(PagePing(page_url=PAGE))
        tracker.track(StructuredEvent(category="forms", action="submit", label="demo"))
        tracker.track(SelfDescribing(SelfDescribingJson("iglu:com.acme/demo_requested/jsonschema/1-0-0", {"form": "demo"})))
        tracker.flush()
        assert arrived.wait(PATIENCE_S), "what was lost is sent again by a timer of the library's own"
        assert bool(failed) == lost
        assert collector.each_once() == ["demo_booked", "form_submitted", "page_ping", "page_view"]
        assert {(each.visitor_id, each.crm_id) for each in collector.box.touchpoints()} == {("d-1", "u-1")}


SEGMENT = """
const { Analytics } = require('@segment/analytics-node')
const analytics = new Analytics({ writeKey: KEY, host: ADDRESS, flushAt: 3, flushInterval: 50 })
const told = { errors: [] , done: 0}
analytics.on('error', (error) => told.errors.push(String(error.reason || error.code)))
const count = (error) => { if (error) told.errors.push(String(error)); else told.done++ }
analytics.identify({ userId: 'u-1', traits: { email: 'ann@initech.com' } }, count)
analytics.page({ userId: 'u-1', properties: { url: 'https://example.com/pricing' } }, count)
analytics.track({ userId: 'u-1', event: 'Demo Booked' }, count)
analytics.group({ userId: 'u-1', groupId: 'g', traits: { name: 'Initech' } }, count)
analytics.alias({ userId: 'u-1', previousId: 'anonymous-7' }, count)
analytics.screen({ userId: 'u-1', name: 'Home' }, count)
analytics.closeAndFlush().then(() => console.log(JSON.stringify(told)))
"""


@pytest.mark.parametrize("lost", [False, True])
def test_segment_for_node(lost):
    with collecting() as collector:
        collector.box.failures = [Unavailable("lost")] if lost else []
        told = run_node(filled(SEGMENT, collector))
        assert told == {"errors": [], "done": 6}
        assert collector.each_once() == ["aliased", "demo_booked", "grouped", "identified", "page_view", "screen_view"]
        assert len(collector.box.attempts) == (3 if lost else 2)


SNOWPLOW = """
const { newTracker, buildPageView, buildPagePing, buildStructEvent, buildSelfDescribingEvent } = require('@snowplow/node-tracker')
const told = { done: 0, failed: 0 }
const tracker = newTracker({ namespace: 't', appId: KEY, encodeBase64: BASE64 }, {
  endpoint: ADDRESS, eventMethod: METHOD, bufferSize: 1,
  onRequestSuccess: (batch) => { told.done += batch.length; if (told.done === 4) setTimeout(() => { console.log(JSON.stringify(told)); process.exit() }, 1500) },
  onRequestFailure: () => told.failed++,
})
tracker.setUserId('u-1')
tracker.track(buildPageView({ pageUrl: 'https://example.com/pricing?gclid=x', pageTitle: 'Pricing' }))
tracker.track(buildPagePing({ pageUrl: 'https://example.com/pricing' }))
tracker.track(buildStructEvent({ category: 'forms', action: 'submit', label: 'demo', value: 42.5 }))
tracker.track(buildSelfDescribingEvent({ event: { schema: 'iglu:com.acme/demo_requested/jsonschema/1-0-0', data: { form: 'demo' } } }))
"""


@pytest.mark.parametrize(("method", "base64"), [("post", True), ("post", False), ("get", True)])
def test_snowplow_for_node(method, base64):
    with collecting() as collector:
        told = run_node(filled(SNOWPLOW, collector).replace("METHOD", json.dumps(method)).replace("BASE64", json.dumps(base64)))
        assert told == {"done": 4, "failed": 0}
        assert collector.each_once() == ["demo_booked", "form_submitted", "page_ping", "page_view"]
        assert {each.channel for each in collector.box.touchpoints() if each.kind == "page_view"} == {"paid_search"}


def filled(script, collector):
    return script.replace("KEY", json.dumps(KEY)).replace("ADDRESS", json.dumps(collector.address))
