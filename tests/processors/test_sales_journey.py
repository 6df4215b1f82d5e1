"""A person's way from a webinar to a purchase as booking, form and billing tools tell it, each event sent again and again."""

from collections import Counter

import pytest

from processors.imports import Logs
from processors.model.file import load, shipped
from processors.partition import Effects, Partition
from schemas.facts import StageChanged, TouchpointCounted
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.state import PARTITION_KEY, decode_mailbox
from tests.processors import test_source_calendly as calendly
from tests.processors import test_source_stripe as stripe
from tests.processors import test_source_typeform as typeform
from tests.processors import test_source_zoom as zoom
from tests.processors.signals import NOW, only

MINUTE = 60_000


class Installation:
    """One shard with the shipped model; what the doors let in, in the order it comes."""

    def __init__(self):
        self.partition = Partition(0, logs=Logs(touchpoints=frozenset({0}), inbox=(900,)), read_model=load)
        self.facts, self.queue, self.offset, self.sent = [], [], 0, 0
        self._take(None, ModelPublished("b2b", 1, shipped("b2b"), NOW - 60 * MINUTE))

    def receive(self, outcome):
        touchpoint = only(outcome)
        self._take(touchpoint.identifiers()[0], TouchpointArrived(Origin(0, self.sent, 0), touchpoint))
        self.sent += 1

    def _take(self, lead_id, record):
        self.queue.append((lead_id, record))
        while self.queue:
            out = Effects()
            for _ in self.partition.apply(*self.queue.pop(0), self.offset, out) or ():
                pass
            self.offset += 1
            self.facts += [fact for fact, _, _ in out.facts]
            self.queue += [*out.mail, *out.control]

    def stages(self):
        return [fact.to_stage for fact in self.facts if isinstance(fact, StageChanged)]

    def counted(self):
        return Counter(fact.kind for fact in self.facts if isinstance(fact, TouchpointCounted))

    def live_leads(self):
        """Leads that were not absorbed by another."""
        records, _ = self.partition.changes(self.offset)
        boxes = {key.decode(): decode_mailbox(value) for key, value in records if key != PARTITION_KEY}
        return [lead_id for lead_id, box in boxes.items() if box.lead.forwarded_to is None]


def form():
    return typeform.adapt(typeform.event(("Email", "email", "ann@initech.com"), ("Budget", "choice", {"label": "20000"}), ("When?", "choice", {"label": "in 2 months"})))


JOURNEY = (
    lambda: zoom.adapt(zoom.registration() | {"event_ts": NOW - 30 * MINUTE}),
    lambda: zoom.adapt(zoom.join(email="")),  # known by the registration alone
    lambda: form(),
    lambda: calendly.adapt(calendly.event()),
    lambda: stripe.adapt(stripe.checkout(invoice="in_1")),
)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_each_event_counts_once_however_often_its_sender_repeats_it(times):
    here = Installation()
    for event in JOURNEY:
        for _ in range(times):
            here.receive(event())
    assert here.counted() == {"webinar_registered": 1, "webinar_attended": 1, "form_submitted": 1, "demo_booked": 1, "deal_won": 1}
    assert here.stages() == ["mql", "sql", "customer"]
    assert len(here.live_leads()) == 1


def test_a_sale_told_by_the_checkout_and_both_events_of_its_invoice_is_one_conversion():
    here = Installation()
    sale = {"customer_details": {"email": "ann@initech.com"}, "amount_total": 9900}
    for each in (stripe.invoice(), stripe.checkout(invoice="in_1", **sale), stripe.invoice("invoice.payment_succeeded")):
        here.receive(stripe.adapt(each))
    assert (here.counted(), here.stages()) == ({"deal_won": 1}, ["customer"])


def test_a_renewal_and_an_end_without_an_address_come_to_the_same_lead():
    here = Installation()
    for each in (stripe.checkout(), stripe.invoice(id="in_2", billing_reason="subscription_cycle", customer_email=None), stripe.subscription("deleted", status="canceled")):
        here.receive(stripe.adapt(each))
    assert here.counted() == {"deal_won": 1, "invoice_paid": 1, "subscription_canceled": 1}
    assert (here.stages(), len(here.live_leads())) == (["customer"], 1)


def test_a_moved_demo_is_no_second_one_and_who_missed_it_is_the_same_lead():
    here = Installation()
    here.receive(calendly.adapt(calendly.event()))
    here.receive(calendly.adapt(calendly.event(uri=calendly.URI.replace("IN1", "IN2"), old_invitee=calendly.URI)))
    missed = {"event": "invitee_no_show.created", "created_at": "2026-11-21T21:56:00Z", "payload": {"invitee": calendly.URI.replace("IN1", "IN2")}}
    here.receive(calendly.adapt(missed))
    assert here.counted() == {"demo_booked": 1, "demo_rescheduled": 1, "demo_missed": 1}
    assert (here.stages(), len(here.live_leads())) == (["sql"], 1)
