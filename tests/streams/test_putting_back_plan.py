"""What becomes of a dead letter that is put back in: decided purely, by letter, settings and release."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import inbox
from schemas.avro import decode_touchpoint, encode_dead_letter, encode_fact, encode_touchpoint
from schemas.dead_letter import DeadLetter
from schemas.facts import Touch, TouchpointCounted
from schemas.ids import derive
from schemas.inbox import IdentifierLinked, ImportReached, LeadUnlinked, ModelPublished, Origin, Tick, TouchpointArrived
from schemas.touchpoint import IMPORT_REACHED, Touchpoint
from streams import topics
from streams.collecting.doors import doors
from streams.putting_back.account import account
from streams.putting_back.plan import Record, Send, Stay, addressed, plan
from streams.settings import Settings
from streams.topics import Names, log_number
from tests.processors.building import T0, touch
from tests.schemas.struct_values import values
from tests.streams.collecting import KEY, NOW, served

NAMES = Names(prefix="eu.")
CLOSED = Settings(identity_key=b"leadstream-local-identity-key")
"""No door is open: what is put back was let in when it came."""


def planned(letter, settings=CLOSED):
    return plan(letter, names=NAMES, doors={door.source: door for door in doors(settings)})


def letter(hop, topic, body, *, key=b"v:ann", partition=3, offset=7, **other):
    return DeadLetter(
        letter_id=derive(hop, topic), received_at=T0, hop=hop, source=NAMES.topic(topic), reason="undecodable", detail="", body=body,
        topic=NAMES.topic(topic), partition=partition, offset=offset, key=key, **other,
    )  # fmt: skip


def asked(source, path, body, *, index=0, **headers):
    return DeadLetter(
        letter_id=derive(source, path), received_at=NOW, hop="collect", source=source, reason="unknown_kind", detail="", body=body,
        headers={"path": path, "index": str(index), "field": "kind"} | headers,
    )  # fmt: skip


def stays(what):
    assert isinstance(what, Stay)
    return what.why.reason


def touchpoints(what):
    assert isinstance(what, Send)
    return [decode_touchpoint(value) for _, _, _, value in what.records]


PATHS = {door.source: door.paths[0] for door in doors(CLOSED)}


@given(
    any_letter=values(DeadLetter), hop=st.sampled_from(["collect", "identify", "score", "deliver", "other"]),
    topic=st.sampled_from([*map(NAMES.topic, topics.BY_NAME), None]), source=st.sampled_from([*PATHS, "other"]),
    index=st.sampled_from(["-1", "0", "12", "x"]), body=st.sampled_from([b"{}", b"[]", b"[{}]", b'{"events": [{}]}', b"", b"\xc3\x01", None]),
)  # fmt: skip
def test_whatever_a_letter_says_there_is_a_plan_for_it(*, any_letter, hop, topic, source, index, body):
    headers = {"path": PATHS.get(source, "/"), "index": index}
    body = any_letter.body if body is None else body
    one = msgspec.structs.replace(any_letter, hop=hop, topic=topic, source=source, headers=headers, body=body)
    assert isinstance(planned(one), Send | Record | Stay)


# --- collect ---

EVENTS = [
    {"id": "1", "kind": "page_view", "at": NOW - 5_000, "visitor_id": "ann", "properties": {"path": "/pricing"}},
    {"id": "2", "kind": "email_opened", "at": NOW - 4_000, "email": "ann@example.com"},
    {"id": "3", "kind": "deal_won", "at": NOW - 3_000, "crm_id": "77"},
]
CALLS = [
    {"type": "track", "event": "Demo Booked", "anonymousId": "ann"},
    {"type": "track", "event": "Demo Booked", "anonymousId": "ann"},
    {"type": "page", "messageId": "m", "userId": "77", "timestamp": "2026-11-21T10:00:00Z", "properties": {"path": "/pricing"}},
]
SENT = [
    {"email": "ann@example.com", "event": "open", "sg_event_id": "s1", "timestamp": NOW // 1000 - 60},
    {"email": "bob@example.com", "event": "click", "sg_event_id": "s2", "timestamp": NOW // 1000 - 30, "url": "https://example.com/"},
]
FORM = {"google_key": "an-old-key", "lead_id": "L1", "campaign_id": 5, "user_column_data": [{"column_id": "EMAIL", "string_value": "ann@example.com"}]}


async def test_an_event_out_of_a_batch_becomes_the_very_record_that_the_collector_would_have_written():
    async with served(import_key="an-import-key") as collector:
        answer = await collector.post("/v1/batch", json.dumps({"writeKey": KEY, "batch": CALLS}))
        assert answer.status == 200
        written = list(collector.box.records)
    assert len({decode_touchpoint(value).event_id for *_, value in written}) == 3, "those without an id of their own are told by their place"
    for index, (call, record) in enumerate(zip(CALLS, written, strict=True)):
        what = planned(asked("segment", "/v1/batch", json.dumps(call).encode(), index=index))
        assert isinstance(what, Send)
        (again,) = what.records
        assert again == (NAMES.prefix + record[0], *record[1:])


@pytest.mark.parametrize(("source", "path", "events", "whole"), [
    ("events", "/v1/events", EVENTS, {"events": EVENTS}),
    ("sendgrid", "/webhooks/sendgrid", SENT, SENT),
    ("segment", "/v1/b", CALLS, {"batch": CALLS}),
], ids=lambda each: each if isinstance(each, str) else "")  # fmt: skip
def test_events_put_back_alone_are_those_of_the_whole_body_and_need_no_proof(source, path, events, whole):
    together = touchpoints(planned(asked(source, path, json.dumps(whole).encode(), index=-1)))
    alone = [touchpoints(planned(asked(source, path, json.dumps(each).encode(), index=n))) for n, each in enumerate(events)]
    assert [[each] for each in together] == alone
    assert all(each.received_at == NOW for each in together)


def test_a_lead_form_is_put_back_although_its_key_has_been_changed_since():
    what = planned(asked("google_ads", "/webhooks/google-ads", json.dumps(FORM).encode()))
    (record,) = what.records
    assert record[0] == "eu.touchpoints.ads"
    assert touchpoints(what)[0].contact == {"email": "ann@example.com"}


def test_a_single_call_is_put_back_as_it_came_and_a_single_event_with_its_byte_order_mark():
    (call,) = touchpoints(planned(asked("segment", "/v1/track", json.dumps({"event": "Demo Booked", "userId": "7"}).encode())))
    assert call.kind == "demo_booked"
    (event,) = touchpoints(planned(asked("events", "/v1/events", b"\xef\xbb\xbf" + json.dumps(EVENTS[0]).encode())))
    assert event.kind == "page_view"


def test_each_kind_goes_to_the_topic_and_partition_that_the_collector_writes_it_to():
    what = planned(asked("events", "/v1/events", json.dumps({"events": EVENTS}).encode(), index=-1))
    assert [topic for topic, *_ in what.records] == ["eu.touchpoints.web", "eu.touchpoints.email", "eu.touchpoints.crm"]
    assert all(partition == topics.partition_of(key, 8) for _, partition, key, _ in what.records)


def test_an_event_of_an_import_is_put_back_into_it():
    old = EVENTS[0] | {"at": "2017-05-01T12:00:00Z"}
    (touchpoint,) = touchpoints(planned(asked("events", "/v1/events", json.dumps(old).encode(), **{"x-leadstream-import": "crm-2017"})))
    assert touchpoint.import_id == "crm-2017"
    assert touchpoint.received_at == touchpoint.occurred_at < NOW


def test_what_its_adapter_still_cannot_use_stays_with_the_reason_of_today():
    assert stays(planned(asked("events", "/v1/events", b'{"kind": "demo_boked", "id": 1, "visitor_id": "a"}'))) == "unknown_kind"
    assert stays(planned(asked("events", "/v1/events", b"{", index=-1))) == "no_json"
    assert stays(planned(asked("google_ads", "/webhooks/google-ads", json.dumps(FORM | {"is_test": True}).encode()))) == "test"


def test_of_a_whole_body_the_good_events_go_back_and_the_bad_ones_are_told():
    body = json.dumps({"events": [EVENTS[0], {"kind": "nonsense"}, {"kind": "nonsense"}, EVENTS[2]]}).encode()
    one = asked("events", "/v1/events", body, index=-1)
    what = planned(one)
    assert [each.kind for each in touchpoints(what)] == ["page_view", "deal_won"]
    told = account([(one, what)], names=NAMES, refused={})
    assert dict(told.back) == {("collect", "unknown_kind", "touchpoints.web"): 1, ("collect", "unknown_kind", "touchpoints.crm"): 1}
    assert dict(told.stays) == {("collect", "unknown_kind", "unknown_kind"): 2}


@pytest.mark.parametrize("one", [
    asked("fax", "/v1/fax", b"{}"), asked("events", "/v2/events", b"{}"),
    msgspec.structs.replace(asked("events", "/v1/events", b"{}"), headers={"path": "/v1/events"}),
    msgspec.structs.replace(asked("events", "/v1/events", b"{}"), hop="review"),
], ids=["source", "path", "no index", "hop"])  # fmt: skip
def test_a_letter_that_no_door_or_hop_here_wrote_stays(one):
    assert stays(planned(one)) == "foreign"


# --- identify ---


def test_a_touchpoint_goes_back_byte_for_byte_to_the_partition_it_came_from():
    body = encode_touchpoint(touch(contact={"email": "ann@example.com"}))
    assert planned(letter("identify", topics.WEB, body)) == Send(records=(("eu.touchpoints.web", 3, b"v:ann", body),))


def test_a_mark_of_an_import_goes_back_too():
    mark = Touchpoint(event_id=derive("m"), source="import", kind=IMPORT_REACHED, channel="none", occurred_at=T0, received_at=T0, import_id="i")
    assert isinstance(planned(letter("identify", topics.CRM, encode_touchpoint(mark), key=None)), Send)


def test_what_identify_still_cannot_read_or_name_stays():
    assert stays(planned(letter("identify", topics.WEB, b"\xff"))) == "undecodable"
    assert stays(planned(letter("identify", topics.WEB, encode_touchpoint(touch(visitor_id=None))))) == "no_identity"


@pytest.mark.parametrize("other", [
    {"topic": "touchpoints.web"}, {"topic": "us.touchpoints.web"}, {"topic": "eu.leads.inbox"}, {"topic": None}, {"partition": 8}, {"offset": None},
], ids=str)  # fmt: skip
def test_a_letter_about_what_this_installation_has_not_stays(other):
    one = letter("identify", topics.WEB, encode_touchpoint(touch()))
    assert stays(planned(msgspec.structs.replace(one, **other))) == "foreign"


# --- score ---


def mail(record, *, key=b"v:ann"):
    return letter("score", topics.INBOX, inbox.encode(record), key=key)


def arrived(touchpoint, *, log=None):
    return TouchpointArrived(Origin(log_number(topics.ADS, 2) if log is None else log, 5, 0), touchpoint)


def test_a_touchpoint_of_the_inbox_goes_back_to_the_topic_that_its_origin_names():
    touchpoint = touch()
    partition = topics.partition_of(b"v:ann", 8)
    assert planned(mail(arrived(touchpoint))) == Send(records=(("eu.touchpoints.ads", partition, b"v:ann", encode_touchpoint(touchpoint)),))


def test_forwarded_mail_goes_back_to_the_lead_it_was_forwarded_to_not_to_those_who_have_passed_it_on():
    address = "a" * 32
    touchpoint = touch("email_opened", visitor_id="ann", crm_id="77", email_hash=address)
    what = planned(mail(arrived(touchpoint, log=log_number(topics.INBOX, 1)), key=f"e:{address}".encode()))
    assert [(topic, key) for topic, _, key, _ in what.records] == [("eu.touchpoints.email", f"e:{address}".encode())]
    (again,) = touchpoints(what)
    assert again.identifiers() == (f"e:{address}",)
    assert again.event_id == touchpoint.event_id


def test_a_touchpoint_is_addressed_by_the_lead_it_was_for_and_by_no_weaker_name():
    both = touch(visitor_id="ann", crm_id="77")
    assert addressed(both, "v:ann") is both
    assert addressed(both, "c:77").identifiers() == ("c:77",)
    assert addressed(touch(visitor_id="ann"), "e:x").identifiers() == ("e:x",), "a visitor known before to be an address"
    assert addressed(touch(visitor_id="ann", crm_id="77", email_hash="x"), "c:77").identifiers() == ("c:77", "e:x")


@pytest.mark.parametrize("lead_id", ["v:bob", "c:78", "e:y"])
def test_a_touchpoint_that_says_it_is_somebody_else_is_left_alone(lead_id):
    assert addressed(touch(visitor_id="ann", crm_id="77", email_hash="x"), lead_id) is None
    assert stays(planned(mail(arrived(touch(visitor_id="ann", crm_id="77", email_hash="x")), key=lead_id.encode()))) == "other_lead"


@pytest.mark.parametrize(("record", "why"), [
    (IdentifierLinked(Origin(1, 1, 0), "e:x", T0, derive("e")), "mail_between_leads"),
    (LeadUnlinked(Origin(1, 1, 0), T0, derive("e")), "mail_between_leads"),
    (Tick(T0), "control_record"),
    (ModelPublished("m", 1, "text", T0), "control_record"),
    (ImportReached(Origin(1, 1, 0), "i", T0, round=0, ended=True), "control_record"),
])  # fmt: skip
def test_other_mail_and_control_records_are_never_put_back_and_the_reason_is_a_sentence(record, why):
    what = planned(mail(record))
    assert stays(what) == why
    assert " " in what.why.detail


def test_what_score_still_cannot_read_stays():
    assert stays(planned(letter("score", topics.INBOX, b"\x09"))) == "undecodable"
    assert stays(planned(mail(arrived(touch()), key=None))) == "no_lead"


# --- deliver ---


def test_a_row_is_made_anew_under_the_position_at_which_it_was_refused():
    what = planned(letter("deliver", topics.WEB, encode_touchpoint(touch())))
    assert isinstance(what, Record)
    row = dict(zip(what.table.columns, what.row, strict=True))
    assert (what.table.name, row["topic"], row["partition"], row["offset"]) == ("touchpoints", "eu.touchpoints.web", 3, 7)


def test_rows_of_facts_and_of_dead_letters_are_made_anew_too():
    fact = TouchpointCounted(fact_id="f", lead_id="v:ann", event_id="e", recorded_at=T0, model="m@1", kind="page_view", touch=Touch("email", None, T0))
    assert planned(letter("deliver", topics.EVENTS, encode_fact(fact, partition=0, offset=1, index=0))).table.name == "facts"
    inner = encode_dead_letter(letter("identify", topics.WEB, b"x"))
    assert planned(letter("deliver", topics.DEAD_LETTERS, inner, partition=0)).table.name == "dead_letters"


def test_what_no_row_can_be_made_of_stays():
    assert stays(planned(letter("deliver", topics.PROFILES, b"", key=b"\xff"))) == "undecodable"
    assert stays(planned(letter("deliver", topics.STATE, b"\x01"))) == "foreign"
