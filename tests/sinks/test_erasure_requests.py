"""Who wants to be forgotten, and that the page's statements leave nothing of that person behind."""

import re
from pathlib import Path

from schemas.kinds import ERASURE_REQUESTED
from tests.processors.building import DAY_MS, T0, touch
from tests.sinks.records import lived

PAGE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8")
ANN, BOB = "a" * 32, "b" * 32
FORM = touch("lead_form_submitted", event="form", visitor_id="form.7", email_hash=ANN, contact={"email": "ann@acme.example"})


def told(*more):
    """Ann fills in a form and looks around, Bob does too; then the form's id alone is told to be erased."""
    return lived([
        FORM, touch("page_view", event="1", visitor_id="phone"), touch("identified", event="2", visitor_id="phone", email_hash=ANN),
        touch("page_view", event="3", visitor_id="tablet", email_hash=BOB, contact={"email": "bob@acme.example"}),
        touch("contact_created", event="4", crm_id="7", email_hash=ANN), *more,
    ])  # fmt: skip


def test_a_request_that_knows_only_the_form_is_of_the_lead_that_filled_it_in(clickhouse):
    request = touch(ERASURE_REQUESTED, event="asked", at=T0 + DAY_MS, visitor_id="form.7", channel="none")
    told(request, request).deliver(clickhouse)
    (row,) = clickhouse.query("SELECT * FROM erasure_requests")
    assert row["lead_id"] == f"e:{ANN}"
    assert row["names"] == [f"e:{ANN}", "v:form.7", "c:7", "v:phone"]
    assert (row["source"], row["requested_at"].timestamp() * 1000, row["event_id"]) == ("test", T0 + DAY_MS, request.event_id)


def test_a_request_of_somebody_who_was_never_here_is_listed_under_its_own_name(clickhouse):
    told(touch(ERASURE_REQUESTED, crm_id="nobody")).deliver(clickhouse)
    (row,) = clickhouse.query("SELECT lead_id, names FROM erasure_requests")
    assert row == {"lead_id": "c:nobody", "names": ["c:nobody"]}


def test_what_the_page_says_erases_a_person_and_nobody_else(clickhouse):
    told(touch(ERASURE_REQUESTED, event="asked", visitor_id="form.7")).letter("hers", body=b'{"email": "Ann@Acme.example"}').letter("his", body=b"bob").deliver(clickhouse)
    statements = re.findall(r"^    (ALTER TABLE \w+ DELETE .*)$", PAGE, re.MULTILINE)
    assert [each.split()[2] for each in statements] == ["touchpoints", "profiles", "dead_letters"]
    clickhouse.command("SYSTEM START MERGES")  # which rewrite the parts, and are held in these tests
    try:
        for each in statements:
            clickhouse.command(each.replace("'v:phone'", "'v:phone', 'v:form.7'").replace("4f2a", ANN) + " SETTINGS mutations_sync = 1")
    finally:
        clickhouse.command("SYSTEM STOP MERGES")
    assert clickhouse.query("SELECT DISTINCT identifier FROM touchpoints") == [{"identifier": "v:tablet"}]
    assert clickhouse.query("SELECT DISTINCT lead_id FROM profiles ORDER BY lead_id") == [{"lead_id": f"e:{BOB}"}, {"lead_id": "v:tablet"}]
    assert clickhouse.query("SELECT body FROM dead_letters") == [{"body": "bob"}]
    assert clickhouse.query("SELECT * FROM erasure_requests") == []
