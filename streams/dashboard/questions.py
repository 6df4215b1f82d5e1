"""What the page asks ClickHouse: read only, bounded in rows and in time. Every number on it is one of these rows, nothing else."""

from collections.abc import Mapping
from typing import Any, Final

ROWS_MAX: Final = 500
_BOUNDS: Final = "SETTINGS readonly = 1, max_execution_time = 8, max_result_rows = 100000"

FUNNEL: Final = "SELECT stage, reached, in_stage_now, conversion_rate FROM funnel"
VELOCITY: Final = "SELECT from_stage, to_stage, leads, median_days, p90_days FROM stage_velocity"
CHANNELS: Final = """
SELECT channel, sum(leads) AS leads, sum(reached_mql) AS mql, sum(reached_sql) AS sql, sum(customers) AS customers
FROM first_touch_by_channel GROUP BY channel ORDER BY leads DESC LIMIT 100"""
ATTRIBUTION: Final = """
SELECT stage, channel, currency, sum(conversions) AS conversions, sum(revenue) AS revenue
FROM attribution WHERE attribution = %(attribution)s GROUP BY stage, channel, currency ORDER BY stage, conversions DESC, channel, currency LIMIT 500"""
ATTRIBUTION_STATED: Final = ATTRIBUTION.replace("FROM attribution ", "FROM attribution_totals_now ")
STATED: Final = "SELECT count() AS rows FROM attribution_totals_now"
LEADS: Final = """
SELECT lead_id, name, company, stage, grade, score, arraySlice(reasons, 1, 3) AS why, toUnixTimestamp64Milli(last_touch_at) AS last_touch_at
FROM leads
WHERE (%(stage)s = '' OR stage = %(stage)s)
    AND (%(search)s = '' OR positionCaseInsensitive(concat(lead_id, ' ', name, ' ', email, ' ', company), %(search)s) > 0)
ORDER BY score DESC, lead_id LIMIT %(most)s"""
LEAD: Final = """
SELECT lead_id, name, email, company, stage, toUnixTimestamp64Milli(stage_since) AS stage_since, grade, fit, score, reasons, points, attributes, verdict,
    first_channel, last_channel, touches, model
FROM leads WHERE lead_id = %(lead)s"""
# What a lead's score is the sum of: as in the view `drift`, from its own facts after it was last handed over to another.
SUMS: Final = """
SELECT sums.points AS points, sums.half_life_s AS half_life_s, toUnixTimestamp64Milli(sums.as_of) AS as_of
FROM (SELECT * FROM facts_once WHERE lead_id = %(lead)s AND fact IN ('touchpoint_counted', 'points_withdrawn', 'identity_merged')) AS own
ARRAY JOIN sums
WHERE (own.offset + 1, own.`index`) > (SELECT max((offset + 1, `index`)) FROM facts_once WHERE lead_id = %(lead)s AND fact = 'lead_forwarded' AND handed_over)
ORDER BY as_of LIMIT 50000"""
STORY: Final = """
SELECT toUnixTimestamp64Milli(ifNull(occurred_at, recorded_at)) AS at, fact, kind, channel, campaign, from_stage, to_stage, reason, rule, verdict, other_lead,
    sums.rule AS rules, sums.points AS points
FROM facts_once
WHERE lead_id = %(lead)s OR lead_id IN (SELECT lead_id FROM lead_ids WHERE survivor = %(lead)s)
ORDER BY at DESC, offset DESC, `index` DESC LIMIT %(most)s"""
LEDGER: Final = "SELECT touchpoints, counted, duplicates, dead_lettered, waiting, unexplained, counted_twice FROM ledger"
DRIFT: Final = "SELECT leads, drift_max, leads_adrift FROM drift_max"
DEAD_LETTERS: Final = """
SELECT hop, source, reason, count() AS letters, toUnixTimestamp64Milli(max(received_at)) AS newest
FROM dead_letters_once GROUP BY hop, source, reason ORDER BY letters DESC LIMIT 100"""
ATTRIBUTIONS: Final = ("first", "last", "last_non_direct", "linear", "u_shaped", "w_shaped", "time_decay", "markov", "shapley")


def bounded(sql: str) -> str:
    """*sql* with the bounds that hold for every question of the page."""
    return f"{sql}\n{_BOUNDS}"


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON has it: nothing in it but texts, numbers, lists and maps."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
