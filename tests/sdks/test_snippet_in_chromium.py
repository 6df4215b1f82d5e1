"""Our own snippet, as it is served, on a page of another origin in Chromium: what it sends, keeps, and leaves alone."""

import json
from collections import Counter

import pytest

from streams.errors import Unavailable
from tests.sdks.serving import KEY, browse, collecting
from tests.streams.built_snippet import WEB

pytestmark = pytest.mark.browser

LOAD = """
const include = (more) => new Promise((loaded) => {
  const tag = document.createElement('script')
  Object.entries({ 'data-key': KEY, 'data-endpoint': ENDPOINT, src: '/assets.js', ...more }).forEach(([name, value]) => tag.setAttribute(name, value))
  tag.onload = loaded
  document.head.append(tag)
})
const wait = (ms) => new Promise((over) => setTimeout(over, ms))
"""


def play(collector, folder, script: str) -> dict:
    """Run *script* on a page that may `include` the snippet, under a name that no list of trackers knows."""
    filled = f"const KEY = {json.dumps(KEY)}; const ENDPOINT = {json.dumps(collector.address + '/v1/b')};{LOAD}{script}"
    told = browse(filled, {"assets.js": WEB / "leadstream.min.js"}, folder)
    assert "error" not in told
    return told


def test_a_visit_is_told_with_its_road_and_what_was_called_before_the_snippet_came(tmp_path):
    script = """
    window.leadstream = [['track', 'Trial Started']]
    await include()
    leadstream.identify('u-1', { email: 'ann@initech.com' })
    leadstream.track('Demo Booked', { form: 'demo' })
    await wait(1500)
    done({ cookie: document.cookie, id: leadstream.id() })
    """
    with collecting() as collector:
        told = play(collector, tmp_path, script)
        assert collector.each_once() == ["demo_booked", "identified", "page_view", "trial_started"]
        found = {each.kind: each for each in collector.box.touchpoints()}
        viewed = found["page_view"]
        assert (viewed.channel, viewed.campaign, viewed.properties["path"], viewed.properties["title"]) == ("paid_search", "Autumn", "/pricing", "Pricing")
        assert {each.visitor_id for each in found.values()} == {told["id"]}
        assert (found["identified"].crm_id, found["identified"].email_domain, found["demo_booked"].crm_id) == ("u-1", "initech.com", "u-1")
        assert told["cookie"].startswith("_ls=")
        assert "ann" not in told["cookie"]


def test_pages_of_a_single_page_application_forms_and_links_are_told(tmp_path):
    script = """
    document.body.innerHTML = `<form id=f data-leadstream="Form Submitted" data-leadstream-topic=demo><input name=email type=email value=ann@initech.com>
      <input name=secret type=password value=hush><button>go</button></form><a id=a href="#x" data-leadstream="Ebook Downloaded" data-leadstream-title=Leads>book</a>`
    document.getElementById('f').addEventListener('submit', (event) => event.preventDefault())
    await include()
    history.pushState({}, '', '/demo')
    history.replaceState({}, '', '/demo?step=2')
    document.querySelector('button').click()
    document.getElementById('a').click()
    await wait(1500)
    done({})
    """
    with collecting() as collector:
        play(collector, tmp_path, script)
        assert collector.each_once() == ["ebook_downloaded", "form_submitted", "page_view", "page_view"]
        found = {each.kind: each for each in collector.box.touchpoints()}
        assert sorted(each.properties["path"] for each in collector.box.touchpoints() if each.kind == "page_view") == ["/demo", "/pricing"]
        assert found["ebook_downloaded"].properties["title"] == "Leads"
        assert found["form_submitted"].properties["topic"] == "demo"
        assert "hush" not in str(collector.box.records)


def test_before_consent_nothing_is_stored_or_sent_and_after_it_all_is(tmp_path):
    script = """
    await include({ 'data-consent': 'required' })
    leadstream.track('Demo Booked')
    await wait(800)
    const before = { cookie: document.cookie, kept: localStorage.length, id: leadstream.id() || '' }
    await fetch('/done-so-far').catch(() => 0)
    leadstream.consent(true)
    await wait(1500)
    done({ before, cookie: document.cookie })
    """
    with collecting() as collector:
        told = play(collector, tmp_path, script)
        assert told["before"]["cookie"] == ""
        assert told["before"]["id"] == ""
        assert collector.each_once() == ["demo_booked", "page_view"]
        assert told["cookie"].startswith("_ls=")


@pytest.mark.parametrize(
    "refusal",
    ["Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }); await include()", "await include(); leadstream.consent(false)"],
    ids=["global privacy control", "no consent"],
)
def test_who_refuses_is_left_alone(tmp_path, refusal):
    script = f"{refusal}; leadstream.track('Demo Booked'); await wait(1200); done({{ cookie: document.cookie, id: leadstream.id() || '' }})"
    with collecting() as collector:
        told = play(collector, tmp_path, script)
        assert told["id"] == ""
        assert [each.kind for each in collector.box.touchpoints()] == []
        assert "%22i%22" not in told["cookie"]


def test_with_storage_blocked_the_page_lives_and_the_visit_is_told(tmp_path):
    script = """
    const blocked = { get() { throw new DOMException('blocked', 'SecurityError') }, set() { throw new DOMException('blocked', 'SecurityError') } }
    Object.defineProperty(document, 'cookie', blocked)
    Object.defineProperty(window, 'localStorage', blocked)
    await include()
    leadstream.track('Demo Booked')
    await wait(1500)
    done({})
    """
    with collecting() as collector:
        play(collector, tmp_path, script)
        assert collector.each_once() == ["demo_booked", "page_view"]


def test_a_hundred_events_at_unload_all_arrive(tmp_path):
    script = """
    if (location.search == '?after') {
      await include()
      await wait(2500)
      done({})
    } else {
      await include()
      for (let n = 0; n < 100; n++) leadstream.track('Ebook Downloaded', { n: n, text: 'x'.repeat(300) })
      location.href = '/pricing?after'
    }
    """
    with collecting() as collector:
        play(collector, tmp_path, script)
        assert Counter(collector.each_once()) == {"ebook_downloaded": 100, "page_view": 2}
        assert {each.properties["n"] for each in collector.box.touchpoints() if each.kind == "ebook_downloaded"} == {str(n) for n in range(100)}


def test_what_the_collector_could_not_take_is_sent_again(tmp_path):
    with collecting() as collector:
        collector.box.failures = [Unavailable("away"), Unavailable("away")]
        play(collector, tmp_path, "await include(); leadstream.track('Demo Booked'); await wait(9000); done({})")
        assert collector.each_once() == ["demo_booked", "page_view"]


def test_included_twice_it_counts_once_and_nonsense_never_throws_into_the_page(tmp_path):
    script = """
    await include(); await include()
    leadstream.identify(); leadstream.track(); leadstream.page({ toString() { throw 1 } }); leadstream.push(['nothing']); leadstream.push()
    const round = {}; round.round = round; leadstream.track('Demo Booked', round)
    await wait(1200)
    done({})
    """
    with collecting() as collector:
        play(collector, tmp_path, script)
        assert Counter(each.kind for each in collector.box.touchpoints())["page_view"] <= 2
