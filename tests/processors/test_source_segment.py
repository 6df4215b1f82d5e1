"""What Segment-compatible libraries send, and what each call becomes."""

import base64
import gzip
import json
from datetime import UTC, datetime

import pytest

from processors.sources import segment
from processors.sources.segment import SegmentSettings
from schemas import kinds
from tests.processors.signals import (
    DAY,
    IDENTITY_KEY,
    NOW,
    only,
    payload,
    payloads,
    problem,
    refused,
    signal,
    touchpoints,
)

KEY = "a-write-key"
SETTINGS = SegmentSettings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY)
PYTHON = "segment/captured_analytics-python_ok/000.body.raw"
RETRY = "segment/captured_analytics-python_retry_500_429ra_200"


def adapt(body, path="/v1/batch", *, settings=SETTINGS, **more):
    return segment.adapt(signal(body, path, query={"writeKey": KEY}, **more), settings)


def call(message, kind="track", **more):
    """One message through the door of its kind, with an identity and an id unless it brings its own."""
    return adapt({"anonymousId": "v-1", "messageId": "m-1", **message}, f"/v1/{kind}", **more)


def track(event="Something Done", **more):
    return call({"event": event, **more})


# ---- recorded requests ----------------------------------------------------------------------------------------------


def recorded(name):
    body = payload(name)
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def test_a_recorded_batch_is_one_touchpoint_a_message():
    found = touchpoints(adapt(recorded(PYTHON)))
    assert [each.kind for each in found] == ["identified", "page_view", "demo_booked", "grouped", "aliased"]
    identified, viewed, booked, grouped, aliased = found
    assert (identified.visitor_id, identified.crm_id, identified.email_domain) == ("anon-1", "user-1", "initech.com")
    assert identified.contact == {"email": "pgibbons@initech.com"}
    assert (viewed.channel, viewed.properties["path"], viewed.properties["gclid"]) == ("paid_search", "/pricing", "abc")
    assert (booked.properties["form"], booked.properties["amount"]) == ("demo", "42.5")
    assert (grouped.contact, grouped.profile, grouped.properties["group_id"]) == ({"company": "Initech"}, {"size": "201-1000"}, "acct-9")
    assert (aliased.visitor_id, aliased.crm_id) == ("anon-1", "user-1")


@pytest.mark.parametrize("name", ["captured_analytics-python_ok", "captured_analytics-python_gzip", "captured_analytics-node_ok"])
def test_every_recorded_library_speaks_and_is_understood(name):
    found = touchpoints(adapt(recorded(f"segment/{name}/000.body.raw")))
    assert len({each.event_id for each in found}) == 5
    assert all(each.occurred_at <= NOW for each in found)


def test_a_retry_has_the_same_event_ids_though_it_was_sent_at_another_time():
    bodies = [recorded(f"{RETRY}/{name}.body.raw") for name in ("000", "001", "002")]
    assert len({json.loads(body)["sentAt"] for body in bodies}) > 1
    first, second, third = (tuple(each.event_id for each in touchpoints(adapt(body))) for body in bodies)
    assert first == second == third


def test_every_json_example_of_the_spec_is_one_touchpoint_a_message_once_it_says_who():
    files = payloads("segment/docs", "*.json")
    assert len(files) == 41
    excerpts = set()
    for file in files:
        example = json.loads(file.read_bytes())
        kind = example.get("type") or example.get("action") or file.name.split(".")[-2]
        kind = "batch" if "batch" in example else "identify" if kind == "selecting-destinations" else kind
        outcome = adapt(example, f"/v1/{kind}")
        if outcome.rejected:
            assert problem(outcome).reason == "no_identity"
            excerpts.add(file.name)
            outcome = adapt({**example, "anonymousId": "as the library adds it"}, f"/v1/{kind}")
        assert len(touchpoints(outcome)) == len(example.get("batch", [1])), file.name
    assert excerpts == {"group.L23.top.json", "page.L15.top.json", "screen.L13.top.json", "track.L13.top.json"}


def test_the_malformed_date_of_the_spec_is_marked_and_its_events_count_from_when_they_came():
    found = touchpoints(adapt(payload("segment/docs/http-api.L343.batch.json")))
    assert [each.properties.get("timestamp_unreadable") for each in found] == [None, None, "timestamp", "timestamp"]
    assert [each.occurred_at == NOW for each in found] == [False, False, True, True]


def test_the_email_examples_of_the_spec_become_kinds_of_email_with_their_campaign():
    examples = [only(adapt(file.read_bytes(), "/v1/track")) for file in payloads("segment/docs", "email.*.json")]
    assert {each.kind for each in examples} == {
        "email_bounced", "email_delivered", "email_clicked", "email_complained", "email_opened", "email_unsubscribed",
    }  # fmt: skip
    assert {(each.channel, each.campaign, segment.family(each.kind)) for each in examples} == {("email", "New Customer Discount", "email")}
    assert all(each.crm_id == "019mr8mf4r" and each.email_hash for each in examples)


# ---- who may send ---------------------------------------------------------------------------------------------------

MESSAGE = {"event": "x", "userId": "u"}


def basic(user):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


@pytest.mark.parametrize("place", [
    {"headers": basic(KEY)}, {"query": {"writeKey": KEY}}, {"query": {"api_key": KEY}}, {"body": {"writeKey": KEY}}, {"body": {"api_key": KEY}},
])  # fmt: skip
def test_a_write_key_is_found_wherever_libraries_put_it(place):
    body = {**MESSAGE, **place.pop("body", {})}
    only(segment.adapt(signal(body, "/v1/track", **place), SETTINGS))


@pytest.mark.parametrize("headers", [
    {}, basic("another"), {"authorization": "Bearer " + KEY}, {"authorization": "Basic %%%"}, {"authorization": "Basic é"}, {"authorization": "Basic"},
])  # fmt: skip
def test_without_a_known_write_key_nothing_is_read(headers):
    assert "write key" in refused(segment.adapt(signal({**MESSAGE, "writeKey": "wrong"}, "/v1/track", headers=headers), SETTINGS))


def test_a_key_that_is_no_text_is_no_key():
    assert "write key" in refused(segment.adapt(signal({**MESSAGE, "writeKey": [KEY]}, "/v1/track"), SETTINGS))


def test_with_no_write_key_configured_nobody_is_let_in():
    nobody = SegmentSettings(write_keys=frozenset(), identity_key=IDENTITY_KEY)
    assert "LEADSTREAM_WRITE_KEYS" in refused(segment.adapt(signal({**MESSAGE, "writeKey": ""}, "/v1/track"), nobody))


# ---- calls and kinds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("short", "kind"), [
    ("i", "identified"), ("p", "page_view"), ("s", "screen_view"), ("g", "grouped"), ("a", "aliased"), ("t", "signed_in"),
])  # fmt: skip
def test_the_browser_library_has_short_names_for_the_calls(short, kind):
    assert only(call({"event": "Signed In"}, short)).kind == kind


@pytest.mark.parametrize(("event", "kind"), [
    ("Demo Booked", "demo_booked"), ("demoBooked", "demo_booked"), ("demo-booked", "demo_booked"), ("Demo Requested", "demo_booked"),
    ("Trial Started", "trial_started"), ("E-Book Downloaded", "ebook_downloaded"), ("Whitepaper Downloaded", "white_paper_downloaded"),
    ("Live Chat Conversation Started", "chat_started"), ("Unsubscribed", "email_unsubscribed"), ("HTMLPageSeen", "html_page_seen"),
    ("Démo réservée", "démo_réservée"), ("Item Purchased", "item_purchased"),
])  # fmt: skip
def test_an_event_name_becomes_a_kind(event, kind):
    assert only(track(event)).kind == kind


@pytest.mark.parametrize("event", ["Sales Verdict", "import_reached", "Import Reached", "Bot Verdict", "Erasure Requested"])
def test_what_only_signed_doors_may_say_is_refused_from_a_web_page(event):
    rejected = problem(track(event))
    assert (rejected.field, rejected.reason) == ("event", "reserved_kind")


@pytest.mark.parametrize(("message", "field"), [
    ({"event": ""}, "event"), ({"event": None}, "event"), ({"event": "!!!"}, "event"), ({"event": 5}, "event"), ({"event": ["x"]}, "event"),
])  # fmt: skip
def test_a_track_call_names_its_event(message, field):
    assert problem(call(message)).field == field


def test_in_a_batch_each_message_names_its_call():
    outcome = adapt({"batch": [{"type": "delete", "userId": "u"}, {"userId": "u"}, {"action": "identify", "user_id": "u"}]})
    assert [each.field for each in outcome.rejected] == ["type", "type"]
    assert outcome.touchpoints[0].kind == "identified"


def test_a_video_is_watched_to_a_part_told_by_position_and_length():
    played = only(track("Video Content Playing", properties={"position": 30, "total_length": 120}))
    assert (played.kind, played.properties["percent"]) == ("video_watched", "25")
    assert only(track("Video Playback Completed", properties={"position": 1})).properties["percent"] == "100"
    assert only(track("Video Played", properties={"percent": 60, "position": 1, "total_length": 2})).properties["percent"] == "60"
    assert "percent" not in only(track("Video Played", properties={"position": 1, "total_length": 0})).properties


# ---- who it was -----------------------------------------------------------------------------------------------------


def test_the_anonymous_id_is_the_visitor_and_the_user_id_the_crm_s():
    found = only(call({"userId": "u-1"}, "page"))
    assert (found.visitor_id, found.crm_id, found.email_hash) == ("v-1", "u-1", None)


def test_a_user_id_that_is_an_address_is_one():
    found = only(call({"userId": "Ann@Example.com"}, "page"))
    assert (found.crm_id, found.email_domain, found.contact) == (None, "example.com", {"email": "ann@example.com"})


def test_64_bit_ids_keep_every_digit():
    assert only(call({"userId": 9223372036854775807}, "page")).crm_id == "9223372036854775807"


@pytest.mark.parametrize("placeholder", ["null", "undefined", "None", "0", "", "  ", "[object Object]", "00000000-0000-0000-0000-000000000000", None])
def test_what_faulty_pages_send_for_an_id_is_none(placeholder):
    rejected = problem(call({"userId": placeholder, "anonymousId": placeholder}, "page"))
    assert (rejected.field, rejected.reason) == ("userId", "no_identity")


@pytest.mark.parametrize(("said", "reason"), [("x" * 129, "too_long"), ("a\x00b", "unprintable"), ("a\u200bb", "unprintable"), (1.5, "wrong_type"), ({}, "wrong_type"), (True, "wrong_type"), (1 << 200, "too_long")])
def test_an_identifier_is_short_and_printable_or_refused_by_name(said, reason):
    rejected = problem(call({"userId": said}, "page"))
    assert (rejected.field, rejected.reason) == ("userId", reason)


def test_an_alias_joins_what_the_visitor_was_to_who_the_user_is():
    found = only(call({"previousId": "old-visitor", "userId": "u"}, "alias"))
    assert (found.visitor_id, found.crm_id) == ("old-visitor", "u")
    named = only(call({"previousId": "ann@example.com", "userId": "u"}, "alias"))
    assert (named.visitor_id, named.crm_id, named.email_domain) == ("v-1", "u", "example.com")


def test_of_several_addresses_the_one_that_is_told_as_the_user_s_own_counts():
    traits, user, known, form = "t@example.com", "u@example.com", "k@example.com", "f@example.com"

    def address(**more):
        return only(call({"event": "x", **more})).contact["email"]

    assert address(traits={"email": traits}, userId=user, context={"traits": {"email": known}}, properties={"email": form}) == traits
    assert address(userId=user, context={"traits": {"email": known}}, properties={"email": form}) == user
    assert address(context={"traits": {"email": known}}, properties={"email": form}) == known
    assert address(properties={"email": form}) == form


def test_what_is_no_address_is_left_out():
    found = only(call({"traits": {"email": "not an address", "plan": "pro"}}, "identify"))
    assert (found.email_hash, found.contact, found.properties) == (None, {}, {"plan": "pro"})


# ---- what is known of them ------------------------------------------------------------------------------------------


def test_traits_become_contact_and_profile_and_only_the_rest_properties():
    traits = {
        "firstName": "Ann", "last_name": "Lee", "phone": "+49 30 1", "company": {"name": "Initech", "industry": "Technology", "employees": 420},
        "jobTitle": "VP Marketing", "plan": "pro", "address": {"street": "6th St", "country": "USA"}, "password": "secret",
    }  # fmt: skip
    found = only(call({"traits": traits}, "identify"))
    assert found.contact == {"name": "Ann Lee", "phone": "+49 30 1", "company": "Initech"}
    assert found.profile == {"role": "vp", "function": "marketing", "industry": "software", "size": "201-1000", "country": "US"}
    assert found.properties == {"jobTitle": "VP Marketing", "plan": "pro"}


def test_a_form_s_fields_tell_role_and_company_a_page_s_title_does_not():
    form = only(track("Demo Booked", properties={"email": "ann@example.com", "phone": "1", "industry": "retail", "timeframe": "now", "title": "CEO guide"}))
    assert (form.profile["industry"], form.profile["timeframe"], form.contact["phone"]) == ("retail", "0-1", "1")
    assert "role" not in form.profile
    assert only(call({"properties": {"title": "How a CEO buys", "industry": "retail"}}, "page")).profile == {}


def test_a_permission_in_an_application_is_no_role_in_a_company():
    assert only(track("Account Added User", properties={"role": "Owner"})).profile == {}


# ---- properties -----------------------------------------------------------------------------------------------------


def test_properties_are_flattened_into_texts():
    said = {"a": 1, "b": 2.5, "c": 3.0, "d": True, "e": None, "f": "", "g": {"h": {"i": "deep"}}, "j": ["x", 1, True], "total billed": 830}
    found = only(track(properties=said)).properties
    assert {name: found[name] for name in found if name != "event"} == {
        "a": "1", "b": "2.5", "c": "3", "d": "true", "g.h.i": "deep", "j": "x,1,true", "total billed": "830",
    }  # fmt: skip


def test_a_php_library_writes_empty_maps_as_lists():
    only(call({"properties": [], "traits": [], "context": []}, "page"))
    assert problem(call({"properties": ["x"]}, "page")).field == "properties"


def test_control_characters_are_taken_out_of_texts():
    assert only(track(properties={"a": "x\x00y\x1b[31mz", "b\x00": "1"})).properties.items() >= {"a": "xy[31mz", "b": "1"}.items()


def test_what_is_too_long_is_cut_and_marked_and_what_is_beyond_reason_is_refused_by_name():
    cut = only(track(properties={"note": "x" * 5000, "short": "y"})).properties
    assert (len(cut["note"]), cut["short"], cut["shortened"]) == (1024, "y", "note")
    rejected = problem(track(properties={"note": "x" * 1_000_000}))
    assert (rejected.field, rejected.reason, len(rejected.body) > 1_000_000) == ("properties.note", "too_long", True)


def test_too_many_properties_are_cut_and_marked():
    found = only(track(properties={f"p{n}": n for n in range(1000)})).properties
    assert len(found) <= 66
    assert "p64" in found["shortened"]


def test_nesting_is_read_three_levels_deep_and_what_is_deeper_is_marked():
    found = only(track(properties={"a": {"b": {"c": {"d": 1}}}, "list": [{"x": 1}], "ok": 1})).properties
    assert (found["ok"], found["shortened"]) == ("1", "a.b.c,list")


def test_a_page_s_path_is_found_in_its_address():
    found = only(call({"properties": {"url": "https://example.com/pricing?x=1#top"}}, "page"))
    assert found.properties["path"] == "/pricing"
    context = {"page": {"path": "/docs", "url": "https://example.com/docs", "referrer": "https://www.google.com/", "search": ""}}
    asked = only(call({"event": "x", "context": context}))
    assert (asked.properties["path"], asked.channel) == ("/docs", "organic_search")


def test_the_campaign_of_the_context_names_channel_and_campaign():
    campaign = {"name": "Autumn", "source": "Newsletter", "medium": "email"}
    found = only(call({"context": {"campaign": campaign, "page": {"url": "https://example.com/"}}}, "page"))
    assert (found.channel, found.campaign, found.properties["utm_source"]) == ("email", "Autumn", "Newsletter")
    assert only(call({"context": {"campaign": None, "page": None, "traits": None}}, "page")).campaign is None


def test_what_proves_the_road_holds_no_control_characters_wherever_it_stands():
    for context in ({"page": {"url": "https://example.com/?utm_source=a%00b&utm_term=%00"}}, {"campaign": {"source": "a\x00b", "term": "\x00"}}):
        found = only(call({"context": context}, "page"))
        assert (found.properties["utm_source"], "utm_term" in found.properties) == ("ab", False)


# ---- when -----------------------------------------------------------------------------------------------------------


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def test_a_wrong_clock_is_corrected_by_its_own_reading_at_sending():
    """
    sender's clock, 3 h ahead   timestamp +2:59:00 ── 60 s ── sentAt +3:00:00
    ours                        occurred    -60 s ── 60 s ── received 0
    """
    ahead = 3 * 3600 * 1000
    found = only(track(timestamp=iso(NOW + ahead - 60_000), sentAt=iso(NOW + ahead)))
    assert (found.occurred_at, found.received_at) == (NOW - 60_000, NOW)


def test_a_batch_s_sending_holds_for_its_messages():
    ahead = 3600 * 1000
    message = {"type": "page", "userId": "u", "timestamp": iso(NOW + ahead - 5_000)}
    assert only(adapt({"batch": [message], "sentAt": iso(NOW + ahead)})).occurred_at == NOW - 5_000


def test_what_segment_corrected_already_is_compared_by_its_original_reading():
    found = only(track(timestamp=iso(NOW - 99_000), originalTimestamp=iso(NOW + 50_000), sentAt=iso(NOW + 60_000)))
    assert found.occurred_at == NOW - 10_000


def test_an_old_recording_sent_again_is_no_wrong_clock():
    """Corrected, a demo booked in 2015 would be one booked just now, and sales would call."""
    found = only(track(timestamp="2015-02-23T22:28:55.111Z", sentAt="2015-02-23T22:28:55.387Z"))
    assert iso(found.occurred_at).startswith("2015-02-23T22:28:55.111")


def test_without_a_date_it_happened_when_we_received_it():
    found = only(track())
    assert (found.occurred_at, "timestamp_unreadable" in found.properties) == (NOW, False)


@pytest.mark.parametrize("said", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", 0, -1, 4_070_908_800, "1999-12-31"])
def test_a_date_that_cannot_be_is_refused_by_name(said):
    rejected = problem(track(timestamp=said))
    assert (rejected.field, rejected.reason) == ("timestamp", "impossible_instant")


@pytest.mark.parametrize("said", ["yesterday", "2015-2-02T00:30:08.276Z", "2024-02-30T00:00:00Z", True, [], {"$date": 1}, "x" * 1000])
def test_a_date_that_cannot_be_read_is_marked_and_the_event_counts(said):
    found = only(track(timestamp=said))
    assert (found.occurred_at, found.properties["timestamp_unreadable"]) == (NOW, "timestamp")


def test_a_clock_a_little_ahead_means_now():
    assert only(track(timestamp=iso(NOW + DAY // 2))).occurred_at == NOW


def test_an_import_takes_its_dates_at_their_word_and_needs_them():
    found = only(call({"timestamp": "2017-05-01T00:00:00Z", "sentAt": iso(NOW)}, "page", import_id="history"))
    assert (found.import_id, iso(found.occurred_at)[:10], found.received_at) == ("history", "2017-05-01", found.occurred_at)
    for said in ({}, {"timestamp": "2015-2-02"}):
        assert problem(call(said, "page", import_id="history")).field == "timestamp"


# ---- ids ------------------------------------------------------------------------------------------------------------


def test_the_message_id_makes_the_event_id_whatever_else_changes():
    one, other = only(track(timestamp=NOW)), only(track(timestamp=NOW - 1, properties={"a": 1}))
    assert one.event_id == other.event_id
    assert len(one.event_id) == 32


def test_calls_of_different_kinds_with_one_message_id_are_different_events():
    """The spec's own examples share one."""
    assert only(track()).event_id != only(call({}, "page")).event_id


def test_without_a_message_id_equal_content_at_an_equal_date_is_the_same_event():
    def event_id(**more):
        return only(adapt({"event": "x", "userId": "u", **more}, "/v1/track")).event_id

    dated = {"timestamp": "2026-11-21T10:00:00Z"}
    assert event_id(**dated, properties={"a": 1, "b": 2}) == event_id(**dated, properties={"b": 2, "a": 1}, sentAt=iso(NOW))
    assert event_id(**dated) != event_id(timestamp="2026-11-21T10:00:01Z")
    assert event_id(**dated) != event_id(**dated, userId="another")


def test_without_message_id_and_date_each_counts():
    message = {"type": "track", "event": "x", "userId": "u"}
    assert len({each.event_id for each in touchpoints(adapt({"batch": [message, message]}))}) == 2


# ---- crawlers -------------------------------------------------------------------------------------------------------

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def test_what_a_crawler_does_is_no_visitor_s():
    page = {"origin": "https://example.com", "user-agent": GOOGLEBOT}
    for outcome in (track(context={"userAgent": GOOGLEBOT}), call({}, "page", headers=page), adapt({"batch": [{"type": "page", "userId": "u"}], "context": {"userAgent": GOOGLEBOT}})):
        assert (outcome.touchpoints, outcome.rejected, [each.reason for each in outcome.ignored]) == ((), (), ["crawler"])


def test_a_server_that_tells_of_its_visitors_is_none():
    server = {"user-agent": "python-requests/2.32"}
    assert only(call({}, "page", headers=server)).kind == "page_view"
    said = {"context": {"userAgent": "Mozilla/5.0 (Macintosh) Safari/605"}}
    assert only(call(said, "page", headers={**server, "origin": "https://example.com"})).kind == "page_view"
    monitored = SegmentSettings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY, people=("Googlebot",))
    assert only(call({"context": {"userAgent": GOOGLEBOT}}, "page", settings=monitored)).kind == "page_view"


# ---- bad bodies -----------------------------------------------------------------------------------------------------

GOOD = {"type": "page", "userId": "u", "messageId": "good"}


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"batch": [}', b"\xff\xfe", b'{"batch":[],}'])
def test_what_is_no_json_is_refused_whole(body):
    rejected = problem(adapt(body))
    assert (rejected.field, rejected.reason, rejected.body) == ("body", "no_json", body)


@pytest.mark.parametrize("body", [b"5", b"[]", b"[" * 100, b'"x"', b"null", b"{}", b'{"batch": {}}', b'{"batch": null}', b'{"batch": 1}'])
def test_a_batch_is_an_object_with_a_list(body):
    assert problem(adapt(body)).reason == "wrong_type"


def test_an_empty_batch_is_nothing():
    assert touchpoints(adapt({"batch": []})) == ()


def test_one_bad_message_leaves_its_neighbours_alone():
    deep = b'{"type":"page","userId":"u","properties":{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}}"
    bad = [b"5", b'{"type":"page","userId":{}}', b'{"type":"page"}', deep, b'{"type":"page","userId":"u","context":5}']
    good = json.dumps(GOOD).encode()
    body = b'{"sentAt":"x","batch":[' + b",".join([good, *bad, good]) + b' ],"writeKey":"' + KEY.encode() + b'"}'
    outcome = segment.adapt(signal(body), SETTINGS)
    assert [each.properties for each in outcome.touchpoints] == [{}, {}]
    assert [each.index for each in outcome.rejected] == [1, 2, 3, 4, 5]
    assert [each.body for each in outcome.rejected] == bad
    assert [each.field for each in outcome.rejected] == ["body", "userId", "userId", "body", "context"]


def test_half_an_emoji_cut_by_javascript_is_mended():
    body = b'{"batch":[{"type":"page","userId":"u","properties":{"title":"wow \\ud83d","path":"C:\\\\ud83d","ok":"\\ud83d\\ude00"}}]}'
    found = only(adapt(body)).properties
    assert (found["title"], found["path"], found["ok"]) == ("wow \ufffd", "C:\\ud83d", "\U0001f600")


def test_too_many_messages_are_refused_whole():
    few = SegmentSettings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY, events_max=2)
    assert problem(adapt({"batch": [GOOD] * 3}, settings=few)).reason == "too_many_events"


def test_a_body_that_cannot_be_read_for_its_key_is_let_in_by_another_one_only():
    assert "write key" in refused(segment.adapt(signal(b"{", headers={}), SETTINGS))


def test_no_detail_repeats_what_was_sent():
    secret = "s3cr3t-value"
    for message in ({"userId": secret * 20}, {"userId": secret + "\x00"}, {"event": 5, "properties": {"x": secret * 9000}}, {"timestamp": "1970-01-01", "userId": secret}):
        assert secret not in problem(call({"event": "x", **message})).detail


def test_kinds_of_email_go_to_email_and_all_others_to_web():
    assert {segment.family(kind) for kind in kinds.EMAIL} == {"email"}
    assert {segment.family(kind) for kind in (*kinds.WEB, "anything_else", "deal_won")} == {"web"}


def test_gzip_is_the_collector_s_business_not_the_adapter_s():
    assert problem(adapt(gzip.compress(b"{}"))).reason == "no_json"
