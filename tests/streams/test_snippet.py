"""The snippet: how it is served, and how small it is."""

import gzip
import json

from streams.web.snippet import ENDPOINT, GZIPPED_BYTES_MAX, PATH
from tests.streams.built_snippet import WEB, built
from tests.streams.collecting import KEY, served


def test_what_is_served_is_built_from_the_readable_source():
    assert (WEB / "leadstream.min.js").read_text() == built()


def test_the_snippet_is_small(capsys):
    size = len(gzip.compress((WEB / "leadstream.min.js").read_bytes(), 9, mtime=0))
    with capsys.disabled():
        print(f"\nleadstream.js: {size:,} bytes gzipped of {GZIPPED_BYTES_MAX:,}")
    assert size <= GZIPPED_BYTES_MAX


async def test_the_collector_serves_it_and_does_not_send_it_twice():
    async with served() as collector, collector.client.get(collector.address + PATH) as first:
        assert (first.status, first.content_type) == (200, "text/javascript")
        assert gzip.decompress(await first.read()) == (WEB / "leadstream.min.js").read_bytes()
        known = {"If-None-Match": first.headers["ETag"]}
        async with collector.client.get(collector.address + PATH, headers=known) as again:
            assert (again.status, await again.read()) == (304, b"")


async def test_under_another_name_it_sends_there_and_nowhere_else():
    """Lists of trackers know names of scripts and of what they send to; both are ours to choose."""
    batch = json.dumps({"writeKey": KEY, "batch": [{"type": "page", "anonymousId": "a", "messageId": "m"}]}).encode()
    async with served(snippet_paths=("/shop/basket.js",)) as collector:
        got = await collector.ask("GET", "/shop/basket.js")
        assert got.headers["content-type"] == "text/javascript; charset=utf-8"
        plain = (WEB / "leadstream.min.js").read_text()
        assert gzip.decompress(got.body).decode() == plain.replace(f'"{ENDPOINT}"', '"/shop/basket.js"') != plain
        assert (await collector.post("/shop/basket.js", batch)).status == 200
        assert (await collector.ask("OPTIONS", "/shop/basket.js")).status == 204
        assert [each.kind for each in collector.box.touchpoints()] == ["page_view"]
        assert gzip.decompress((await collector.ask("GET", PATH)).body).decode() == plain


def test_the_script_names_its_endpoint_once():
    assert (WEB / "leadstream.min.js").read_text().count(f'"{ENDPOINT}"') == 1
