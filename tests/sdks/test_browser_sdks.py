"""Libraries for browsers, unmodified, in Chromium on a page of another origin: success there, each message one row here."""

import json

import pytest

from streams.errors import Unavailable
from tests.sdks.serving import KEY, browse, collecting, node_modules

pytestmark = pytest.mark.browser

SEGMENT = """
const { AnalyticsBrowser } = window.AnalyticsNext
const delivered = []
const analytics = AnalyticsBrowser.load(
  { writeKey: KEY, cdnSettings: { integrations: { 'Segment.io': { apiKey: KEY } } } },
  { integrations: { 'Segment.io': { apiHost: HOST + '/v1', protocol: 'http', deliveryStrategy: STRATEGY } } })
for (const made of [
  analytics.page('Pricing'), analytics.track('Demo Booked', { form: 'demo' }), analytics.identify('u-1', { email: 'ann@initech.com' }),
  analytics.group('g', { name: 'Initech' }), analytics.alias('u-1', 'anonymous-7'), analytics.screen('Home'),
]) delivered.push((await made).event.type)
setTimeout(() => done({ delivered: delivered.length }), SETTLED)
"""


@pytest.mark.parametrize(("strategy", "lost"), [
    ({"strategy": "standard"}, False), ({"strategy": "standard"}, True), ({"strategy": "batching", "config": {"size": 6, "timeout": 500}}, False),
])  # fmt: skip
def test_segment_for_browsers(tmp_path, strategy, lost):
    umd = node_modules() / "@segment" / "analytics-next" / "dist" / "umd"
    files = {file.name: file for file in umd.glob("*.js")}
    script = "await import('/index.js');" + SEGMENT.replace("STRATEGY", json.dumps(strategy)).replace("SETTLED", "8000" if lost else "2500")
    with collecting() as collector:
        collector.box.failures = [Unavailable("lost")] if lost else []
        told = browse(filled(script, collector), files, tmp_path)
        assert told == {"delivered": 6}
        assert collector.each_once() == ["aliased", "demo_booked", "grouped", "identified", "page_view", "screen_view"]
        viewed = next(each for each in collector.box.touchpoints() if each.kind == "page_view")
        assert (viewed.channel, viewed.campaign, viewed.properties["path"], viewed.properties["title"]) == ("paid_search", "Autumn", "/pricing", "Pricing")


SNOWPLOW = """
const { newTracker, trackPageView, trackStructEvent, trackSelfDescribingEvent, enableActivityTracking } = window.snowplowBrowserTracking
const told = { sent: 0, failed: 0 }
newTracker('sp', 'http://' + HOST, {
  appId: KEY, eventMethod: METHOD, bufferSize: 1,
  onRequestSuccess: (batch) => told.sent += batch.length, onRequestFailure: () => told.failed++,
})
enableActivityTracking({ minimumVisitLength: 1, heartbeatDelay: 1 })
trackPageView()
trackStructEvent({ category: 'forms', action: 'submit', label: 'demo', value: 42.5 })
trackSelfDescribingEvent({ event: { schema: 'iglu:com.acme/demo_requested/jsonschema/1-0-0', data: { form: 'demo' } } })
setTimeout(() => document.dispatchEvent(new MouseEvent('mousemove', { bubbles: true })), 500)
setTimeout(() => done(told), SETTLED)
"""


@pytest.mark.parametrize(("method", "lost"), [("post", False), ("post", True), ("get", False)])
def test_snowplow_for_browsers(tmp_path, method, lost):
    files = {"sp.js": node_modules() / "@snowplow" / "browser-tracker" / "dist" / "index.umd.min.js"}
    script = "await import('/sp.js');" + SNOWPLOW.replace("METHOD", json.dumps(method)).replace("SETTLED", "8000" if lost else "3500")
    with collecting() as collector:
        collector.box.failures = [Unavailable("lost")] if lost else []
        told = browse(filled(script, collector), files, tmp_path)
        kinds = collector.each_once()
        assert (told["sent"], told["failed"]) == (len(kinds), int(lost))
        assert set(kinds) == {"page_view", "form_submitted", "demo_booked", "page_ping"}
        assert len(kinds) - kinds.count("page_ping") == 3
        viewed = next(each for each in collector.box.touchpoints() if each.kind == "page_view")
        assert (viewed.channel, viewed.campaign, viewed.properties["path"], viewed.properties["title"]) == ("paid_search", "Autumn", "/pricing", "Pricing")
        assert len({each.visitor_id for each in collector.box.touchpoints()}) == 1


def filled(script, collector):
    return script.replace("KEY", json.dumps(KEY)).replace("HOST", json.dumps(f"{collector.host}:{collector.port}"))
