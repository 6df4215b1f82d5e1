"""A hop that is stuck: named at /live and in the log, with every thread's stack; ended by SIGTERM; started again."""

import os
import signal
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from streams import topics
from streams.probe import ask
from streams.provision import ensure_topics
from streams.settings import environ_of
from streams.supervise import Supervisor, roles
from tests.processors.building import touch
from tests.streams.installed import address_in, counted, installed, until

HOLDING = Path(__file__).with_name("holding")
KEY = b"v:stuck"
PARTITION = topics.partition_of(KEY, 8)


@pytest.fixture
def here(local_stack, request, monkeypatch):
    with installed(local_stack, f"stuck{abs(hash(request.node.name)) % 10**6}.", stuck_after_s=2.0) as made:
        ensure_topics(made.settings.kafka, made.settings.names)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HOLDING), os.environ.get("PYTHONPATH", "")]))
        yield made


@pytest.mark.parametrize("how", ["spin", "sleep"])
def test_a_worker_whose_loop_is_held_names_the_partition_shows_every_stack_and_ends_by_sigterm(here, tmp_path, how):
    held = tmp_path / "held"
    held.touch()
    worker = here.start("work", "--hops", "identify")
    address = address_in(worker, "/metrics at ")
    until(lambda: ask(f"{address}/ready").problems == (), "the worker to be ready")
    here.send([], (KEY, f"!{how} {held}".encode()))
    until(lambda: ask(f"{address}/live").problems != (), "/live to say no")
    (problem,) = ask(f"{address}/live").problems
    assert problem.startswith(f"hop identify: {here.settings.prefix}touchpoints.web[{PARTITION}] has not moved for ")
    assert problem.endswith(" s, handling 1 records up to offset 0")
    assert ask(f"{address}/ready").answered
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as metrics:
        assert b'leadstream_hop_partitions{hop="identify"} 32.0' in metrics.read()
    worker.send_signal(signal.SIGTERM)
    out, _ = worker.communicate(timeout=60)
    assert worker.returncode == 1, out
    assert out.count("CRITICAL") == 1
    named, _, stacks = out.partition(". What every thread does:\n")
    assert f"CRITICAL stuck: hop identify: {here.settings.prefix}touchpoints.web[{PARTITION}] has not moved for " in named
    at_once, _, at_the_end = stacks.partition("Timeout (0:00:10)!")
    assert "sitecustomize.py" in at_once
    assert " in hold" in at_once
    assert " in hold" in at_the_end
    assert "!" + how not in out


def test_a_worker_whose_loop_is_held_is_started_again_by_its_supervisor_and_nothing_is_lost(here, tmp_path):
    held = tmp_path / "held"
    held.touch()
    (_, role, _) = roles(here.settings)
    lines = []
    role = replace(role, command=("work", "--hops", "identify"), environ=environ_of(replace(here.settings, ops_port=int(role.address.rpartition(":")[2]))))
    with Supervisor([role], tell=lambda _, line: lines.append(line)) as supervisor:
        until(lambda: supervisor.unready() == [], "the worker to be ready")
        here.send([touch("page_view", event=str(n), visitor_id="stuck") for n in range(5)], (KEY, f"!spin {held}".encode()))
        here.send([touch("page_view", event=str(n), visitor_id="stuck") for n in range(5, 10)])
        until(lambda: supervisor.restarts() == {"worker-1": 1}, "the stuck worker to be started again")
        held.unlink()
        until(lambda: supervisor.unready() == [], "the worker to be ready again")
        until(lambda: counted(here.settings, topics.INBOX) >= 10, "all touchpoints in the inbox")
        until(lambda: counted(here.settings, topics.DEAD_LETTERS) >= 1, "what held the loop among the dead letters")
    assert sum("CRITICAL stuck: hop identify: " in line for line in lines) == 1


def test_a_child_that_says_it_is_stuck_and_does_not_end_is_killed(here):
    """Frozen, it takes no SIGTERM; somebody else answers in its place."""
    import json

    from tests.streams.test_supervise import answering

    (_, role, _) = roles(here.settings)
    with answering(503, json.dumps({"live": False, "problems": ["stuck"]}).encode()) as address:
        lines = []
        with Supervisor([replace(role, command=("work",), address=address)], tell=lambda _, line: lines.append(line)) as supervisor:
            until(lambda: supervisor.pids() != {}, "the child")
            first = supervisor.kill("worker-1", signal.SIGSTOP)
            until(lambda: supervisor.restarts()["worker-1"] >= 1, "the frozen child to be killed")
            assert first not in supervisor.pids().values()
