"""Who sends too fast, and every refusal counted by its reason."""

import asyncio
import json

import pytest

from streams import collect, metrics
from streams.collecting import answers
from streams.settings import Settings
from tests.streams.collecting import KEY, served

PAGE = json.dumps({"type": "page", "anonymousId": "v-1", "messageId": "m-1"}).encode()
PATH = f"/v1/page?writeKey={KEY}"
IMPORT = {"X-Leadstream-Import": "history-1", "X-Leadstream-Import-Key": Settings.local().import_key}


def batch(events: int) -> bytes:
    return json.dumps({"batch": [{"type": "page", "anonymousId": "v-1", "messageId": f"m-{n}", "timestamp": "2026-01-01T00:00:00Z"} for n in range(events)]}).encode()


def counted(door: str, reason: str) -> float:
    return metrics.REGISTRY.get_sample_value("leadstream_collector_refused_total", {"door": door, "reason": reason}) or 0.0


async def test_an_address_that_sends_too_fast_is_told_when_to_come_again_and_nothing_of_it_is_written():
    before = counted("segment", "too_fast")
    async with served(rate_per_address=0.2) as collector:  # one at once, the next in five seconds
        assert (await collector.post(PATH, PAGE)).status == 200
        refused = await collector.post(PATH, PAGE)
        assert (refused.status, refused.json["code"]) == (429, "too_fast")
        assert 1 <= int(refused.headers["Retry-After"]) <= 5
        assert refused.headers["Access-Control-Expose-Headers" if "Origin" in refused.headers else "Access-Control-Allow-Origin"]
        assert len(collector.box.touchpoints()) == 1
    assert counted("segment", "too_fast") == before + 1


async def test_behind_a_proxy_each_client_has_a_rate_of_its_own_and_cannot_take_another_name():
    async with served(rate_per_address=0.2, proxies=("127.0.0.1",)) as collector:
        for client in ("203.0.113.1", "203.0.113.2"):
            assert (await collector.post(PATH, PAGE, headers={"X-Forwarded-For": client})).status == 200
        for claimed in ("198.51.100.9, 203.0.113.1", "203.0.113.1"):
            assert (await collector.post(PATH, PAGE, headers={"X-Forwarded-For": claimed})).status == 429


async def test_what_a_stranger_forwards_is_not_believed():
    async with served(rate_per_address=0.2) as collector:
        assert (await collector.post(PATH, PAGE, headers={"X-Forwarded-For": "203.0.113.1"})).status == 200
        assert (await collector.post(PATH, PAGE, headers={"X-Forwarded-For": "203.0.113.2"})).status == 429


async def test_a_key_s_events_are_limited_whatever_addresses_they_come_from():
    async with served(rate_per_key=2, write_keys=frozenset({"site one", "app two"})) as collector:
        assert (await collector.post("/v1/batch?writeKey=one", batch(10))).status == 200
        refused = await collector.post("/v1/batch?writeKey=one", batch(1))
        assert (refused.status, refused.json["message"]) == (429, "more comes from this key than is let in; send it again later")
        assert (await collector.post("/v1/batch?writeKey=two", batch(1))).status == 200
        assert len(collector.box.touchpoints()) == 11


async def test_imports_come_as_fast_as_they_can():
    async with served(rate_per_key=1) as collector:
        for _ in range(3):
            assert (await collector.post(f"/v1/batch?writeKey={KEY}", batch(50), headers=IMPORT)).status == 200


async def test_guesses_at_the_import_key_are_limited_as_all_else():
    async with served(rate_per_address=0.2) as collector:
        assert (await collector.post("/v1/imports/x/reached", b"{}")).status == 401
        assert (await collector.post("/v1/imports/x/reached", b"{}")).status == 429


@pytest.mark.parametrize(
    ("method", "path", "body", "door", "reason"),
    [
        ("POST", "/v1/page", PAGE, "segment", "unauthorised"),
        ("POST", PATH, b"x" * 5_000, "segment", "too_large"),
        ("POST", PATH, b"{", "segment", "no_json"),
        ("POST", "/webhooks/nobody", b"{}", "none", "no_such_door"),
        ("GET", "/v1/page", b"", "none", "wrong_method"),
        ("POST", "/v1/imports/x/reached", b"{}", "imports", "unauthorised"),
    ],
)
async def test_every_refusal_is_counted_by_its_reason(method, path, body, door, reason):
    before = counted(door, reason)
    async with served(body_bytes_max=2_000) as collector:
        answer = await collector.post(path, body) if method == "POST" else await collector.ask(method, path)
        assert answer.json["code"] == reason
    assert counted(door, reason) == before + 1


async def test_events_are_counted_by_the_name_of_their_key():
    def of(name: str) -> float:
        return metrics.REGISTRY.get_sample_value("leadstream_collector_key_events_total", {"key": name}) or 0.0

    before = of("site-a"), of("site-b")
    async with served(write_keys=frozenset({"site-a one", "site-b two"})) as collector:
        await collector.post("/v1/batch?writeKey=one", batch(3))
        await collector.post("/v1/batch?writeKey=two", batch(2))
    assert (of("site-a"), of("site-b")) == (before[0] + 3, before[1] + 2)


def test_only_refusals_have_a_code():
    assert answers.code_of(answers.done()) is None
    assert answers.code_of(answers.problem(401, "unauthorised", "no")) == "unauthorised"


async def test_one_who_sends_his_headers_drop_by_drop_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(collect, "SILENT_MAX_S", 0.5)
    async with served() as collector:
        host, _, port = collector.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        async def drip():
            for byte in b"POST /v1/page HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 1_000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        dripping.cancel()
        writer.close()
        assert (await collector.post(PATH, PAGE)).status == 200


async def test_one_who_hangs_up_before_all_is_sent_is_no_bug_of_ours(caplog):
    before = counted("segment", "bug"), counted("segment", "unreadable")
    async with served() as collector:
        host, _, port = collector.address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert (counted("segment", "bug"), counted("segment", "unreadable")) == (before[0], before[1] + 1)
    assert caplog.text == ""
