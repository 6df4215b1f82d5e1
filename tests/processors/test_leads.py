"""A partition's leads: who is due, in which order, after a restore and after changes."""

import random

import pytest

from processors.leads import Leads
from processors.model.file import load, shipped
from schemas.facts import Verdict
from schemas.lead import Lead
from schemas.state import HELD, NEVER, Mailbox, UnreadableState, encode_mailbox

MODEL = load(shipped("b2b"))


def stored(due_at):
    return encode_mailbox(Mailbox(lead=Lead(), due_at=due_at))


def rejected_until(instant):
    return Mailbox(lead=Lead(verdict=Verdict("rejected", 0, instant)))


def due_in_turn(leads, until):
    told = []
    for lead_id in leads.due(until):
        box = leads.get(lead_id)
        told.append((box.due_at, lead_id))
        box.lead.verdict = None  # what was due has happened
        leads.changed(lead_id, box, MODEL, exact=True)
    return told


def test_restored_leads_are_due_in_the_order_of_their_instants_whatever_the_order_in_the_changelog():
    instants = list(range(100, 200))
    random.Random(3).shuffle(instants)
    leads = Leads()
    for instant in instants:
        leads.restore(f"v:{instant}", stored(instant))
    assert leads.due_at() == 100
    assert due_in_turn(leads, 150) == [(instant, f"v:{instant}") for instant in range(100, 151)]
    assert leads.due_at() == 151


def test_a_lead_that_changes_before_anyone_asked_who_is_due_is_due_when_it_says():
    leads = Leads()
    leads.restore("v:anna", stored(500))
    leads.restore("v:ben", stored(300))
    anna = leads.get("v:anna")
    anna.lead.verdict = rejected_until(100).lead.verdict
    leads.changed("v:anna", anna, MODEL, exact=True)
    assert leads.due_at() == 100
    assert due_in_turn(leads, 200) == [(100, "v:anna")]
    assert leads.due_at() == 300


def test_restored_leads_that_wait_are_held_and_those_with_nothing_ahead_are_neither():
    leads = Leads()
    for lead_id, due in (("v:held", HELD), ("v:never", NEVER), ("v:also", HELD)):
        leads.restore(lead_id, stored(due))
    assert leads.held() == ["v:also", "v:held"]
    assert leads.due_at() == NEVER
    assert leads.all() == ["v:also", "v:held", "v:never"]


def test_a_state_of_a_later_release_is_refused_when_it_is_restored():
    with pytest.raises(UnreadableState, match="version 9"):
        Leads().restore("v:anna", b"\x09" + stored(NEVER)[1:])


def test_decoded_leads_beyond_the_bound_are_let_go_the_longest_held_first_and_read_again():
    leads = Leads(hot_max=2)
    for n in range(4):
        leads.changed(f"v:{n}", leads.get(f"v:{n}"), MODEL)
    first, kept = leads.get("v:0"), leads.get("v:3")
    assert [key for key, _ in leads.changes()] == [b"v:0", b"v:1", b"v:2", b"v:3"]
    leads.trim()
    assert leads.get("v:3") is kept
    assert leads.get("v:0") is not first
    assert leads.get("v:0").lead == first.lead
