"""The table of channels: what a marketer writes decides, before what is shipped; every mistake is told at its place."""

import importlib
import inspect
import pkgutil
from dataclasses import replace

import pytest

from processors import sources
from processors.attribution.channels import KNOWN
from processors.attribution.roads import Channels, shipped
from processors.attribution.table_file import load
from processors.model.problems import ModelProblems
from processors.sources import calendly, callrail, events, ga4, segment, snowplow, standard_webhooks, typeform, zoom
from tests.processors.signals import IDENTITY_KEY, NOW, signal

SITE = "https://www.example.com/pricing"


def by(text):
    """The table *text* over the shipped one, as an installation has it."""
    return Channels(load(text).over(shipped().table))


def channel(text, query="", referrer=None):
    return by(text).road(url=f"{SITE}?{query}", referrer=referrer).channel


def problems_of(text):
    with pytest.raises(ModelProblems) as caught:
        load(text)
    return [(problem.line, problem.column, problem.path, problem.sentence, problem.suggestion) for problem in caught.value.problems]


def test_what_is_shipped_names_only_channels_that_are_known_and_is_asked_where_nothing_else_is_said():
    table = shipped().table
    assert {*table.mediums.values(), *table.click_ids.values(), *table.sources.values(), *table.referrers.values()} <= set(KNOWN)
    assert channel("mediums: {email: [letter]}", "gclid=1") == "paid_search"


def test_a_word_of_one_s_own_comes_before_the_shipped_one():
    assert channel("mediums: {paid_social: [cpc]}", "utm_medium=cpc&utm_source=google") == "paid_social"
    assert channel("click_ids: {paid_social: [fbclid]}", "fbclid=1") == "paid_social"
    assert channel("sources: {affiliate: [google]}", "utm_source=google") == "affiliate"
    assert channel("referrers: {social: [github.com]}", referrer="https://github.com/x") == "social"
    assert channel("referrers: {email: [google]}", referrer="https://www.google.de/") == "email"


def test_channels_of_one_s_own_are_named_and_then_used():
    table = "channels: [review_site]\nreferrers: {review_site: [g2.com, capterra]}"
    assert channel(table, referrer="https://www.g2.com/products") == "review_site"
    assert channel(table, referrer="https://www.capterra.de/") == "review_site"
    assert channel(table, "utm_source=capterra") == "review_site"


def test_a_new_click_id_counts_is_a_mark_and_comes_before_the_shipped_ones():
    table = by("click_ids: {affiliate: [PartnerId]}")
    found = table.road(url=f"{SITE}?gclid=g&partnerid=42", referrer=None)
    assert (found.channel, found.marks, found.because) == ("affiliate", {"gclid": "g", "partnerid": "42"}, "click id partnerid")


@pytest.mark.parametrize(("case", "query", "fits"), [
    ("source: capterra", "utm_source=Capterra&utm_medium=cpc", True), ("source: capterra", "utm_medium=cpc", False),
    ("source: '*'", "utm_medium=cpc", False), ("source: '*'", "utm_source=anything", True),
    ("medium: cp*", "utm_medium=CPC", True), ("medium: Paid-Review", "utm_medium=paid_review", True),
    ("campaign: [brand*, '*-brand']", "utm_campaign=Brand-2026&gclid=1", True), ("campaign: brand*", "utm_campaign=spring&gclid=1", False),
    ("click_id: gclid", "fbclid=1&gclid=1", True), ("click_id: gclid", "fbclid=1", False),
    ("source_is: social", "utm_source=t.co", True), ("source_is: social", "utm_source=google", False),
    ("source: capterra, medium: cpc", "utm_source=capterra&utm_medium=email", False),
])  # fmt: skip
def test_a_case_decides_where_all_its_conditions_fit(case, query, fits):
    assert (channel(f"cases: [{{channel: audio, {case}}}]", query) == "audio") is fits


def test_the_first_case_that_fits_counts_and_the_shipped_ones_come_last():
    table = "cases:\n- {channel: video, source: facebook}\n- {channel: audio, medium: cpc}"
    assert channel(table, "utm_source=facebook&utm_medium=cpc") == "video"
    assert channel(table, "utm_source=instagram&utm_medium=cpc") == "audio"
    assert channel(table, "utm_source=instagram&utm_medium=ppc") == "paid_social"


def test_none_is_no_road_as_for_one_who_comes_back_from_paying():
    table = "referrers: {none: [checkout.stripe.com]}\nmediums: {none: [internal]}"
    assert channel(table, referrer="https://checkout.stripe.com/pay") == "none"
    assert channel(table, "utm_medium=internal") == "none"


@pytest.mark.parametrize(("word", "referrer", "fits"), [
    ("partner", "https://www.partner.co.uk/", True), ("partner", "https://blog.partner.org/", True), ("partner", "https://partner.blog.org/", False),
    ("partner.org", "https://a.b.partner.org/x", True), ("partner.org", "https://notpartner.org/", False), ("partner.org", "https://partner.com/", False),
    ("intra.*", "https://intra7.firm.com/", True), ("intra.*", "https://www.intra.com/", True), ("intra.*", "https://firm.intra.com/", False),
    ('"*/landing"', "https://firm.com/landing/1", True), ('"*/landing"', "https://firm.com/x/landing", False),
])  # fmt: skip
def test_a_referrer_is_named_by_name_host_beginning_or_path(word, referrer, fits):
    assert (channel(f"referrers: {{audio: [{word}]}}", referrer=referrer) == "audio") is fits


def test_of_several_words_for_one_referrer_the_closest_counts():
    assert channel("referrers: {audio: [mail.google.com]}", referrer="https://mail.google.com/") == "audio"
    assert channel("referrers: {audio: [google.com], video: [b.google.com]}", referrer="https://a.b.google.com/") == "video"


def test_what_decided_is_told():
    def why(query="", referrer=None):
        return shipped().road(url=f"{SITE}?{query}", referrer=referrer).because

    assert why("utm_medium=Paid-Social") == "utm_medium paidsocial"
    assert why("utm_medium=cpc&utm_source=fb") == "case 1"
    assert why("utm_medium=banana") == "utm_medium banana is in no list"
    assert why("utm_source=gmail") == "utm_source gmail, by *mail*"
    assert why(referrer="https://news.google.de/") == "referrer news.google.de, by google"
    assert why(referrer="https://partner.org/") == "referrer partner.org, in no list"
    assert why(referrer=SITE) == "a click within the site"
    assert why() == "a page, and nothing that led there"


@pytest.mark.parametrize(("text", "expected"), [
    ("referers: {social: [x]}", (1, 1, "referers", 'the key "referers" is not known', "did you mean referrers?")),
    ("mediums:\n  paid_serch: [cpc]", (2, 3, "mediums.paid_serch", 'the channel "paid_serch" is not known', "did you mean paid_search?")),
    ("sources: {review: [g2]}", (1, 11, "sources.review", 'the channel "review" is not known', "a channel of your own is named first, as in channels: [review]")),
    ("channels: [Review Sites]", (1, 12, "channels[0]", 'a name in this list "Review Sites" must be of lower-case letters, digits and _, beginning with a letter', "write review_sites")),
    ("mediums:\n  email: [letter]\n  social: [Letter]", (3, 12, "mediums.social[0]", '"letter" stands under email already: one word means one channel', "")),
    ("mediums: {email: ['42']}", (1, 19, "mediums.email[0]", 'the medium "42" must be a word of letters', "a case may ask for a pattern, as in medium: cpc*")),
    ("click_ids: {email: [utm_source]}", (1, 21, "click_ids.email[0]", 'the click id "utm_source" must be the name of a parameter', "as in gclid; utm_ parameters have sections of their own")),
    ("referrers: {social: ['https://www.Forum.com/x']}", (
        1, 22, "referrers.social[0]", 'the referrer "https://www.forum.com/x" must be a name, a host, the beginning of hosts or of paths', "write forum.com")),
    ("referrers: [x.com]", (1, 12, "referrers", "referrers is a section of channels, each with its words", "as in social: [facebook, xing]")),
    ("cases: [{channel: audio}]", (
        1, 9, "cases[0]", "a case needs a condition, or it would decide everything", "one of source, medium, campaign, click_id, source_is")),
    ("cases: [{source: x}]", (1, 9, "cases[0]", "a case needs channel", "the channel it means, as in channel: affiliate")),
    ("cases: [{channel: audio, medium: '12'}]", (1, 34, "cases[0].medium", "this medium has no letters, by which mediums are told apart", "")),
])  # fmt: skip
def test_a_mistake_is_told_at_its_place_with_a_way_out(text, expected):
    assert problems_of(text) == [expected]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    assert [line for line, *_ in problems_of("cases: [{channel: audi, source: x}]\nmediums: {emai: [a]}\nreferrers: {email: ['a b']}\nodd: 1")] == [1, 2, 3, 4]


TABLE = by("channels: [own_road]\ncases: [{channel: own_road, source: '*'}]")


def typeform_signal():
    body = {"event_type": "form_response", "event_id": "1", "form_response": {"token": "t", "hidden": {"utm_source": "s"}, "submitted_at": "2026-11-21T21:56:40Z"}}
    return signal(body, "/webhooks/typeform")


SENT = {
    "segment": (segment, segment.SegmentSettings, {"write_keys": frozenset()}, signal(
        {"type": "page", "anonymousId": "a", "messageId": "m", "properties": {"url": f"{SITE}?utm_source=s"}}, "/v1/page")),
    "snowplow": (snowplow, snowplow.SnowplowSettings, {"write_keys": frozenset()}, signal(
        {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [{"e": "pv", "duid": "d", "url": f"{SITE}?utm_source=s"}]},
        "/com.snowplowanalytics.snowplow/tp2")),
    "ga4": (ga4, ga4.Ga4Settings, {"write_keys": frozenset()}, signal(
        {"client_id": "c.1", "events": [{"name": "page_view", "params": {"page_location": f"{SITE}?utm_source=s"}}]}, "/mp/collect")),
    "typeform": (typeform, typeform.TypeformSettings, {"secrets": ()}, typeform_signal()),
    "calendly": (calendly, calendly.CalendlySettings, {"secrets": ()}, signal(
        {"event": "invitee.created", "created_at": "2026-11-21T21:56:40Z", "payload": {
            "uri": "https://api.calendly.com/scheduled_events/1/invitees/2", "email": "a@b.com", "tracking": {"utm_source": "s"}}}, "/webhooks/calendly")),
    "callrail": (callrail, callrail.CallRailSettings, {"secrets": ()}, signal(
        {"resource_id": "CAL1", "start_time": "2026-11-21T21:56:40Z", "customer_phone_number": "+15551234567", "utm_source": "s"}, "/webhooks/callrail")),
    "zoom": (zoom, zoom.ZoomSettings, {"secrets": ()}, signal(
        {"event": "webinar.registration_created", "event_ts": NOW, "payload": {"object": {
            "id": 1, "uuid": "u", "registrant": {"id": "r", "email": "a@b.com", "tracking_source": {"source_name": "s"}}}}}, "/webhooks/zoom")),
    "standard_webhooks": (standard_webhooks, standard_webhooks.StandardSettings, {"secrets": ()}, signal(
        {"type": "page_view", "timestamp": "2026-11-21T21:56:40Z", "data": {"email": "a@b.com", "url": f"{SITE}?utm_source=s"}}, "/webhooks/standard")),
    "events": (events, events.EventsSettings, {"secret": ""}, signal(
        {"id": 1, "kind": "page_view", "visitor_id": "v", "properties": {"url": f"{SITE}?utm_source=s"}}, "/v1/events")),
}  # fmt: skip


@pytest.mark.parametrize("source", SENT)
def test_every_source_that_reads_a_road_asks_the_table_of_the_installation(source):
    module, settings, others, sent = SENT[source]
    adapted = module.adapt(replace(sent, proved=True), settings(identity_key=IDENTITY_KEY, channels=TABLE, **others))
    assert [touchpoint.channel for touchpoint in adapted.touchpoints] == ["own_road"]


def test_every_source_that_takes_a_table_is_asked_above():
    taking = {
        name for _, name, _ in pkgutil.iter_modules(sources.__path__)
        for _, kind in inspect.getmembers(importlib.import_module(f"processors.sources.{name}"), inspect.isclass)
        if kind.__module__.endswith(f".{name}") and "channels" in getattr(kind, "__dataclass_fields__", {})
    }  # fmt: skip
    assert taking == set(SENT)
