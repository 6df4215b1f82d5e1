"""A security scanner's clicks are known by what every email service's adapter says of a click, whatever the service."""

import json
from urllib.parse import urlencode

import pytest

from processors import scanners
from processors.sources.signal import Adapted, Signal
from schemas.ids import event_key
from streams.collecting.doors import doors
from streams.settings import Settings

NOW = 1_795_298_200_000
AT, ISO, ANN = NOW // 1000, "2026-11-21T21:56:40.000Z", "ann@initech.com"
DOORS = {door.source: door for door in doors(Settings.local())}


def link(n):
    return f"https://x.example/{n}"


def mandrill(event, **more):
    return urlencode({"mandrill_events": json.dumps([{"event": event, "_id": "m", "ts": AT, "msg": {"_id": "m", "email": ANN}, **more}])})


def mailgun(event, **more):
    data = {"event": event, "id": f"{event}{more}", "timestamp": AT, "recipient": ANN, "message": {"headers": {"message-id": "m@x"}}, **more}
    return json.dumps({"signature": {"timestamp": str(AT), "token": "t" * 50, "signature": "0" * 64}, "event-data": data})


def sparkpost(event, **more):
    return json.dumps([{"msys": {"track_event": {"type": event, "event_id": f"{event}{more}", "message_id": "m", "rcpt_to": ANN, "timestamp": str(AT), **more}}}])


def resend(event, **more):
    return json.dumps({"type": event, "created_at": ISO, "data": {"email_id": "m", "to": [ANN], "created_at": ISO, **more}})


CLICKS = {
    "sendgrid": lambda n: json.dumps([{"event": "click", "email": ANN, "timestamp": AT, "sg_event_id": f"c{n}", "sg_message_id": "m.f1", "url": link(n)}]),
    "brevo": lambda n: json.dumps({"event": "click", "email": ANN, "message-id": "m", "ts_epoch": NOW, "link": link(n)}),
    "mailjet": lambda n: json.dumps({"event": "click", "email": ANN, "MessageID": 1, "time": AT, "url": link(n)}),
    "sparkpost": lambda n: sparkpost("click", target_link_url=link(n)),
    "mandrill": lambda n: mandrill("click", url=link(n)),
    "mailgun": lambda n: mailgun("clicked", url=link(n)),
    "postmark": lambda n: json.dumps({"RecordType": "Click", "MessageID": "m", "Recipient": ANN, "ReceivedAt": ISO, "OriginalLink": link(n)}),
    "resend": lambda n: resend("email.clicked", click={"link": link(n), "timestamp": ISO}),
}
DELIVERED = {
    "sendgrid": json.dumps([{"event": "delivered", "email": ANN, "timestamp": AT, "sg_event_id": "d", "sg_message_id": "m.f1"}]),
    "brevo": json.dumps({"event": "delivered", "email": ANN, "message-id": "m", "ts_epoch": NOW}),
    "mailjet": json.dumps({"event": "sent", "email": ANN, "MessageID": 1, "time": AT}),
    "sparkpost": sparkpost("delivery"),
    "mandrill": mandrill("delivered"),
    "mailgun": mailgun("delivered"),
    "postmark": json.dumps({"RecordType": "Delivery", "MessageID": "m", "Recipient": ANN, "DeliveredAt": ISO}),
    "resend": resend("email.delivered"),
}


def adapted(source, body):
    door = DOORS[source]
    headers = {"content-type": "application/json"} if source == "mailgun" else {}
    signal = Signal(method="POST", path=door.paths[0], headers=headers, query={}, body=body.encode(), received_at=NOW + 1000, proved=True)
    outcome = door.adapt(signal)
    assert isinstance(outcome, Adapted)
    (touchpoint,) = outcome.touchpoints
    return touchpoint


@pytest.mark.parametrize("source", CLICKS)
def test_five_links_at_once_are_a_machine_s_and_the_same_link_five_times_is_not(source):
    five = [adapted(source, CLICKS[source](n)) for n in range(5)]
    assert {each.kind for each in five} == {"email_clicked"}
    mails = []
    *earlier, last = [scanners.look(mails, each) for each in five]
    assert [found.by_machine for found in earlier] == [False] * 4
    assert last.by_machine
    assert {each.key for each in last.earlier} == {event_key(each.event_id) for each in five[:4]}
    assert len(mails) == 1


@pytest.mark.parametrize("source", CLICKS)
def test_a_delivery_told_after_the_click_of_its_second_tells_that_it_was_a_machine_s(source):
    delivered, clicked = adapted(source, DELIVERED[source]), adapted(source, CLICKS[source](0))
    assert delivered.kind == "email_delivered"
    mails = []
    first, second = scanners.look(mails, clicked), scanners.look(mails, delivered)
    assert not first.by_machine
    assert [each.key for each in second.earlier] == [event_key(clicked.event_id)]
