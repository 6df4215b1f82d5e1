"""UTM, click ids and referrer become channel and campaign; checked against published referrers and real page views."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from processors.attribution.referrers import host_of, same_site
from processors.attribution.roads import shipped

DATA = Path(__file__).parents[3] / "shared" / "data"
SITE = "https://www.example.com/pricing"
road = shipped().road


def rows(name):
    if not (DATA / name).exists():
        pytest.skip(f"no data set at {DATA / name}")
    with (DATA / name).open() as file:
        return list(csv.DictReader(file))


def channel(query="", referrer=None, **campaign):
    return road(url=f"{SITE}?{query}" if query else SITE, referrer=referrer, campaign=campaign or None).channel


@pytest.mark.parametrize(("query", "expected"), [
    ("utm_medium=cpc&utm_source=google", "paid_search"), ("utm_medium=cpc&utm_source=facebook", "paid_social"),
    ("utm_medium=PPC&utm_source=bing", "paid_search"), ("utm_medium=paid_social&utm_source=linkedin", "paid_social"),
    ("utm_medium=paid-social", "paid_social"), ("utm_medium=email&utm_source=hubspot", "email"), ("utm_medium=social", "social"),
    ("utm_medium=display", "display"), ("utm_medium=organic", "organic_search"), ("utm_medium=affiliate", "affiliate"),
    ("utm_medium=banana", "other"), ("gclid=abc", "paid_search"), ("gbraid=1", "paid_search"), ("wbraid=1", "paid_search"),
    ("msclkid=1", "paid_search"), ("dclid=1", "display"), ("li_fat_id=1", "paid_social"), ("ttclid=1", "paid_social"),
    ("fbclid=1", "social"), ("fbclid=1&utm_medium=cpc&utm_source=facebook", "paid_social"), ("mc_cid=1", "email"),
    ("utm_source=newsletter", "email"), ("utm_source=linkedin", "social"), ("utm_source=google", "organic_search"),
    ("utm_source=chatgpt.com", "ai_assistant"), ("utm_source=partner", "other"), ("plan=pro", "direct"), ("", "direct"),
])  # fmt: skip
def test_what_the_address_says_names_the_channel(query, expected):
    assert channel(query) == expected


@pytest.mark.parametrize(("referrer", "expected"), [
    ("https://www.google.com/", "organic_search"), ("https://www.google.co.uk/search?q=x", "organic_search"), ("https://duckduckgo.com", "organic_search"),
    ("https://l.facebook.com/l.php", "social"), ("https://t.co/abc", "social"), ("https://lnkd.in/x", "social"), ("https://mail.google.com/", "email"),
    ("https://outlook.live.com/", "email"), ("https://chatgpt.com/", "ai_assistant"), ("https://blog.partner.org/post", "referral"),
    ("https://www.perplexity.ai/", "ai_assistant"), ("android-app://com.google", "referral"), ("about:blank", "direct"),
    ("https://app.example.com/home", "none"), (SITE, "none"),
])  # fmt: skip
def test_without_parameters_the_referrer_does(referrer, expected):
    assert channel(referrer=referrer) == expected


def test_the_marketer_s_word_comes_before_the_platform_s_and_that_before_the_browser_s():
    assert channel("utm_medium=email&gclid=1", "https://www.google.com/") == "email"
    assert channel("gclid=1", "https://l.facebook.com/") == "paid_search"
    assert channel("utm_source=partner", "https://blog.partner.org/") == "referral"


def test_what_a_library_parsed_comes_before_the_address():
    found = road(url=f"{SITE}?utm_campaign=old&utm_medium=cpc", referrer=None, campaign={"name": "Autumn", "medium": "email", "source": None, "term": 5})
    assert (found.channel, found.campaign) == ("email", "Autumn")
    assert found.marks == {"utm_campaign": "Autumn", "utm_medium": "email"}


def test_no_page_no_referrer_and_no_campaign_is_no_road():
    """A server's own event says nothing of the road its visitor came by; attribution passes over it."""
    assert road()[:3] == ("none", None, {})


def test_parameters_are_decoded_the_first_of_a_name_counts_and_what_is_long_is_cut():
    found = road(url=f"{SITE}?utm_campaign=A%20b+c&utm_campaign=second&UTM_SOURCE=X&gclid={'y' * 999}#utm_term=no", referrer=None)
    assert (found.campaign, found.marks["utm_source"], len(found.marks["gclid"]), "utm_term" in found.marks) == ("A b c", "X", 256, False)


def test_campaigns_hold_no_control_characters():
    assert road(url="https://a.io/?utm_campaign=Q%004%0a", referrer=None).campaign == "Q4"
    assert road(url=None, referrer=None, campaign={"name": "\x00"}).campaign is None


def test_the_query_may_come_beside_the_address():
    assert road(url=SITE, referrer=None, search="?utm_medium=cpc").channel == "paid_search"


@pytest.mark.parametrize("odd", ["https://", "//", "?", "https://[::1", "https://a@b:1/x?", "é", "https://exa mple/\x00"])
def test_odd_addresses_do_no_harm(odd):
    assert road(url=odd, referrer=odd, search=odd).channel


def test_a_host_is_read_without_user_port_and_www():
    assert host_of("https://user:pw@WWW.Example.com:8443/x?y#z") == "example.com"
    assert same_site("app.example.co.uk", "example.co.uk")
    assert not same_site("one.co.uk", "other.co.uk")
    assert not same_site("", "")


def test_most_published_search_engines_networks_and_mailers_are_known():
    """The published table has a long tail of engines that are gone; what it calls one thing must be no other."""
    found = Counter((row["medium"], road(referrer="https://" + row["host"]).channel) for row in rows("segment_pages/referrer_mapping.csv"))
    assert found["search", "organic_search"] > 1400
    assert found["social", "social"] > 80
    assert found["email", "email"] == 18
    assert set(found) - {("unknown", "organic_search"), ("unknown", "referral")} == {
        ("search", "organic_search"), ("search", "referral"), ("social", "social"), ("social", "referral"), ("email", "email"),
    }  # fmt: skip


def test_real_page_views_come_by_the_roads_that_their_campaigns_and_sites_say():
    """160 events of real sites; `mkt_medium` is what Snowplow's own enrichment made of the address."""
    seen = Counter()
    for row in rows("snowplow_web/source/snowplow_web_events.csv"):
        found = road(url=row["page_url"], referrer=row["page_referrer"] or None)
        within = host_of(row["page_url"]) == host_of(row["page_referrer"])
        come = "" if row["mkt_medium"] else "within" if within else "from outside" if row["page_referrer"] else "straight"
        seen[row["mkt_medium"] or come, found.channel] += 1
    assert seen == {
        ("ppc", "paid_search"): 3, ("display", "display"): 9, ("within", "none"): 48, ("from outside", "organic_search"): 3,
        ("straight", "direct"): 89, ("from outside", "none"): 8,  # from a sister host of the same site
    }  # fmt: skip
