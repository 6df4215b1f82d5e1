"""Crawlers are known as the package crawler-user-agents knows them, and what they do is no visitor's."""

import re
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from crawleruseragents import is_crawler as by_package
from hypothesis import given
from hypothesis import strategies as st

from processors.sources import crawlers
from tests.processors.signals import signal

DATA = Path(__file__).parents[3] / "shared" / "data"
LOG = DATA / "apache_logs" / "apache_logs"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
INSTANCES = sorted({instance for each in CRAWLER_USER_AGENTS_DATA for instance in each["instances"]})
WORDS = sorted({re.sub(r"\\(\W)", r"\1", each["pattern"]) for each in CRAWLER_USER_AGENTS_DATA})


def test_every_instance_of_the_package_is_a_crawler():
    assert len(INSTANCES) > 2_000
    assert [each for each in INSTANCES if not crawlers.is_crawler(each)] == []


def test_the_user_agents_of_a_real_log_are_marked_as_the_package_marks_them():
    if not LOG.exists():
        pytest.skip(f"{LOG} is not there: it is not part of the project")
    hits = [found[1] for line in LOG.read_text(errors="replace").splitlines() if (found := re.search(r'"([^"]*)"$', line))]
    agents = set(hits)
    assert (len(hits), len(agents)) == (9_999, 558)
    marked = {each for each in agents if crawlers.is_crawler(each)}
    assert marked == {each for each in agents if by_package(each)}
    assert sum(each in marked for each in hits) / len(hits) == pytest.approx(0.196, abs=0.002)


@given(st.text(max_size=20), st.sampled_from(WORDS), st.text(max_size=20), st.sampled_from([str.lower, str.upper, str]))
def test_any_user_agent_is_marked_as_the_package_marks_it(before, word, after, spelt):
    said = before + spelt(word) + after
    assert crawlers.is_crawler(said) == by_package(said)


@given(st.sampled_from(INSTANCES), st.integers(0, 200), st.integers(0, 200))
def test_a_part_of_a_crawler_s_user_agent_is_marked_as_the_package_marks_it(instance, start, length):
    said = instance[start : start + length]
    assert crawlers.is_crawler(said) == by_package(said)


def test_people_are_no_crawlers():
    for agent in (CHROME, "", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"):
        assert not crawlers.is_crawler(agent)


@pytest.mark.parametrize(("headers", "said", "crawler"), [
    ({"user-agent": GOOGLEBOT, "origin": "https://example.com"}, None, True),
    ({"user-agent": GOOGLEBOT, "referer": "https://example.com/"}, None, True),
    ({"user-agent": GOOGLEBOT, "referer": "https://example.com/"}, CHROME, False),  # what the event says comes first
    ({"user-agent": CHROME, "origin": "https://example.com"}, GOOGLEBOT, True),
    ({"user-agent": "python-requests/2.32"}, None, False),  # a server tells of its visitors
    ({"user-agent": "python-requests/2.32"}, CHROME, False),
    ({"user-agent": "python-requests/2.32"}, GOOGLEBOT, True),
    ({"origin": "https://example.com"}, None, False),
    ({"user-agent": GOOGLEBOT, "origin": "https://example.com"}, ["a list"], True),
])  # fmt: skip
def test_who_did_it_is_told_by_the_event_or_by_a_page_s_request(headers, said, crawler):
    assert crawlers.at(signal(b"", headers=headers), said) is crawler


def test_one_s_own_monitoring_may_be_let_in():
    assert crawlers.at(signal(b""), "x HeadlessChrome/131") is True
    assert crawlers.at(signal(b""), "x HeadlessChrome/131", people=("HeadlessChrome",)) is False


def test_of_an_endless_user_agent_the_beginning_counts():
    assert crawlers.at(signal(b""), "x" * 2_000_000) is False
