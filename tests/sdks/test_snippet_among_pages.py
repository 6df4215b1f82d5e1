"""The snippet from one page to the next in Chromium: back out of the cache, across subdomains, under a strict policy, under another name."""

import json

import pytest

from streams.errors import Unavailable
from tests.sdks.serving import CAMPAIGN, KEY, Site, chromium, collecting, page
from tests.streams.installed import until

pytestmark = pytest.mark.browser

WAIT = "const wait = (ms) => new Promise((over) => setTimeout(over, ms));"
NEXT = "<!doctype html><title>Next</title><body>next<script>onload = () => setTimeout(() => history.back(), 300)</script>"


def include(collector, path="/leadstream.js"):
    """JavaScript that loads the snippet as the collector serves it, and waits for it."""
    return f"""{WAIT}
    await new Promise((loaded) => {{
      const tag = document.createElement('script')
      tag.dataset.key = {json.dumps(KEY)}
      tag.onload = loaded
      tag.src = {json.dumps(collector.address + path)}
      document.head.append(tag)
    }});
    """


def back_and_forth(collector, folder, before_leaving):
    """A visit that leaves a page and comes back to it out of the browser's cache; the page's own view of it."""
    script = f"""{include(collector)}
    const came = performance.getEntriesByType('navigation')[0]
    if (came.type == 'back_forward') {{
      done({{ persisted: false, reasons: came.notRestoredReasons }})
    }} else {{
      addEventListener('pageshow', async (event) => {{
        if (event.persisted) {{
          await wait(2500)
          done({{ persisted: true }})
        }}
      }})
      {before_leaving}
      location.href = '/next'
    }}
    """
    site = Site({"/pricing": page(script), "/next": NEXT})
    with site.open(), chromium(f"http://127.0.0.1:{site.port}/pricing?{CAMPAIGN}", folder):
        return site.done()


def test_a_page_that_comes_back_out_of_the_cache_is_viewed_again_and_what_it_was_told_last_is_not_lost(tmp_path):
    with collecting() as collector:
        told = back_and_forth(collector, tmp_path, "await wait(1000); leadstream.track('Demo Booked')")
        assert told == {"persisted": True}
        assert collector.each_once() == ["demo_booked", "page_view", "page_view"]
        viewed = [each for each in collector.box.touchpoints() if each.kind == "page_view"]
        assert {each.properties["path"] for each in viewed} == {"/pricing"}
        assert len({each.visitor_id for each in collector.box.touchpoints()}) == 1


def test_what_no_collector_took_before_a_page_was_left_is_sent_when_it_comes_back(tmp_path):
    with collecting() as collector:
        collector.box.failures = [Unavailable("away")]
        told = back_and_forth(collector, tmp_path, "await wait(1000); leadstream.track('Demo Booked')")
        assert told == {"persisted": True}
        assert collector.box.failures == []
        assert collector.each_once() == ["demo_booked", "page_view", "page_view"]


def test_subdomains_share_the_visitor_and_his_first_touch(tmp_path):
    with collecting() as collector:
        script = f"""{include(collector)}
        leadstream.track('Demo Booked')
        await wait(1000)
        const here = {{ id: leadstream.id(), host: location.hostname, kept: document.cookie }}
        if (location.hostname == 'a.example.test') location.href = `http://b.example.test:${{location.port}}/pricing?first=${{encodeURIComponent(JSON.stringify(here))}}`
        else done([JSON.parse(new URLSearchParams(location.search).get('first')), here])
        """
        site = Site({"/pricing": page(script)})
        rules = "--host-resolver-rules=MAP *.example.test 127.0.0.1"
        with site.open(), chromium(f"http://a.example.test:{site.port}/pricing?{CAMPAIGN}", tmp_path, rules):
            first, second = site.done()
        assert (first["host"], second["host"]) == ("a.example.test", "b.example.test")
        assert first["id"] == second["id"]
        assert first["kept"].startswith("_ls=")
        booked = [each for each in collector.box.touchpoints() if each.kind == "demo_booked"]
        assert [each.properties["first_touch.utm_campaign"] for each in booked] == ["Autumn", "Autumn"]
        assert {each.visitor_id for each in booked} == {first["id"]}


def under_policy(collector, folder, path):
    """Two pages without any script of their own whose policy lets in the collector's script and what it sends, and nothing else."""
    allowed = collector.address + ("" if path == "/leadstream.js" else path)
    policy = f"default-src 'none'; script-src {allowed}; connect-src {allowed}; report-uri /refused"
    tag = f'<script async src="{collector.address}{path}" data-key="{KEY}"></script>'
    site = Site(
        {
            "/pricing": f"<!doctype html><title>Pricing</title>{tag}<meta http-equiv=refresh content='2;url=/next'><script>inline = 1</script><body>page",
            "/next": f"<!doctype html><title>Next</title>{tag}<body>next",
        },
        {"Content-Security-Policy": policy},
    )
    with site.open(), chromium(f"http://127.0.0.1:{site.port}/pricing?{CAMPAIGN}", folder):
        until(lambda: len(collector.box.touchpoints()) == 2, "both pages to be told")
        until(lambda: any(path == "/refused" for path, _ in site.told), "the page's own script to be refused")
    return {json.loads(said)["csp-report"]["blocked-uri"] for _, said in site.told}


def test_under_a_strict_policy_it_works_and_asks_for_nothing_more(tmp_path):
    with collecting() as collector:
        refused = under_policy(collector, tmp_path, "/leadstream.js")
        assert collector.each_once() == ["page_view", "page_view"]
        assert refused - {"http://127.0.0.1/favicon.ico"} == {"inline"}  # the page's own, by which we know that the policy holds


def test_under_another_name_it_sends_to_that_name_alone(tmp_path):
    """The policy lets in this one address, as a list of trackers would that knows all the others."""
    with collecting(snippet_paths=("/shop/basket.js",)) as collector:
        refused = under_policy(collector, tmp_path, "/shop/basket.js")
        assert collector.each_once() == ["page_view", "page_view"]
        assert refused == {"inline"}
