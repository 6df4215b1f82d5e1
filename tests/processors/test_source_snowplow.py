"""What Snowplow's trackers send, and what each event becomes."""

import base64
import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from processors.sources import snowplow
from processors.sources.signal import Signal
from processors.sources.snowplow import SnowplowSettings
from tests.processors.signals import (
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

KEY = "site"
TP2 = snowplow.PATHS[0]
SETTINGS = SnowplowSettings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY)
EID = "f26fc975-3911-4565-9a88-09731cced867"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def event(**said):
    return {"e": "pv", "aid": KEY, "duid": "d-1", "eid": EID, "p": "web", "url": "https://example.com/pricing", **said}


def post(*events, settings=SETTINGS, **more):
    body = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": list(events)}
    return snowplow.adapt(signal(body, TP2, **more), settings)


def get(headers=None, **query):
    asked = Signal(method="GET", path="/i", headers=headers or {}, query=query, body=b"", received_at=NOW)
    return snowplow.adapt(asked, SETTINGS)


def packed(said) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def unstruct(name, data, vendor="com.acme"):
    inner = {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}
    return {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": inner}


def described(name, data, vendor="com.acme", **more):
    return event(e="ue", ue_px=packed(unstruct(name, data, vendor)), **more)


def contexts(*entities):
    data = [{"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": said} for vendor, name, said in entities]
    return {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", "data": data}


OWN = "com.snowplowanalytics.snowplow"

# ---- recorded requests ----------------------------------------------------------------------------------------------


def test_a_recorded_post_of_the_python_tracker_is_three_touchpoints():
    viewed, submitted, asked = touchpoints(snowplow.adapt(signal(payload("snowplow/captured_snowplow-tracker-py_post/000.body.raw"), TP2), SETTINGS))
    assert (viewed.kind, viewed.channel, viewed.visitor_id, viewed.crm_id) == ("page_view", "paid_search", "5d27ff97148de9e5", "user-1")
    assert viewed.properties.items() >= {"path": "/pricing", "title": "Pricing", "gclid": "abc", "referrer": "https://www.google.com/"}.items()
    assert (submitted.kind, submitted.properties["label"], submitted.properties["value"]) == ("form_submitted", "demo", "42.5")
    assert (asked.kind, asked.properties["form"], asked.occurred_at) == ("demo_booked", "demo", 1714564800000)
    assert "203.0.113.7" not in repr((viewed, submitted, asked)), "addresses are kept nowhere"


def test_recorded_pixels_are_what_the_post_is():
    found = []
    for file in payloads("snowplow/captured_snowplow-tracker-py_get", "*.GET.json"):
        recorded = json.loads(file.read_bytes())
        found.append(only(get(**dict(parse_qsl(urlsplit(recorded["path"]).query)))))
    posted = touchpoints(snowplow.adapt(signal(payload("snowplow/captured_snowplow-tracker-py_post/000.body.raw"), TP2), SETTINGS))
    assert [(each.kind, each.channel, each.properties, each.identifiers()) for each in found] == [
        (each.kind, each.channel, each.properties, each.identifiers()) for each in posted
    ]


def test_the_recorded_server_tracker_was_not_told_who_it_was_about():
    body = payload("snowplow/captured_node-tracker_post/000.body.raw")
    outcome = snowplow.adapt(signal(body, TP2), SETTINGS)
    assert [(each.field, each.reason) for each in outcome.rejected] == [("duid", "no_identity")] * 2
    told = json.loads(body)
    for each in told["data"]:
        each["uid"] = "user-1"
    assert [each.kind for each in touchpoints(snowplow.adapt(signal(told, TP2), SETTINGS))] == ["page_view", "form_submitted"]


# ---- what Snowplow itself made of real events -----------------------------------------------------------------------

ROWS = Path(__file__).parents[3] / "shared" / "data" / "snowplow_web" / "source" / "snowplow_web_events.csv"
SHORT = {"page_view": "pv", "page_ping": "pp", "struct": "se", "unstruct": "ue"}
COLUMNS = {
    "eid": "event_id", "duid": "domain_userid", "aid": "app_id", "p": "platform", "url": "page_url", "page": "page_title", "refr": "page_referrer",
    "ua": "useragent", "se_ca": "se_category", "se_ac": "se_action", "se_la": "se_label",
}  # fmt: skip


def ms(said):
    return round(datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp() * 1000) if said else None


def test_real_events_come_to_the_ids_kinds_and_instants_that_snowplow_s_own_pipeline_found():
    if not ROWS.exists():
        pytest.skip(f"no data set at {ROWS}")
    with ROWS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    allowed = SnowplowSettings(write_keys=frozenset({"its-key"}), identity_key=IDENTITY_KEY)
    found = []
    for row in rows:
        said = {short: row[column] for short, column in COLUMNS.items() if row[column]}
        said |= {"e": SHORT[row["event"]], "dtm": str(ms(row["dvce_created_tstamp"])), "stm": str(ms(row["dvce_sent_tstamp"]) or "")}
        if row["event"] == "unstruct":
            said["ue_px"] = packed(unstruct(row["event_name"], {}, row["event_vendor"]))
        body = {"data": [said]}
        found.append(snowplow.adapt(signal(body, TP2, received_at=ms(row["collector_tstamp"]), query={"writeKey": "its-key"}), allowed))
    known = [(row, each.touchpoints[0]) for row, each in zip(rows, found, strict=True) if each.touchpoints]
    unknown = [(row["domain_userid"], problem(each).reason) for row, each in zip(rows, found, strict=True) if not each.touchpoints]
    assert unknown == [("", "no_identity")]
    assert len({each.event_id for _, each in known}) == len({row["event_id"] for row, _ in known})
    assert {each.kind for row, each in known if row["event"] == "page_view"} == {"page_view"}
    assert {each.visitor_id for _, each in known} == {row["domain_userid"] for row, _ in known}
    assert (len(known), len(rows)) == (159, 160)
    others = [row for row, each in known if each.occurred_at != ms(row["derived_tstamp"])]
    assert len(others) == 15, "the data set lets these happen when, or after, they were received; we do not"
    assert all(ms(row["derived_tstamp"]) >= ms(row["collector_tstamp"]) for row in others)


# ---- who may send ---------------------------------------------------------------------------------------------------


def test_the_write_key_is_the_app_id_or_stands_in_the_query():
    only(post(event()))
    only(post(event(aid="another"), query={"writeKey": KEY}))
    assert "app id" in refused(post(event(aid="another")))
    assert "app id" in refused(post(event(aid=None)))
    assert "app id" in refused(get(e="pv", duid="d"))
    assert "write key" in refused(snowplow.adapt(signal(b"{", TP2), SETTINGS))
    assert "LEADSTREAM_WRITE_KEYS" in refused(post(event(), settings=SnowplowSettings(write_keys=frozenset(), identity_key=IDENTITY_KEY)))


def test_a_key_of_another_source_opens_no_door_here():
    scoped = SnowplowSettings(write_keys=frozenset({"site sources=segment"}), identity_key=IDENTITY_KEY)
    refused(post(event(), settings=scoped))
    only(post(event(), settings=SnowplowSettings(write_keys=frozenset({"site sources=segment+snowplow"}), identity_key=IDENTITY_KEY)))


# ---- what was done --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind"), [
    ({"e": "pv"}, "page_view"), ({"e": "pp"}, "page_ping"), ({"e": "tr", "tr_id": "o1"}, "order_completed"), ({"e": "ti"}, "order_item_sold"),
    ({"e": "se", "se_ca": "forms", "se_ac": "submit"}, "form_submitted"), ({"e": "se", "se_ca": "cta", "se_ac": "Demo Requested"}, "demo_booked"),
    ({"e": "se", "se_ca": "shop", "se_ac": "put into basket"}, "shop_put_into_basket"), ({"e": "se", "se_ca": "ebook", "se_ac": "downloaded"}, "ebook_downloaded"),
])  # fmt: skip
def test_each_type_of_event_has_its_kind(said, kind):
    assert only(post(event(**said))).kind == kind


@pytest.mark.parametrize(("name", "data", "vendor", "kind", "properties"), [
    ("demo_requested", {"form": "x"}, "com.acme", "demo_booked", {"form": "x"}),
    ("link_click", {"targetUrl": "https://x.example/"}, OWN, "link_clicked", {"targetUrl": "https://x.example/"}),
    ("link_click", {"targetUrl": "tel:+491"}, OWN, "phone_clicked", {}),
    ("link_click", {"targetUrl": "tel:+491"}, "com.acme", "link_click", {}),  # another's schema of the same name
    ("site_search", {"terms": ["a", "b"]}, OWN, "search_performed", {"terms": "a,b"}),
    ("percent_progress_event", {"percentProgress": 75}, OWN + ".media", "video_watched", {"percent": "75"}),
    ("end_event", {}, OWN + ".media", "video_watched", {"percent": "100"}),
    ("change_form", {"formId": "f"}, OWN, "form_changed", {"formId": "f"}),
])  # fmt: skip
def test_a_self_describing_event_is_known_by_its_schema(name, data, vendor, kind, properties):
    found = only(post(described(name, data, vendor)))
    assert (found.kind, found.properties.items() >= properties.items()) == (kind, True)


def test_a_submitted_form_tells_who_it_was_and_keeps_no_password():
    elements = [
        {"name": "email", "value": "Ann@Initech.com", "nodeName": "INPUT", "type": "email"}, {"name": "first_name", "value": "Ann"},
        {"name": "company_size", "value": "420"}, {"name": "secret", "value": "hush", "type": "password"}, {"name": "newsletter", "value": None}, "odd",
    ]  # fmt: skip
    found = only(post(described("submit_form", {"formId": "demo", "elements": elements}, OWN)))
    assert (found.kind, found.email_domain, found.contact) == ("form_submitted", "initech.com", {"email": "ann@initech.com", "name": "Ann"})
    assert (found.properties["form"], found.profile["size"]) == ("demo", "201-1000")
    assert "hush" not in repr(found)


@pytest.mark.parametrize("name", ["sales_verdict", "import_reached", "SalesVerdict", "bot_verdict", "erasure_requested"])
def test_what_only_signed_doors_may_say_is_refused(name):
    assert problem(post(described(name, {"verdict": "accepted"}))).reason == "reserved_kind"
    assert problem(post(event(e="se", se_ca="sales", se_ac="verdict"))).reason == "reserved_kind"


@pytest.mark.parametrize(("said", "field"), [
    ({"e": None}, "e"), ({"e": "xx"}, "e"), ({"e": ["pv"]}, "e"), ({"e": "ue"}, "ue_px"), ({"e": "ue", "ue_px": "%%%"}, "ue_px"), ({"e": "ue", "ue_px": packed([])}, "ue_px"),
    ({"e": "ue", "ue_px": base64.b64encode(b"no json").decode()}, "ue_px"), ({"e": "ue", "ue_pr": "{"}, "ue_pr"), ({"e": "ue", "ue_pr": 5}, "ue_pr"),
    ({"e": "se"}, "se_ac"), ({"cx": packed(5) + "!"}, "cx"), ({"duid": None}, "duid"), ({"duid": "x" * 200}, "duid"), ({"dtm": "1"}, "dtm"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_field(said, field):
    assert problem(post(event(**said))).field == field


def test_an_event_in_either_base64_or_plain_says_the_same():
    said = unstruct("demo_requested", {"note": "ÿþ~~?>"})
    standard = base64.b64encode(json.dumps(said, ensure_ascii=False).encode()).decode()
    found = [
        only(post(event(e="ue", **how)))
        for how in ({"ue_px": packed(said)}, {"ue_px": standard}, {"ue_px": standard.replace("+", " ")}, {"ue_pr": json.dumps(said)}, {"ue_pr": said})
    ]
    assert {(each.kind, each.properties["note"]) for each in found} == {("demo_booked", "ÿþ~~?>")}


# ---- who, and the circumstances -------------------------------------------------------------------------------------


def test_the_user_id_is_the_crm_s_or_an_address():
    assert only(post(event(uid="u-9"))).crm_id == "u-9"
    found = only(post(event(uid="Ann@Example.com", duid=None)))
    assert (found.crm_id, found.visitor_id, found.email_domain) == (None, None, "example.com")


def test_contexts_tell_of_people_and_those_about_machines_are_left_out():
    said = contexts(
        ("com.acme", "user", {"email": "ann@initech.com", "name": "Ann Lee", "industry": "retail", "plan": "pro"}),
        (OWN, "web_page", {"id": "a"}), (OWN, "client_session", {"userId": "x"}),
    )  # fmt: skip
    for how in ({"cx": packed(said)}, {"co": json.dumps(said)}):
        found = only(post(event(**how)))
        assert (found.contact, found.profile) == ({"email": "ann@initech.com", "name": "Ann Lee"}, {"industry": "retail"})
        assert found.properties["user.plan"] == "pro"
        assert not [name for name in found.properties if name.startswith(("web_page", "client_session"))]


def test_a_page_that_is_looked_at_and_a_link_that_is_clicked_came_by_no_new_road():
    url = "https://example.com/?utm_source=google&utm_medium=cpc"
    assert only(post(event(url=url))).channel == "paid_search"
    assert only(post(event(url=url, e="pp"))).channel == "none"
    assert only(post(described("link_click", {"targetUrl": "x"}, OWN, url=url))).channel == "none"


# ---- when, and again ------------------------------------------------------------------------------------------------


def test_the_device_s_clock_is_corrected_by_its_own_reading_at_sending():
    """dtm ── 60 s ── stm, both three hours ahead: it happened 60 s before we received it."""
    ahead = NOW + 3 * 3600 * 1000
    assert only(post(event(dtm=str(ahead - 60_000), stm=str(ahead)))).occurred_at == NOW - 60_000
    assert only(post(event(dtm=ahead - 60_000, stm=ahead))).occurred_at == NOW - 60_000, "numbers are read as well"
    assert only(post(event(dtm=str(NOW - 5), stm=str(NOW - 500)))).occurred_at == NOW, "one tracker cuts stm to seconds"
    assert only(post(event(dtm=str(ahead), stm=str(ahead), ttm="1714564800000"))).occurred_at == 1714564800000
    assert only(post(event(dtm="soon"))).properties["timestamp_unreadable"] == "dtm"


def test_an_event_sent_again_has_the_same_id_whatever_its_sending_time():
    first, again = only(post(event(stm="1"))), only(post(event(stm="2", eid=EID.upper())))
    assert first.event_id == again.event_id
    assert only(get(**event())).event_id == first.event_id
    assert only(post(event(eid="another"))).event_id != first.event_id


def test_without_an_id_an_event_is_told_by_its_content_and_date():
    def found(**said):
        return only(post(event(eid=None, **said))).event_id

    dated = {"dtm": str(NOW - 1000)}
    assert found(**dated, stm=str(NOW)) == found(**dated, stm=str(NOW + 5))
    assert found(**dated) != found(dtm=str(NOW - 999))
    assert len({each.event_id for each in touchpoints(post(event(eid=None), event(eid=None)))}) == 2


# ---- bodies and crawlers --------------------------------------------------------------------------------------------


def test_one_bad_event_is_refused_with_its_own_bytes_and_its_neighbours_are_kept():
    outcome = snowplow.adapt(signal(b'{"data":[' + json.dumps(event()).encode() + b', 5 ,{"aid":"site","e":"pv"}]}', TP2), SETTINGS)
    assert len(outcome.touchpoints) == 1
    assert [(each.index, each.body) for each in outcome.rejected] == [(1, b"5"), (2, b'{"aid":"site","e":"pv"}')]


def test_a_rejected_pixel_is_kept_as_a_body_that_can_be_read_again():
    rejected = problem(get(**event(duid="")))
    again = json.loads(snowplow.alone("/i", rejected.body))
    again["data"][0]["duid"] = "d-1"
    known = Signal(method="POST", path="/i", headers={}, query={}, body=json.dumps(again).encode(), received_at=NOW, proved=True)
    assert only(snowplow.adapt(known, SETTINGS)).visitor_id == "d-1"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"data":5}', b"\xff"])
def test_a_body_without_events_is_refused_whole(body):
    assert problem(snowplow.adapt(signal(body, TP2, query={"writeKey": KEY}), SETTINGS)).index == -1


def test_too_many_events_are_refused_whole():
    few = SnowplowSettings(write_keys=frozenset({KEY}), identity_key=IDENTITY_KEY, events_max=2)
    assert problem(post(event(), event(), event(), settings=few)).reason == "too_many_events"


def test_what_a_crawler_does_is_no_visitor_s():
    page = {"origin": "https://example.com", "user-agent": GOOGLEBOT}
    for outcome in (post(event(), headers=page), post(event(ua=GOOGLEBOT)), get(page, **event())):
        assert (outcome.touchpoints, outcome.rejected, [each.reason for each in outcome.ignored]) == ((), (), ["crawler"])
    assert only(post(event(ua="Mozilla/5.0 test"), headers={"user-agent": "python-requests/2.32"})).kind == "page_view"
    assert only(post(event(), headers={"user-agent": "python-requests/2.32"})).kind == "page_view"
