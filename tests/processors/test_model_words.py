"""A scoring model in words, and what a change of it changes."""

import pytest

from processors.model.differences import differences
from processors.model.file import load, shipped
from processors.model.words import describe

MODEL = """\
model: small
version: 3
rules:
  - {name: page, kind: page_view, where: {path: [/a*, /b], percent: {at_least: 25, below: 75}}, points: 5, half_life: 14d, cap: 20 per day}
  - {name: book, kind: [ebook_downloaded, white_paper_downloaded], points: 20, half_life: 36h, once: true}
  - {name: won, kind: deal_won, points: 0, half_life: never}
  - {name: lost, kind: deal_lost, points: -50, half_life: 1d}
  - {name: rival, kind: any, where: {email_domain: {not: [mine.example]}}, points: 0, half_life: never}
fit:
  criteria:
    - {name: decides, where: {role: [vp, c_level], budget: {exists: true}}, points: 60}
    - {name: here, where: {country: DE}, points: -20}
  grades: {A: 60, B: 45, C: 20}
stages:
  - name: visitor
  - name: mql
    enter_on: [book, page]
    enter_at: [{score: 40, grade: A}, {score: 50, grade: B}, {score: 60}]
    cool: {below: 5, to: visitor, after: 90d}
  - name: customer
    enter_on: won
disqualify_on: [rival]
recycle_on: {lost: visitor}
verdicts:
  rejected: {to: visitor, holds: 1d}
  disqualified: {to: disqualified, holds: for good}
"""


def test_a_model_is_described_in_plain_lines():
    assert describe(load(MODEL)) == [
        "Scoring model small, version 3",
        "",
        "Stages: visitor, mql, customer",
        "A lead becomes mql",
        "  by page or book",
        "  by a score of 40 with grade A",
        "  by a score of 50 with grade B or better",
        "  by a score of 60, whatever the grade",
        "  and cools down to visitor when its score falls below 5, after 90 days in the stage at the earliest",
        "A lead becomes a customer",
        "  by won",
        "A lead is disqualified by rival",
        "A lead is sent back to visitor by lost",
        "Where sales says rejected, the lead moves to visitor, which holds for 1 day",
        "Where sales says disqualified, the lead moves to disqualified, which holds for good",
        "",
        "Points",
        "  page      +5  page_view where path is like /a* or /b and percent is at least 25 and percent is below 75; halves every 14 days; at most 20 per day",
        "  book     +20  ebook_downloaded or white_paper_downloaded; halves every 36 hours; once per lead",
        "  won        0  deal_won; never fades",
        "  lost     -50  deal_lost; halves every 1 day",
        "  rival      0  anything where email_domain is not mine.example; never fades",
        "",
        "Fit: grade A from 60, B from 45, C from 20, D below",
        "  decides    +60  role is vp or c_level and budget is given",
        "  here       -20  country is DE",
    ]


def test_a_long_list_is_cut():
    many = "[" + ", ".join(f"d{i}.example" for i in range(20)) + "]"
    lines = describe(load(MODEL.replace("{not: [mine.example]}", many)))
    assert any("d7.example or 12 more" in line for line in lines)
    assert not any("d8.example" in line for line in lines)


@pytest.mark.parametrize(("old", "new", "told"), [
    ("points: 5,", "points: 7,", ["rule page: +7 points; before: +5"]),
    ("half_life: 14d", "half_life: never", ["rule page: half-life never; before: 14 days"]),
    ("cap: 20 per day", "cap: 30 per week", ["rule page: cap 30 per week; before: 20 per day"]),
    (", cap: 20 per day", "", ["rule page: cap none; before: 20 per day"]),
    (", once: true", "", ["rule book: counts every time; before: once per lead"]),
    ("[ebook_downloaded, white_paper_downloaded]", "ebook_downloaded", ["rule book: for ebook_downloaded; before: ebook_downloaded or white_paper_downloaded"]),
    (", where: {email_domain: {not: [mine.example]}}", "", ["rule rival: where nothing is asked; before: email_domain is not mine.example"]),
    ("name: book", "name: guide", ["rule guide is new: +20 for ebook_downloaded or white_paper_downloaded; halves every 36 hours; once per lead",
                                   "rule book is gone: +20 for ebook_downloaded or white_paper_downloaded; halves every 36 hours; once per lead",
                                   "stage mql: now entered by guide", "stage mql: no longer entered by book"]),
    ("points: 60", "points: 70", ["criterion decides: +70 points; before: +60"]),
    ("country: DE", "country: [DE, AT]", ["criterion here: where country is DE or AT; before: country is DE"]),
    ("A: 60", "A: 55", ["grades: A from 55, B from 45, C from 20; before: A from 60, B from 45, C from 20"]),
    ("{score: 60}", "{score: 70}", ["stage mql: now entered by a score of 70, whatever the grade", "stage mql: no longer entered by a score of 60, whatever the grade"]),
    ("    cool: {below: 5, to: visitor, after: 90d}\n", "", ["stage mql: cools down no more"]),
    ("below: 5,", "below: 6,", ["stage mql: cools down to visitor when its score falls below 6, after 90 days in the stage at the earliest"]),
    ("  - name: customer", "  - {name: sql, enter_at: {score: 90}}\n  - name: customer", ["stage sql is new: by a score of 90, whatever the grade"]),
    ("disqualify_on: [rival]", "", ["disqualify_on: rival is gone"]),
    ("{lost: visitor}", "{lost: visitor, gone: visitor}", ["recycle_on gone is new: sends a lead back to visitor"]),
    ("holds: 1d", "holds: 2d", ["verdict rejected: the lead moves to visitor, which holds for 2 days; before: the lead moves to visitor, which holds for 1 day"]),
    ("rules:", "kinds: [my_kind]\nrules:", ["kinds: my_kind is new"]),
])  # fmt: skip
def test_a_change_is_told_in_sentences(old, new, told):
    base = MODEL.replace("  - {name: lost", "  - {name: gone, kind: custom_gone, points: -1, half_life: never}\n  - {name: lost")
    changed = base.replace(old, new)
    if "name: guide" in new:
        changed = changed.replace("enter_on: [book,", "enter_on: [guide,")
    assert changed != base
    assert differences(load(base), load(changed.replace("version: 3", "version: 4"))) == told


def test_a_change_needs_a_new_version():
    changed = MODEL.replace("points: 5,", "points: 7,")
    assert differences(load(MODEL), load(changed))[-1] == "the version must be more than 3: every fact names the version that decided it"
    assert differences(load(MODEL), load(MODEL)) == []


def test_stages_in_another_order_are_told():
    two = MODEL.replace("  - name: customer", "  - {name: sql, enter_at: {score: 90}}\n  - name: customer")
    other = two.replace("name: mql", "name: x").replace("name: sql", "name: mql").replace("name: x", "name: sql").replace("version: 3", "version: 4")
    assert "the stages come in another order: visitor, sql, mql, customer" in differences(load(two), load(other))


def test_a_model_of_another_name_is_told_first():
    assert differences(load(shipped("b2b")), load(shipped("b2c")))[0] == "the model is named b2c, not b2b"
