"""Long-running commands on the local servers: a worker tells the truth about itself, `run` carries a request to the end."""

import json
import signal
import socket
import urllib.request
from dataclasses import replace

import pytest

from streams.probe import ask
from streams.provision import ensure_topics
from streams.topics import TOPOLOGY
from tests.streams.installed import address_in, call, ends_by, installed, until


@pytest.fixture
def here(local_stack, request):
    with installed(local_stack, f"svc{request.node.name[-12:]}.".replace("[", "").replace("]", "")) as made:
        yield made


def test_a_worker_without_topics_says_which_are_missing_and_ends_with_78(here):
    process = here.start("work", "--hops", "identify")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 78
    (sentence,) = [line for line in out.splitlines() if " ERROR " in line]
    assert f"has no topic {here.settings.prefix}dead-letters, {here.settings.prefix}leads.inbox, " in sentence
    assert "Traceback" not in out


def test_a_worker_without_a_model_starts_and_says_what_it_waits_for(here, capsys, monkeypatch):
    ensure_topics(here.settings.kafka, here.settings.names)
    process = here.start("work", "--hops", "score")
    address = address_in(process, "/metrics at ")
    missing = "score: no scoring model has been published, touchpoints wait: leadstream model publish b2b"
    until(lambda: ask(f"{address}/ready").problems == (missing,), "/ready to name what is missing")
    assert ask(f"{address}/live").problems == ()
    assert call(capsys, monkeypatch, here.settings)("model", "publish", "b2b").out == "b2b@1 is in force from here on\n"
    until(lambda: ask(f"{address}/ready").problems == (), "/ready after a model was published")
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as metrics:
        assert b'leadstream_hop_partitions{hop="score"} 8.0' in metrics.read()
    code, out = ends_by(process)
    assert code == 0
    assert out.count("no scoring model has been published") <= 1


def track(collector: str, body: dict) -> int:
    request = urllib.request.Request(
        f"{collector}/v1/track", data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Basic bG9jYWwtd3JpdGUta2V5Og=="},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status


def test_run_carries_a_request_to_a_lead_and_into_clickhouse_and_ends_in_order(here, capsys, monkeypatch):
    process = here.start("run", "--workers", "2")
    leadstream = call(capsys, monkeypatch, here.settings)
    until(lambda: json.loads(leadstream("topics", "--json").out)["created"] == [], "the topics")
    assert leadstream("model", "publish", "b2b").code == 0
    collector = address_in(process, "ready: send to ")
    assert track(collector, {"anonymousId": "ann", "event": "Demo Booked", "messageId": "1", "properties": {"path": "/demo"}}) == 200
    until(lambda: "Last facts, from ClickHouse" in leadstream("lead", "v:ann").out, "the lead's facts in ClickHouse")
    said = json.loads(leadstream("lead", "v:ann", "--json").out)
    assert (said["stage"], said["touches"], said["history_from"]) == ("sql", 1, "ClickHouse")
    assert [each["rule"] for each in said["transitions"]] == ["demo_booked"]
    code, out = ends_by(process)
    assert code == 0
    assert "ERROR" not in out
    assert not ask(f"{collector}/live").answered


def test_run_stops_when_a_child_is_misconfigured_and_says_why(here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = here.start("run", collector_port=taken.getsockname()[1])
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 78
    assert out.splitlines()[-1].startswith("leadstream: collector cannot run: port ")


def test_a_sink_makes_its_database_and_waits_for_nothing_else(here):
    ensure_topics(here.settings.kafka, here.settings.names)
    process = here.start("sink")
    address = address_in(process, "/metrics at ")
    until(lambda: ask(f"{address}/ready").problems == (), "the sink to be ready")
    assert ends_by(process, signal.SIGINT)[0] == 0


def test_a_sink_whose_clickhouse_is_away_lives_and_says_so(here):
    ensure_topics(here.settings.kafka, here.settings.names)
    process = here.start("sink", clickhouse_port=1)
    address = address_in(process, "/metrics at ")
    until(lambda: any("ClickHouse at 127.0.0.1:1" in each for each in ask(f"{address}/ready").problems), "/ready to name ClickHouse")
    assert ask(f"{address}/live").problems == ()
    assert ends_by(process)[0] == 0


def test_topics_of_another_shape_are_refused(here, capsys, monkeypatch):
    from kafka.admin import KafkaAdminClient, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=here.settings.kafka)
    admin.create_topics([NewTopic(here.settings.names.topic(TOPOLOGY[0].name), num_partitions=3, replication_factor=1)])
    admin.close()
    said = call(capsys, monkeypatch, replace(here.settings))("topics")
    assert said.code == 78
    assert "has 3 partitions, the topology says 8" in said.err
