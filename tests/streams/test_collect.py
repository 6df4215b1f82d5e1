"""The collector's doors: who gets in, what is answered, what is handed on. Kafka's side is in test_collect_kafka."""

import asyncio
import base64
import gzip
import json
import logging
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from processors.sources import events, segment, sendgrid
from processors.sources.signatures import standard_key, standard_signature
from streams import clock, topics
from streams.collecting.doors import TOPIC_OF, doors
from streams.errors import Refused, Unavailable
from streams.settings import LOCAL_SENDGRID_SIGNING_KEY, Settings
from tests.streams.collecting import KEY, NOW, KeptBox, served

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
LOCAL = Settings.local()
PAGE = {"type": "page", "anonymousId": "v-1", "messageId": "m-1"}
IMPORT = {"X-Leadstream-Import": "history-1", "X-Leadstream-Import-Key": LOCAL.import_key}


def js(value) -> bytes:
    return json.dumps(value).encode()


def keyed(path):
    return f"{path}?writeKey={KEY}"


def signed_event(body: bytes) -> dict[str, str]:
    key, at = standard_key(LOCAL.events_secret), str(NOW // 1000)
    return {events.ID: "m", events.TIMESTAMP: at, events.SIGNATURE: standard_signature(body, "m", at, key=key)}


def signed_email(body: bytes) -> dict[str, str]:
    key, at = serialization.load_der_private_key(base64.b64decode(LOCAL_SENDGRID_SIGNING_KEY), None), str(NOW // 1000)
    return {sendgrid.TIMESTAMP: at, sendgrid.SIGNATURE: base64.b64encode(key.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()}


# ---- doors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", segment.PATHS)
async def test_every_segment_path_answers_exactly_200(path, slash):
    message = {**PAGE, "event": "x"}
    body = js({"batch": [message]} if path in {"/v1/batch", "/v1/b", "/v1/import"} else message)
    async with served() as collector:
        answer = await collector.post(keyed(path + slash), body)
        assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1})
        assert len(collector.box.touchpoints()) == 1


async def test_each_family_goes_to_its_topic_keyed_and_partitioned_by_its_first_identifier():
    async with served(prefix="t.") as collector:
        await collector.post(keyed("/v1/page"), js(PAGE))
        await collector.post(keyed("/v1/track"), js({"event": "Email Opened", "userId": "c-1", "messageId": "m"}))
        email = js([{"email": "ann@example.com", "timestamp": NOW // 1000, "event": "open", "sg_event_id": "e"}])
        assert (await collector.post("/webhooks/sendgrid", email, headers=signed_email(email))).status == 200
        lead = js({"google_key": LOCAL.google_ads_key, "lead_id": "l", "user_column_data": []})
        assert (await collector.post("/webhooks/google-ads", lead)).status == 200
        deal = js({"kind": "deal_won", "crm_id": "c-1", "id": 1})
        assert (await collector.post("/v1/events", deal, headers=signed_event(deal))).status == 200
        written = [(topic, key) for topic, _, key, _ in collector.box.records]
        assert [topic for topic, _ in written] == ["t.touchpoints.web", "t.touchpoints.email", "t.touchpoints.email", "t.touchpoints.ads", "t.touchpoints.crm"]
        assert [key for _, key in written[:2]] == [b"v:v-1", b"c:c-1"]
        for topic, partition, key, value in collector.box.records:
            assert partition == topics.partition_of(key, topics.BY_NAME[topic.removeprefix("t.")].partitions)
            assert value[:2] == b"\xc3\x01"


def test_every_door_s_families_have_a_topic():
    for door in doors(LOCAL):
        assert {door.family(kind) for kind in ("page_view", "email_opened", "ad_clicked", "deal_won", "custom_x")} <= set(TOPIC_OF)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t/", "/webhooks/sendgrid", "/webhooks/google-ads", "/v1/events", "/v1/imports/x/reached"])
async def test_a_door_takes_post_and_says_so(method, path):
    async with served() as collector:
        answer = await collector.ask(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
        if method != "HEAD":
            assert answer.json["code"] == "wrong_method"


async def test_elsewhere_there_is_no_door():
    async with served() as collector:
        assert (await collector.ask("GET", "/")).json["code"] == "no_such_door"
        assert (await collector.post("/v1/unknown", b"{}")).status == 404


@pytest.mark.parametrize(("path", "body", "headers"), [
    ("/v1/batch", js({"batch": [PAGE]}), {}), ("/v1/t?writeKey=wrong", js(PAGE), {}), ("/webhooks/sendgrid", b"[]", {}),
    ("/webhooks/sendgrid", b"[]", {sendgrid.SIGNATURE: "AAAA", sendgrid.TIMESTAMP: str(NOW // 1000)}), ("/webhooks/google-ads", b'{"google_key":"wrong"}', {}),
    ("/v1/events", b"{}", {}), ("/v1/imports/x/reached", b"{}", {}), ("/v1/imports/x/reached", b"{}", {"X-Leadstream-Import-Key": "wrong"}),
])  # fmt: skip
async def test_who_proves_nothing_gets_nowhere_and_leaves_no_dead_letter(path, body, headers):
    async with served() as collector:
        answer = await collector.post(path, body, headers=headers)
        assert (answer.status, answer.json["code"]) == (401, "unauthorised")
        assert collector.box.attempts == []


async def test_doors_without_keys_are_closed():
    nothing = {"write_keys": frozenset(), "import_key": "", "google_ads_key": "", "events_secret": "", "sendgrid_public_key": ""}
    async with served(**nothing) as collector:
        for path in ("/v1/batch?writeKey=", "/webhooks/sendgrid", "/webhooks/google-ads", "/v1/events", "/v1/imports/x/reached"):
            answer = await collector.post(path, b'{"google_key":""}', headers={"X-Leadstream-Import-Key": ""})
            assert (answer.status, "LEADSTREAM_" in answer.json["message"]) == (401, True), path


# ---- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"Content-Encoding": "gzip", "Content-Type": "application/json"}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {},
])  # fmt: skip
async def test_zipped_bodies_are_known_by_their_first_bytes(headers):
    async with served() as collector:
        assert (await collector.post(keyed("/v1/page"), gzip.compress(js(PAGE)), headers=headers)).json["accepted"] == 1


@pytest.mark.parametrize("headers", [
    {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "nonsense"}, {"Content-Encoding": "GZip"}, {"Content-Encoding": "identity"},
])  # fmt: skip
async def test_json_is_read_whatever_the_headers_call_it(headers):
    async with served() as collector:
        assert (await collector.post(keyed("/v1/page"), js(PAGE), headers=headers)).json["accepted"] == 1


async def test_deflated_bodies_are_read_and_other_encodings_refused():
    async with served() as collector:
        assert (await collector.post(keyed("/v1/page"), zlib.compress(js(PAGE)), headers={"Content-Encoding": "deflate"})).status == 200
        answer = await collector.post(keyed("/v1/page"), js(PAGE), headers={"Content-Encoding": "br"})
        assert (answer.status, answer.json["field"]) == (400, "body")


@pytest.mark.parametrize("body", [gzip.compress(js(PAGE), mtime=0)[:-12], b"\x1f\x8b", b"\x1f\x8bnonsense"])
async def test_a_broken_zip_is_refused_by_name(body):
    async with served() as collector:
        answer = await collector.post(keyed("/v1/page"), body)
        assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "unreadable", "body")


async def test_a_body_is_as_large_as_the_setting_says_before_and_after_unzipping():
    async with served(body_bytes_max=10_000) as collector:
        fits = js({**PAGE, "properties": {"a": "x" * 9_000}})
        large = js({**PAGE, "properties": {"a": "x" * 11_000}})
        assert (await collector.post(keyed("/v1/page"), fits)).status == 200
        for body in (large, gzip.compress(large), gzip.compress(b"\0" * 100_000_000)):
            answer = await collector.post(keyed("/v1/page"), body)
            assert (answer.status, answer.json["code"]) == (413, "too_large")

        async def chunks():
            for _ in range(12):
                yield b"x" * 1_000

        assert (await collector.post(keyed("/v1/page"), chunks())).status == 413


async def test_a_body_that_does_not_arrive_is_not_waited_for():
    async with served(body_timeout_s=0.2) as collector:
        host, port = collector.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/page HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        assert b" 408 " in await reader.readline()
        writer.close()


# ---- answers --------------------------------------------------------------------------------------------------------


async def test_one_bad_event_is_named_and_the_rest_of_the_batch_is_kept():
    batch = [PAGE, {"type": "page"}, {**PAGE, "messageId": "m-2"}, {"type": "track", "userId": 1.5, "event": "x"}]
    async with served() as collector:
        answer = await collector.post(keyed("/v1/batch"), js({"batch": batch}))
        assert (answer.status, answer.json["success"], answer.json["accepted"]) == (200, True, 2)
        assert [(each["index"], each["field"], each["reason"]) for each in answer.json["rejected"]] == [(1, "userId", "no_identity"), (3, "userId", "wrong_type")]
        assert [json.loads(letter.body) for letter in collector.box.dead_letters()] == [batch[1], batch[3]]
        assert len(collector.box.attempts) == 1, "touchpoints and dead letters are acknowledged together"


async def test_a_body_of_which_nothing_can_be_used_is_a_400_that_libraries_drop():
    async with served() as collector:
        for path, body, field in (("/v1/page", js({}), "userId"), ("/v1/batch", b"{", "body"), ("/v1/batch", js({"batch": [{"type": "x"}]}), "type")):
            answer = await collector.post(keyed(path), body)
            assert (answer.status, answer.json["success"], answer.json["field"]) == (400, False, field)
            assert {"code", "message"} <= set(answer.json)
        assert len(collector.box.dead_letters()) == 3


async def test_a_sender_that_re_sends_what_is_refused_is_told_200_and_the_reason():
    body = js([{"email": "nobody", "event": "open", "timestamp": NOW // 1000}])
    async with served() as collector:
        answer = await collector.post("/webhooks/sendgrid", body, headers=signed_email(body))
        assert (answer.status, answer.json["accepted"], answer.json["rejected"][0]["field"]) == (200, 0, "email")
        assert len(collector.box.dead_letters()) == 1


async def test_what_is_ignored_is_named():
    async with served() as collector:
        answer = await collector.post("/webhooks/google-ads", js({"google_key": LOCAL.google_ads_key, "is_test": True, "lead_id": "x"}))
        assert (answer.status, answer.json) == (200, {"success": True, "accepted": 0, "ignored": {"test": 1}})
        assert collector.box.attempts == []


async def test_too_many_events_are_a_413():
    async with served(events_per_body_max=2) as collector:
        assert (await collector.post(keyed("/v1/batch"), js({"batch": [PAGE] * 3}))).status == 413


async def test_a_long_list_of_rejections_is_told_in_part_and_counted_in_full():
    async with served() as collector:
        answer = await collector.post(keyed("/v1/batch"), js({"batch": [PAGE, *[{}] * 500]}))
        assert (len(answer.json["rejected"]), answer.json["rejected_count"], len(collector.box.dead_letters())) == (100, 500, 500)


async def test_a_dead_letter_holds_the_bytes_as_they_came_and_no_credential():
    raw = b'{ "type":"page",  "properties": {"a": 1.50} }'
    headers = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode(), "Content-Type": "text/plain", "Cookie": "secret"}
    async with served() as collector:
        await collector.post("/v1/b", b'{"batch":[ ' + raw + b" ]}", headers=headers)
        (letter,) = collector.box.dead_letters()
        assert (letter.body, letter.hop, letter.source, letter.reason, letter.received_at) == (raw, "collect", "segment", "no_identity", NOW)
        assert letter.headers == {"path": "/v1/b", "index": "0", "field": "userId", "content-type": "text/plain"}
        assert len(letter.letter_id) == 32


# ---- browsers -------------------------------------------------------------------------------------------------------


async def test_pages_of_any_site_may_send_with_any_headers_also_when_they_retry():
    async with served() as collector:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-retry-count"}
        answer = await collector.ask("OPTIONS", "/v1/t", asked)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "https://shop.example")
        assert answer.headers["access-control-allow-headers"] == "authorization,x-retry-count"
        assert "POST" in answer.headers["access-control-allow-methods"]
        collector.box.problem = "away"
        for path in (keyed("/v1/page"), "/v1/page"):
            answer = await collector.post(path, js(PAGE), headers={"Origin": "https://shop.example"})
            assert answer.status in {401, 503}
            assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_beacon_has_its_key_in_the_address_and_calls_json_text():
    async with served() as collector:
        answer = await collector.post(keyed("/v1/t/"), js({"event": "Left", "anonymousId": "v"}), headers={"Content-Type": "text/plain;charset=UTF-8"})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


async def test_webhooks_are_not_for_browsers():
    async with served() as collector:
        answer = await collector.post("/v1/events", b"{}", headers={"Origin": "https://shop.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers


# ---- imports --------------------------------------------------------------------------------------------------------


async def test_an_import_brings_its_own_time():
    async with served() as collector:
        message = {**PAGE, "timestamp": "2017-05-01T00:00:00Z"}
        assert (await collector.post(keyed("/v1/page"), js(message), headers=IMPORT)).status == 200
        (found,) = collector.box.touchpoints()
        assert (found.import_id, found.occurred_at, found.received_at) == ("history-1", 1493596800000, 1493596800000)


@pytest.mark.parametrize(("headers", "status"), [
    ({"X-Leadstream-Import": "x"}, 401), ({**IMPORT, "X-Leadstream-Import-Key": "wrong"}, 401), ({**IMPORT, "X-Leadstream-Import": "a b"}, 400),
    ({**IMPORT, "X-Leadstream-Import": ""}, 400), ({**IMPORT, "X-Leadstream-Import": "x" * 65}, 400),
])  # fmt: skip
async def test_an_import_needs_its_key_and_a_proper_id(headers, status):
    async with served() as collector:
        assert (await collector.post(keyed("/v1/page"), js(PAGE), headers=headers)).status == status
        assert collector.box.attempts == []


async def test_how_far_an_import_has_come_is_told_to_every_log_of_touchpoints():
    async with served(prefix="t.") as collector:
        answer = await collector.post("/v1/imports/history-1/reached", js({"until": "2020-01-01", "ended": True}), headers=IMPORT)
        assert answer.json == {"success": True, "import_id": "history-1", "until": 1577836800000, "ended": True, "logs": 32}
        assert {(topic, partition) for topic, partition, _, _ in collector.box.records} == {
            (f"t.{name}", partition) for name in topics.TOUCHPOINTS for partition in range(topics.BY_NAME[name].partitions)
        }
        marks = collector.box.touchpoints()
        assert {(mark.kind, mark.import_id, mark.occurred_at, mark.properties["ended"], mark.identifiers()) for mark in marks} == {
            ("import_reached", "history-1", 1577836800000, "true", ())
        }
        assert len({mark.event_id for mark in marks}) == 32


@pytest.mark.parametrize(("import_id", "body", "field"), [
    ("x", {}, "until"), ("x", {"until": "soon"}, "until"), ("x", {"until": "1970-01-01"}, "until"), ("x", {"until": "2099-01-01"}, "until"),
    ("x", {"until": 1577836800, "ended": "yes"}, "ended"), ("a%20b", {"until": "2020-01-01"}, "import id"), ("x", [], "body"),
])  # fmt: skip
async def test_a_mark_that_cannot_be_is_refused_by_its_field(import_id, body, field):
    async with served() as collector:
        answer = await collector.post(f"/v1/imports/{import_id}/reached", js(body), headers=IMPORT)
        assert (answer.status, answer.json["field"]) == (400, field)
        assert collector.box.attempts == []


# ---- when something is wrong here -----------------------------------------------------------------------------------


async def test_while_kafka_is_away_the_sender_is_asked_to_come_back():
    async with served() as collector:
        collector.box.problem = "Kafka at somewhere does not answer"
        for path, body, headers in ((keyed("/v1/page"), js(PAGE), {}), (keyed("/v1/page"), js({}), {}), ("/v1/imports/x/reached", js({"until": "2020-01-01"}), IMPORT)):
            answer = await collector.post(path, body, headers=headers)
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        ready = await collector.ask_ops("/ready")
        assert (ready.status, ready.json) == (503, {"ready": False, "problems": ["Kafka at somewhere does not answer"]})
        assert (await collector.ask_ops("/live")).status == 200
        collector.box.problem = None
        assert (await collector.ask_ops("/ready")).json == {"ready": True, "problems": []}
        assert (await collector.post(keyed("/v1/page"), js(PAGE))).status == 200


async def test_a_failed_write_is_no_success_and_the_same_ids_come_again():
    async with served() as collector:
        collector.box.failures = [Unavailable("lost")]
        assert (await collector.post(keyed("/v1/page"), js(PAGE))).status == 503
        assert collector.box.records == []
        assert (await collector.post(keyed("/v1/page"), js(PAGE))).status == 200
        assert collector.box.attempts[0] == collector.box.attempts[1]


async def test_a_record_that_no_topic_takes_is_the_sender_s_to_make_smaller():
    async with served() as collector:
        collector.box.failures = [Refused("too large for a topic")]
        assert (await collector.post(keyed("/v1/page"), js(PAGE))).status == 413


async def test_more_requests_than_there_is_room_for_are_refused_at_once_and_let_in_again_later():
    box = KeptBox()
    box.gate = asyncio.Event()
    async with served(box=box, requests_max=2) as collector:
        waiting = [asyncio.create_task(collector.post(keyed("/v1/page"), js(PAGE))) for _ in range(2)]
        while len(box.attempts) < 2:
            await asyncio.sleep(0.01)
        answer = await collector.post(keyed("/v1/page"), js(PAGE))
        assert (answer.status, answer.json["code"], "Retry-After" in answer.headers) == (503, "busy", True)
        box.gate.set()
        assert [each.status for each in await asyncio.gather(*waiting)] == [200, 200]
        assert (await collector.post(keyed("/v1/page"), js(PAGE))).status == 200


async def test_more_bytes_than_there_is_room_for_are_refused_also_when_only_unzipping_shows_them():
    async with served(in_flight_bytes_max=5_000) as collector:
        large = js({**PAGE, "properties": {"a": "x" * 6_000}})
        assert (await collector.post(keyed("/v1/page"), large)).json["code"] == "busy"
        assert (await collector.post(keyed("/v1/page"), gzip.compress(large))).json["code"] == "busy"
        for _ in range(20):
            assert (await collector.post(keyed("/v1/page"), gzip.compress(js(PAGE)))).status == 200


async def test_a_bug_is_a_500_and_is_logged_by_its_place_without_what_was_sent(caplog):
    async with served() as collector:
        collector.box.failures = [RuntimeError("holds s3cr3t")]
        with caplog.at_level(logging.DEBUG):
            answer = await collector.post(keyed("/v1/page"), js({**PAGE, "properties": {"a": "s3cr3t"}}))
        assert (answer.status, answer.json["code"]) == (500, "bug")
        assert "RuntimeError at collecting.py:" in caplog.text
        assert "s3cr3t" not in caplog.text
        assert b"s3cr3t" not in answer.body


async def test_what_is_no_http_is_answered_and_not_repeated_in_the_log(caplog):
    async with served() as collector:
        host, port = collector.address.removeprefix("http://").split(":")
        with caplog.at_level(logging.DEBUG):
            for rubbish in (b"\x00s3cr3t\r\n\r\n", b"POST /v1/page HTTP/1.1\r\nAuthorization s3cr3t\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"s3cr3t" * 9000 + b"\r\n\r\n"):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(rubbish)
                assert b" 400 " in await reader.readline()
                writer.close()
        assert "s3cr3t" not in caplog.text


async def test_strangers_are_told_yes_or_no_and_nothing_of_what_lies_within():
    async with served() as collector:
        for path in ("/live", "/ready"):
            answer = await collector.ask("GET", path)
            assert (answer.status, answer.body) == (200, b"")
        collector.box.problem = "Kafka at somewhere does not answer"
        answer = await collector.ask("GET", "/ready")
        assert (answer.status, answer.body) == (503, b"")
        assert (await collector.ask("GET", "/metrics")).status == 404


async def test_a_collector_that_is_being_stopped_is_not_ready():
    async with served() as collector:
        collector.stopping.set()
        assert (await collector.ask_ops("/ready")).json["problems"] == ["stopping"]


async def test_a_connection_to_kafka_given_up_by_a_bug_is_a_reason_to_restart():
    async with served() as collector:
        collector.box.given_up = True
        assert (await collector.ask("GET", "/live")).status == 503


# ---- counts ---------------------------------------------------------------------------------------------------------


async def test_the_counts_add_up():
    """in = accepted + rejected + ignored, per source; and only what was acknowledged is counted."""

    async def counts(collector):
        text = (await collector.ask_ops("/metrics")).body.decode()
        found = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("leadstream_collector_events_total"))
        return {name.split('outcome="')[1].split('"')[0]: float(value) for name, value in found.items() if 'source="segment"' in name}

    async with served() as collector:
        await collector.post(keyed("/v1/batch"), js({"batch": [PAGE, {}]}))
        before = await counts(collector)
        await collector.post(keyed("/v1/batch"), js({"batch": [PAGE, {}, PAGE]}))
        collector.box.failures = [Unavailable("lost")]
        await collector.post(keyed("/v1/batch"), js({"batch": [PAGE] * 50}))
        after = await counts(collector)
        assert {name: more for name in after if (more := after[name] - before.get(name, 0))} == {"in": 3, "accepted": 2, "rejected": 1}
        assert b"leadstream_collector_requests_under_way 0.0" in (await collector.ask_ops("/metrics")).body
        assert b"leadstream_collector_bytes_under_way 0.0" in (await collector.ask_ops("/metrics")).body


async def test_the_example_in_the_documentation_is_let_in():
    page = (Path(__file__).parents[2] / "docs" / "sources" / "events.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    async with served(now=clock.now_ms) as collector:
        code = example.replace("https://collector.example.com", collector.address)
        await asyncio.to_thread(exec, code, {"secret": LOCAL.events_secret})
        assert [each.kind for each in collector.box.touchpoints()] == ["deal_won"]


# ---- recorded requests, whole -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["captured_analytics-python_ok", "captured_analytics-python_gzip", "captured_analytics-node_ok", "captured_analytics-python_retry_500_429ra_200"])
async def test_recorded_requests_are_taken_as_they_were_sent(name):
    recordings = sorted((PAYLOADS / "segment" / name).glob("*.POST.json"))
    if not recordings:
        pytest.skip(f"no recorded requests at {PAYLOADS / 'segment' / name}")
    async with served(write_keys=frozenset({"WRITE_KEY_1", "WRITE_KEY_2", "WRITE_KEY_3"})) as collector:
        for recording in recordings:
            request = json.loads(recording.read_bytes())
            body = recording.with_name(recording.name.replace(".POST.json", ".body.raw")).read_bytes()
            headers = {key: value for key, value in request["headers"].items() if key.lower() not in {"host", "content-length", "connection"}}
            answer = await collector.post(request["path"], body, headers=headers)
            assert (answer.status, answer.json["accepted"]) == (200, 5)
        assert len({each.event_id for each in collector.box.touchpoints()}) == 5
