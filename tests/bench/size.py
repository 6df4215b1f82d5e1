"""Every view at size: leads and facts generated inside ClickHouse, then each view asked as the page and the analyst ask it.

    python -m tests.bench.size [--leads 1000000] [--facts 50000000] [--json]

Leads have on average as many touchpoints as facts allow; one in five became MQL, one in twelve SQL, one in thirty a customer.
Each view is asked three times; the median counts. A view must show what was generated, or its time is none.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start
from sinks.clickhouse import ClickHouse, connect
from sinks.migrate import migrate
from tests.bench.finding import Finding, table

AT_ONCE = 2_000_000
TARGET_S = 1.0
_KINDS = "['page_view', 'page_view', 'page_view', 'email_opened', 'email_clicked', 'ebook_downloaded', 'search_performed']"
_CHANNELS = "['direct', 'organic_search', 'paid_search', 'email', 'social', 'none']"
_LEAD = "concat('v:', toString(number % {leads}))"
_ID = "lower(hex(sipHash128(number)))"
_AT = "toDateTime64('2024-06-01', 3, 'UTC') + toIntervalSecond(intDiv(number, {leads}) * 86400 * 700 / ({facts} / {leads}) + number % 86400)"

_FACTS = f"""
INSERT INTO facts (fact_id, lead_id, fact, event_id, recorded_at, model, partition, offset, `index`, kind, channel, campaign, occurred_at,
    sums.rule, sums.points, sums.as_of, sums.half_life_s, sums.count, sums.window, sums.once)
SELECT lower(hex(sipHash128(number, 'fact'))), {_LEAD}, 'touchpoint_counted', {_ID}, {_AT} AS at, 'b2b@1', number % 8, number, 0,
    {_KINDS}[number % 7 + 1] AS kind, {_CHANNELS}[sipHash64(number) % 6 + 1], ['', 'spring', 'autumn'][number % 3 + 1], at, [kind], [toFloat64(number % 5)], [at], [604800], [1], [-1], [false]
FROM numbers({{start}}, {{count}})
"""
_TOUCHPOINTS = f"""
INSERT INTO touchpoints (event_id, source, kind, channel, occurred_at, received_at, visitor_id, email_domain, campaign, properties, identifier, topic, partition, offset)
SELECT {_ID}, 'segment', {_KINDS}[number % 7 + 1], {_CHANNELS}[sipHash64(number) % 6 + 1], {_AT} AS at, at, substring({_LEAD}, 3), '',
    ['', 'spring', 'autumn'][number % 3 + 1], map('path', concat('/page/', toString(number % 200))), {_LEAD}, 'touchpoints.web', number % 8, number
FROM numbers({{start}}, {{count}})
"""
_TRANSITIONS = """
INSERT INTO transitions (transition_id, lead_id, from_stage, to_stage, reason, rule, effective_at, occurred_at, recorded_at, score, grade, channel, campaign, first_channel, event_id, model, partition, offset, `index`)
SELECT lower(hex(sipHash128(number, to))), concat('v:', toString(number)), from, to, 'score', '', at, at, at, 50, 'B', ['direct', 'email', 'social'][number % 3 + 1], 'spring',
    'email', lower(hex(sipHash128(number))), 'b2b@1', number % 8, {facts} + number * 4 + step, 0
FROM
(
    SELECT number, arrayJoin(arrayFilter(each -> number % each.4 = 0, [('visitor', 'mql', 0, 5), ('mql', 'sql', 1, 10), ('sql', 'customer', 2, 30)])) AS move,
        move.1 AS from, move.2 AS to, move.3 AS step, toDateTime64('2025-01-01', 3, 'UTC') + toIntervalDay(number % 300 + step * 20) AS at
    FROM numbers({leads})
)
"""
_PROFILES = """
INSERT INTO profiles (lead_id, stage, stage_since, score, as_of, reasons.rule, reasons.points, reasons.as_of, reasons.half_life_s, reasons.count, reasons.window, reasons.once,
    fit, grade, attributes, first_channel, first_campaign, first_touch_at, last_channel, last_touch_at, touches, model, partition, offset, profiles_offset, version)
SELECT concat('v:', toString(number)), multiIf(number % 30 = 0, 'customer', number % 10 = 0, 'sql', number % 5 = 0, 'mql', 'visitor'), toDateTime64('2025-06-01', 3, 'UTC'), 40,
    now64(3), ['page_view', 'email_clicked'], [20., 20.], [now64(3), now64(3)], [604800, 1209600], [10, 3], [-1, -1], [false, false], 40, 'B', map('size', '51-200'),
    ['direct', 'email', 'social'][number % 3 + 1], 'spring', toDateTime64('2024-06-01', 3, 'UTC'), 'email', now64(3), 50, 'b2b@1', number % 8, {facts} + number, number, 2 * number
FROM numbers({leads})
"""
QUESTIONS = {
    "funnel": "SELECT * FROM funnel",
    "leads: the hottest 50": "SELECT lead_id, stage, score, reasons FROM leads WHERE stage IN ('mql', 'sql') ORDER BY score DESC LIMIT 50",
    "leads: one": "SELECT * FROM leads WHERE lead_id = 'v:4711'",
    "one lead's facts": "SELECT * FROM facts_once WHERE lead_id = 'v:4711' ORDER BY occurred_at",
    "time_in_stage_medians": "SELECT * FROM time_in_stage_medians",
    "stage_velocity": "SELECT * FROM stage_velocity",
    "first_touch_by_channel": "SELECT * FROM first_touch_by_channel",
    "transitions_by_channel": "SELECT * FROM transitions_by_channel",
    "attribution (linear)": "SELECT stage, channel, sum(conversions) AS conversions FROM attribution WHERE attribution = 'linear' GROUP BY stage, channel",
    "ledger": "SELECT * FROM ledger",
    "drift_max": "SELECT * FROM drift_max",
}


def measure(asked: argparse.Namespace) -> list[Finding]:
    """Generate, then ask every question."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stack = Stack(data=Path(folder) / "servers", ports=Ports.any_free())
        try:
            host, port = start(stack, "clickhouse").clickhouse_address
            with connect(host=host, port=port, database="size") as client:
                migrate(client)
                generate(client, leads=asked.leads, facts=asked.facts)
                return [_asked(client, name, sql, asked) for name, sql in QUESTIONS.items()]
        finally:
            down(stack)


def generate(client: ClickHouse, *, leads: int, facts: int) -> None:
    sizes = {"leads": leads, "facts": facts}
    client.command(_PROFILES.format(**sizes))
    client.command(_TRANSITIONS.format(**sizes))
    for first in range(0, facts, AT_ONCE):
        for sql in (_FACTS, _TOUCHPOINTS):
            client.command(sql.format(start=first, count=min(AT_ONCE, facts - first), **sizes))
        print(f"{first:,} of {facts:,} facts", file=sys.stderr)


def _asked(client: ClickHouse, name: str, sql: str, asked: argparse.Namespace) -> Finding:
    took, rows, wrong = list[float](), [], None
    for _ in range(3):
        began = time.monotonic()
        try:
            rows = client.query(sql)
        except Exception as error:  # noqa: BLE001 - a view that fails at size is what is looked for
            wrong = f"{type(error).__name__}: {error}"
            took.append(time.monotonic() - began)
            break
        took.append(time.monotonic() - began)
        if took[-1] > 20:
            break
    if wrong is None and not rows:
        wrong = "shows nothing"
    if wrong is None and name == "funnel" and rows[0]["reached"] != asked.leads:
        wrong = f"{rows[0]['reached']} of {asked.leads} leads"
    seconds = statistics.median(took)
    print(f"{name}: {seconds:.2f} s {wrong or ''}", file=sys.stderr)
    return Finding(
        bench="size",
        what=f"{name}, {asked.leads:,} leads, {asked.facts:,} facts and as many touchpoints",
        target=f"≤ {TARGET_S:g} s",
        measured=f"{seconds:.2f} s",
        values={"seconds": round(seconds, 3), "rows": len(rows)},
        wrong=wrong,
    )


def main(said: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--facts", type=int, default=50_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON list as the last line")
    asked = parser.parse_args(said)
    findings = measure(asked)
    print(table(findings))
    if asked.json:
        print(json.dumps([finding.json() for finding in findings]))
    return 0 if all(finding.wrong is None for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
