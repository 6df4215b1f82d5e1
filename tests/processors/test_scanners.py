"""Clicks by security scanners: found out in whatever order they arrive, worth nothing, and never taken for a person's.

    delivery            1 min
    |--|----------------|------------------------->
    a click here is     three links in 10 s here,   five links in 10 s anywhere
    a machine's         too                         are, too
"""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import scanners
from processors.engagement import total_at
from processors.imports import Logs
from processors.lead import replay
from processors.model.scoring_model import Cap, FitModel, Rule, ScoringModel, Stage, Threshold
from processors.partition import Effects, Partition
from processors.scanners import CLICKS_MAX, MAILS_MAX
from schemas.facts import PointsWithdrawn, StageChanged, TouchpointCounted
from schemas.ids import event_key
from schemas.inbox import ModelPublished, Origin, TouchpointArrived
from schemas.state import decode_mailbox, encode_mailbox
from tests.processors.building import DAY_MS, DAY_S, T0, touch

LOGS = Logs(touchpoints=frozenset({1}), inbox=(900,))
LEAD = "e:ann"
MODEL = ScoringModel(
    name="mail", version=1, fit=FitModel(criteria=()),
    rules=(
        Rule(name="clicked", kinds=("email_clicked",), points=4, half_life_s=21 * DAY_S),
        Rule(name="capped", kinds=("email_clicked",), points=2, half_life_s=0, cap=Cap(points=4, window_ms=DAY_MS)),
        Rule(name="first", kinds=("email_clicked",), points=10, once=True),
        Rule(name="ebook", kinds=("ebook_downloaded",), points=20, half_life_s=30 * DAY_S),
    ),
    stages=(Stage(name="visitor"), Stage(name="mql", conversions=frozenset({"ebook"}), thresholds=(Threshold(score=40),)), Stage(name="customer")),
)  # fmt: skip
UNCAPPED = ScoringModel(name="mail", version=2, fit=MODEL.fit, rules=MODEL.rules[:1], stages=MODEL.stages[:1] + MODEL.stages[2:])


@dataclass
class Inbox:
    """One partition that reads touchpoints one by one; it may be stopped at any, and go on from its changelog."""

    model: ScoringModel = MODEL
    facts: list = field(default_factory=list)
    log: int = 0

    def __post_init__(self):
        self.partition = self.new()
        self.stored = {}
        self.read(None, ModelPublished("mail", self.model.version, "text", T0 - DAY_MS))

    def new(self):
        return Partition(0, logs=LOGS, read_model=lambda _: self.model)

    def read(self, lead_id, record):
        out = Effects()
        for _ in self.partition.apply(lead_id, record, self.log, out) or ():
            pass
        self.log += 1
        told = [fact for fact, *_ in out.facts]
        self.facts += told
        return told

    def arrives(self, *touchpoints):
        for each in touchpoints:
            told = self.read(LEAD, TouchpointArrived(Origin(1, self.log, 0), each))
        return told

    def restart(self):
        """From what the changelog holds, as after a crash."""
        self.stored |= dict(self.partition.changes(self.log)[0])
        self.partition = self.new()
        for key, value in self.stored.items():
            self.partition.restore(key, value)

    @property
    def box(self):
        self.stored |= dict(self.partition.changes(self.log)[0])
        return decode_mailbox(self.stored[LEAD.encode()])

    def marked(self):
        """The event keys that were found to be a machine's; each once."""
        keys = [key for fact in self.facts if isinstance(fact, PointsWithdrawn) for key, _ in fact.event_ids]
        assert len(set(keys)) == len(keys), "nothing is taken back twice"
        return set(keys)


def click(link, s, message="m", **more):
    properties = {"message_id": message, "url": f"https://x.example/{link}"} | more.pop("properties", {})
    return touch("email_clicked", at=T0 + round(s * 1000), event=f"{message}-{link}-{s}", email_hash="ann", channel="email", properties=properties, **more)


def delivery(s=0, message="m"):
    return touch("email_delivered", at=T0 + round(s * 1000), event=f"{message}-delivered-{s}", email_hash="ann", channel="email", properties={"message_id": message})


def keys(*touchpoints):
    return {event_key(each.event_id) for each in touchpoints}


# ---- what is a machine's --------------------------------------------------------------------------------------------


def test_three_links_within_seconds_of_delivery_are_a_scanner_s_and_all_their_points_go():
    inbox, clicks = Inbox(), [click("a", 20), click("b", 22), click("c", 25)]
    inbox.arrives(delivery(), *clicks[:2])
    assert total_at(inbox.box.lead, T0 + 22_000) == pytest.approx(4 + 4 + 2 + 2 + 10, abs=1e-3)
    counted, withdrawn = inbox.arrives(clicks[2])
    assert (type(counted), counted.sums, counted.touch.channel) == (TouchpointCounted, (), "none")
    assert (withdrawn.reason, {key for key, _ in withdrawn.event_ids}) == ("security_scanner", keys(*clicks))
    assert sorted((each.rule, each.points) for each in withdrawn.sums) == [("capped", -2), ("capped", -2), ("clicked", -4), ("clicked", -4), ("first", -10)]
    lead = inbox.box.lead
    assert (lead.engagement, lead.caps, lead.once, lead.touches) == ({}, {}, [], 4)


def test_a_person_s_click_after_a_scan_earns_all_that_the_scanner_had_used_up():
    inbox = Inbox()
    inbox.arrives(delivery(), *(click(link, 5) for link in "abcdef"))
    (counted,) = inbox.arrives(click("a", 3600))
    assert {each.rule: each.points for each in counted.sums} == {"clicked": 4, "capped": 2, "first": 10}


@pytest.mark.parametrize(("touchpoints", "machines"), [
    ([delivery(0), click("a", 0)], 1), ([delivery(0), click("a", -30)], 1), ([delivery(0), click("a", 1)], 1), ([delivery(0), click("a", 1.001)], 0),
    ([delivery(0), click("a", -3600.001)], 0), ([click("a", 0)], 0), ([click("a", 0), click("b", 2)], 0), ([click("a", 0), click("b", 2), click("c", 4), click("d", 6)], 0),
    ([click(link, 0) for link in "abcde"], 5), ([click(link, n * 3) for n, link in enumerate("abcde")], 0),
    ([delivery(0), *(click(link, 50) for link in "abc")], 3), ([delivery(0), *(click(link, 61) for link in "abc")], 0), ([delivery(0), *(click(link, 61) for link in "abcde")], 5),
    ([delivery(0), *(click("a", 20 + n / 10) for n in range(6))], 0), ([delivery(0), *(click(link, 20, message=link) for link in "abc")], 0),
    ([delivery(0), click("a", 10), click("b", 20), click("c", 30)], 0), ([delivery(0), *(click(link, 20 + n * 5) for n, link in enumerate("abc"))], 3),
])  # fmt: skip
def test_what_is_taken_for_a_machine(touchpoints, machines):
    inbox = Inbox()
    inbox.arrives(*touchpoints)
    assert len(inbox.marked()) == machines


def test_a_delivery_told_late_takes_back_what_was_clicked_before_it():
    inbox, early = Inbox(), click("a", -2)
    inbox.arrives(early)
    assert inbox.box.lead.engagement
    *_, withdrawn = inbox.arrives(delivery())
    assert {key for key, _ in withdrawn.event_ids} == keys(early) == inbox.marked()
    assert (inbox.box.lead.engagement, inbox.box.lead.once) == ({}, [])


def test_a_scan_lifts_no_one_and_converts_nothing_once_it_is_known():
    inbox = Inbox()
    inbox.arrives(delivery(), *(click(link, 0) for link in "abcdefgh"))
    assert not [fact for fact in inbox.facts if isinstance(fact, StageChanged)]
    assert inbox.box.lead.last_touch is None


def test_sendgrid_s_names_and_segment_s_are_understood_and_a_click_without_a_message_is_a_person_s():
    def named(link, **properties):
        return touch("email_clicked", at=T0, event=f"{properties}-{link}", email_hash="ann", properties=properties)

    sendgrid, segment, nameless = Inbox(), Inbox(), Inbox()
    sendgrid.arrives(*(named(link, sg_message_id=f"abc.filter{link}.1", url=link) for link in "abcde"))
    segment.arrives(*(named(link, email_id="abc", link_url=link) for link in "abcde"))
    nameless.arrives(*(named(link, url=link) for link in "abcde"))
    assert [len(each.marked()) for each in (sendgrid, segment, nameless)] == [5, 5, 0]


# ---- laws -----------------------------------------------------------------------------------------------------------

clicks = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-20, 90), st.sampled_from(["m", "n"])), max_size=12, unique=True)


@given(said=clicks, delivered=st.sampled_from([(), ("m",), ("m", "n")]), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=150)
def test_the_order_of_arrival_changes_neither_what_is_marked_nor_what_is_left_of_the_points(said, delivered, seed):
    touchpoints = [click(link, s, message) for link, s, message in said] + [delivery(0, message) for message in delivered]
    shuffled = random.Random(seed).sample(touchpoints, len(touchpoints))
    one, other = Inbox(UNCAPPED), Inbox(UNCAPPED)
    one.arrives(*touchpoints) if touchpoints else None
    other.arrives(*shuffled) if touchpoints else None
    assert one.marked() == other.marked()
    people = [each for each in touchpoints if each.kind == "email_clicked" and event_key(each.event_id) not in one.marked()]
    alone = Inbox(UNCAPPED)
    if touchpoints:
        alone.arrives(*people) if people else None
        expected = total_at(alone.box.lead, T0 + DAY_MS) if people else 0.0
        assert [total_at(each.box.lead, T0 + DAY_MS) for each in (one, other)] == pytest.approx([expected, expected], abs=1e-9)


@given(said=clicks, cuts=st.sets(st.integers(0, 13)), again=st.integers(0, 13))
@settings(deadline=None, max_examples=100)
def test_the_state_is_the_fold_of_the_facts_and_a_restart_or_a_resend_changes_nothing(said, cuts, again):
    touchpoints = [delivery(), *(click(link, s, message) for link, s, message in said)]
    straight, broken = Inbox(), Inbox()
    straight.arrives(*touchpoints)
    for n, each in enumerate(touchpoints):
        if n in cuts:
            broken.restart()
        broken.arrives(each)
    assert broken.facts == straight.facts
    assert broken.box == straight.box
    assert replay(straight.facts) == straight.box.lead
    before = straight.box.lead
    told = straight.arrives(touchpoints[again % len(touchpoints)])
    assert [type(fact).__name__ for fact in told] == ["TouchpointDuplicated"]
    assert straight.box.lead == before


@given(gaps=st.lists(st.integers(11, 5_000), max_size=20), first=st.integers(2, 4_000))
@settings(deadline=None, max_examples=60)
def test_who_reads_before_clicking_on_is_never_a_machine(gaps, first):
    inbox, at = Inbox(), first
    inbox.arrives(delivery())
    for n, gap in enumerate(gaps):
        inbox.arrives(click(str(n), at))
        at += gap
    assert inbox.marked() == set()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200), st.integers(0, 12)), max_size=120))
@settings(deadline=None, max_examples=40)
def test_what_is_remembered_is_bounded(said):
    mails = []
    for n, (link, s, message) in enumerate(said):
        scanners.look(mails, click(link, s, str(message), properties={"n": str(n)}) if n % 3 else delivery(s, str(message)))
        assert len(mails) <= MAILS_MAX
        assert all(len(mail.clicks) <= CLICKS_MAX for mail in mails)


def test_a_scan_of_more_links_than_are_remembered_is_marked_whole():
    inbox, links = Inbox(), [click(str(n), 5 + n / 100) for n in range(3 * CLICKS_MAX)]
    inbox.arrives(delivery(), *links)
    assert inbox.marked() == keys(*links)
    assert inbox.box.lead.engagement == {}
    assert len(encode_mailbox(inbox.box)) < 8_000


def test_what_a_verdict_has_taken_back_is_not_taken_back_again_when_a_scan_comes_out():
    inbox = Inbox(model=UNCAPPED)
    inbox.arrives(click("a", 1), touch("bot_verdict", at=T0 + 2_000, email_hash="ann", event="verdict"))
    assert total_at(inbox.box.lead, inbox.box.lead.now) == 0
    inbox.arrives(click("later", 90_000, message="another"))
    before = total_at(inbox.box.lead, inbox.box.lead.now)
    told = inbox.arrives(delivery(1))
    taken = [fact for fact in told if isinstance(fact, PointsWithdrawn)]
    assert [(len(fact.event_ids), fact.sums) for fact in taken] == [(1, ())]  # the click is marked, and has nothing left to give back
    assert total_at(inbox.box.lead, inbox.box.lead.now) == pytest.approx(before)
    assert before > 0
    assert inbox.box.lead == replay(inbox.facts)
