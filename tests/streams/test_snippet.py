"""The snippet: how it is served, and how small it is."""

import gzip

from streams.web.snippet import GZIPPED_BYTES_MAX, PATH
from tests.streams.built_snippet import WEB, built
from tests.streams.collecting import served


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
