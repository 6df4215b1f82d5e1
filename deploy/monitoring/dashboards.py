"""Grafana's dashboards, made of a few lines each: `python -m deploy.monitoring.dashboards` writes the files beside it.

What a panel asks is held against what there is, by tests: every query runs on ClickHouse, every metric is one of ours.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "grafana" / "dashboards"
CLICKHOUSE: Final = {"type": "grafana-clickhouse-datasource", "uid": "clickhouse"}
PROMETHEUS: Final = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT = 12, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel: SQL, or PromQL with a legend; `kind` is Grafana's name of how it is drawn."""

    title: str
    sql: str = ""
    promql: str = ""
    legend: str = ""
    kind: str = "timeseries"
    unit: str = "short"
    about: str = ""


FUNNEL: Final = (
    Panel(title="Funnel", kind="table", sql="SELECT stage, reached, in_stage_now, round(100 * conversion_rate, 1) AS percent FROM funnel"),
    Panel(title="What each channel earned (linear)", kind="table", sql="SELECT stage, channel, round(sum(conversions), 1) AS conversions, round(sum(revenue), 2) AS revenue FROM attribution WHERE attribution = 'linear' GROUP BY stage, channel ORDER BY stage, conversions DESC"),
    Panel(title="Transitions by day", sql="SELECT toStartOfDay(occurred_at) AS time, to_stage AS stage, count() AS transitions FROM transitions_by_lead WHERE occurred_at > now() - INTERVAL 90 DAY GROUP BY time, stage ORDER BY time"),
    Panel(title="How long leads stay", kind="table", sql="SELECT stage, left_to, stays, round(median_days, 1) AS median_days, round(p90_days, 1) AS p90_days FROM time_in_stage_medians"),
    Panel(title="Whom to call", kind="table", sql="SELECT lead_id, company, stage, round(score) AS points, grade, arrayStringConcat(arraySlice(reasons, 1, 3), ', ') AS why FROM leads WHERE stage IN ('mql', 'sql') ORDER BY score DESC LIMIT 50"),
    Panel(title="Which road brought leads in", kind="table", sql="SELECT channel, sum(leads) AS leads, sum(reached_mql) AS mql, sum(reached_sql) AS sql, sum(customers) AS customers FROM first_touch_by_channel GROUP BY channel ORDER BY leads DESC"),
)
HOPS: Final = (
    Panel(title="Requests by status", promql="sum by (status) (rate(leadstream_collector_requests_total[1m]))", legend="{{status}}", unit="reqps"),
    Panel(title="Refused, by reason", promql="sum by (reason) (rate(leadstream_collector_refused_total[5m]))", legend="{{reason}}", unit="reqps"),
    Panel(title="Events by source", promql='sum by (source) (rate(leadstream_collector_events_total{outcome="accepted"}[1m]))', legend="{{source}}", unit="cps"),
    Panel(title="Request seconds, 99 of 100", promql="histogram_quantile(0.99, sum by (le, door) (rate(leadstream_collector_request_seconds_bucket[5m])))", legend="{{door}}", unit="s"),
    Panel(title="Events by write key", promql="sum by (key) (rate(leadstream_collector_key_events_total[5m]))", legend="{{key}}", unit="cps"),
    Panel(title="Lag", promql="sum by (hop) (leadstream_hop_lag_records)", legend="{{hop}}"),
    Panel(title="Records by what became of them", promql="sum by (hop, outcome) (rate(leadstream_hop_records_total[1m]))", legend="{{hop}} {{outcome}}", unit="cps"),
    Panel(title="Commit seconds, 99 of 100", promql="histogram_quantile(0.99, sum by (le, hop) (rate(leadstream_hop_commit_seconds_bucket[5m])))", legend="{{hop}}", unit="s"),
    Panel(title="Memory", promql="process_resident_memory_bytes", legend="{{instance}}", unit="bytes"),
    Panel(title="CPU", promql="rate(process_cpu_seconds_total[1m])", legend="{{instance}}", unit="percentunit"),
)
STORE: Final = (
    Panel(title="Rows written", promql="sum by (table) (rate(leadstream_sink_rows_total[1m]))", legend="{{table}}", unit="cps"),
    Panel(title="Insert seconds, 99 of 100", promql="histogram_quantile(0.99, sum by (le, table) (rate(leadstream_sink_insert_seconds_bucket[5m])))", legend="{{table}}", unit="s"),
    Panel(title="The ledger: unexplained and counted twice must be 0", kind="table", sql="SELECT * FROM ledger"),
    Panel(title="Scores folded anew against the stream's", kind="table", sql="SELECT * FROM drift_max"),
    Panel(title="Dead letters", kind="table", sql="SELECT hop, source, reason, count() AS letters, max(received_at) AS newest FROM dead_letters_once GROUP BY hop, source, reason ORDER BY letters DESC LIMIT 50"),
    Panel(title="Tables", kind="table", sql="SELECT table, sum(rows) AS rows, formatReadableSize(sum(bytes_on_disk)) AS on_disk, count() AS parts FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY rows DESC"),
)
DASHBOARDS: Final = {"funnel": ("Leadstream: funnel", FUNNEL), "hops": ("Leadstream: hops", HOPS), "store": ("Leadstream: ClickHouse", STORE)}


def dashboard(uid: str, title: str, panels: Sequence[Panel]) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    return {
        "uid": f"leadstream-{uid}", "title": title, "tags": ["leadstream"], "timezone": "utc", "schemaVersion": 39, "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"}, "panels": list(_panels(panels)),
    }  # fmt: skip


def _panels(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    for n, panel in enumerate(panels):
        source = CLICKHOUSE if panel.sql else PROMETHEUS
        shape = {"format": 1 if panel.kind == "table" else 0, "queryType": panel.kind, "rawSql": panel.sql} if panel.sql else {"expr": panel.promql, "legendFormat": panel.legend}
        yield {
            "id": n + 1, "title": panel.title, "type": panel.kind, "datasource": source,
            "gridPos": {"x": n % 2 * WIDTH, "y": n // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
            "targets": [{"refId": "A", "datasource": source, **shape}],
        }  # fmt: skip


def written() -> dict[str, str]:
    """What the files hold, by name."""
    return {f"{uid}.json": json.dumps(dashboard(uid, title, panels), indent=1) + "\n" for uid, (title, panels) in DASHBOARDS.items()}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
