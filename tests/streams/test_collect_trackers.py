"""The doors of Snowplow's trackers and of GA4 bodies, through a running collector; and what becomes of crawlers."""

import gzip
import json
from urllib.parse import urlencode

import pytest

from streams.collecting.answers import GIF
from tests.streams.collecting import KEY, NOW, served

TP2 = "/com.snowplowanalytics.snowplow/tp2"
EVENT = {"e": "pv", "aid": KEY, "duid": "d-1", "eid": "f26fc975-3911-4565-9a88-09731cced867", "url": "https://example.com/pricing", "dtm": str(NOW), "stm": str(NOW)}
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = {"Origin": "https://example.com", "User-Agent": "Mozilla/5.0 (X11) Firefox/140.0"}


def body(*events) -> bytes:
    return json.dumps({"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": events}).encode()


async def test_a_post_and_a_pixel_of_one_event_are_one_event_and_each_is_answered_as_its_sender_expects():
    async with served() as collector:
        posted = await collector.post(TP2, body(EVENT), headers=PAGE)
        assert (posted.status, posted.json) == (200, {"success": True, "accepted": 1})
        for path in ("/i", "/i/"):
            seen = await collector.ask("GET", f"{path}?{urlencode(EVENT)}", headers=PAGE)
            assert (seen.status, seen.headers["content-type"], seen.headers["cache-control"], seen.body) == (200, "image/gif", "no-store", GIF)
            assert (seen.headers["access-control-allow-origin"], seen.headers["access-control-allow-credentials"]) == ("https://example.com", "true")
        first, *others = collector.box.touchpoints()
        assert [each.event_id for each in others] == [first.event_id] * 2
        assert {topic for topic, *_ in collector.box.records} == {"touchpoints.web"}


async def test_bodies_come_zipped_and_as_plain_text_and_to_either_spelling():
    async with served() as collector:
        for path, sent, headers in [
            (TP2 + "/", body(EVENT), {"Content-Type": "text/plain"}),
            (TP2, gzip.compress(body(EVENT)), {}),
            (TP2, gzip.compress(body(EVENT)), {"Content-Encoding": "gzip"}),
        ]:
            assert (await collector.post(path, sent, headers=headers)).json == {"success": True, "accepted": 1}


async def test_a_preflight_allows_what_trackers_ask_for():
    async with served() as collector:
        asked = await collector.ask("OPTIONS", TP2, headers={"Origin": "https://example.com", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,sp-anonymous"})
        assert (asked.status, asked.headers["access-control-allow-headers"]) == (204, "content-type,sp-anonymous")


@pytest.mark.parametrize(("method", "path", "sent"), [
    ("POST", TP2, body({**EVENT, "aid": "stolen"})), ("GET", "/i?" + urlencode({**EVENT, "aid": "stolen"}), b""), ("GET", "/i", b""), ("POST", "/mp/collect?api_secret=stolen", b"{}"),
])  # fmt: skip
async def test_a_stranger_leaves_nothing_behind(method, path, sent):
    async with served() as collector:
        answer = await (collector.post(path, sent) if method == "POST" else collector.ask(method, path))
        assert (answer.status, answer.json["code"]) == (401, "unauthorised")
        assert collector.box.attempts == []


async def test_what_cannot_be_used_is_answered_400_after_which_trackers_send_no_more():
    async with served(events_per_body_max=1) as collector:
        for answer in (
            await collector.post(TP2, body({**EVENT, "e": "zz"})),
            await collector.ask("GET", "/i?" + urlencode({**EVENT, "e": "zz"})),
            await collector.post(TP2, body(EVENT, EVENT)),
        ):
            assert (answer.status, {"code", "message"} <= answer.json.keys()) == (400, True)
        assert [letter.headers["path"] for letter in collector.box.dead_letters()] == [TP2, "/i", TP2]


async def test_while_kafka_is_away_no_picture_says_that_all_is_well():
    async with served() as collector:
        collector.box.problem = "away"
        answer = await collector.ask("GET", f"/i?{urlencode(EVENT)}")
        assert (answer.status, "retry-after" in answer.headers) == (503, True)


async def test_bodies_for_google_analytics_are_let_in_by_their_api_secret():
    sent = {"client_id": "1.2", "timestamp_micros": str(NOW * 1000), "events": [{"name": "page_view", "params": {}}, {"name": "generate_lead", "params": {}}]}
    async with served() as collector:
        answer = await collector.post(f"/mp/collect?measurement_id=G-1&api_secret={KEY}", json.dumps(sent).encode())
        assert (answer.status, answer.json) == (200, {"success": True, "accepted": 2})
        assert [(each.source, each.kind) for each in collector.box.touchpoints()] == [("ga4", "page_view"), ("ga4", "form_submitted")]


async def test_what_crawlers_do_is_counted_by_name_and_written_nowhere():
    crawler = PAGE | {"User-Agent": GOOGLEBOT}
    page = json.dumps({"writeKey": KEY, "anonymousId": "v"}).encode()
    async with served() as collector:
        for path, sent in ((TP2, body(EVENT)), ("/v1/p", page)):
            answer = await collector.post(path, sent, headers=crawler)
            assert (answer.status, answer.json) == (200, {"success": True, "accepted": 0, "ignored": {"crawler": 1}})
        assert (await collector.ask("GET", f"/i?{urlencode(EVENT)}", headers=crawler)).body == GIF
        assert collector.box.attempts == []
        assert 'leadstream_collector_ignored_total{reason="crawler",source="segment"}' in (await collector.ask_ops("/metrics")).body.decode()
    async with served(crawlers_let_in=("Googlebot",)) as collector:
        assert (await collector.post("/v1/p", page, headers=crawler)).json["accepted"] == 1
