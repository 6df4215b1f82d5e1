"""What watches an installation asks for what there is: every query runs, every metric is one of ours."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.monitoring import dashboards
from sinks.clickhouse import connect
from sinks.migrate import migrate
from streams import metrics

FOLDER = Path(dashboards.__file__).parent
ROOT = FOLDER.parents[1]
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for _, panels in dashboards.DASHBOARDS.values() for panel in panels]
KNOWN = {name for family in metrics.REGISTRY.collect() for name in (family.name, f"{family.name}_total", f"{family.name}_bucket")} | {"up"}


def asked(promql: str) -> set[str]:
    return set(re.findall(r"\b(?:leadstream|process)_\w+", promql))


@pytest.fixture(scope="module")
def clickhouse(local_stack):
    host, port = local_stack.clickhouse_address
    with connect(host=host, port=port, database="monitoring") as client:
        migrate(client)
        yield client


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.sql], ids=lambda panel: panel.title)
def test_a_panel_s_query_runs(clickhouse, panel):
    clickhouse.query(panel.sql)


@pytest.mark.parametrize("promql", [*(panel.promql for panel in PANELS if panel.promql), *(rule["expr"] for rule in RULES)])
def test_every_metric_that_is_asked_for_is_one_of_ours(promql):
    assert asked(promql) or "up{" in promql
    assert asked(promql) <= KNOWN


def test_every_alert_says_what_it_means():
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in {"page", "ticket"} for rule in RULES)
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("name", list(dashboards.written()))
def test_the_files_are_what_the_module_makes(name):
    assert (dashboards.FOLDER / name).read_text("utf-8") == dashboards.written()[name]


def test_compose_mounts_what_there_is():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name in ("prometheus", "grafana"):
        for volume in services[name]["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists(), volume
