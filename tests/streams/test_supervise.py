"""Children are started, watched, restarted and ended together: real processes, here collectors, whose Kafka is away."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from streams.child import Role
from streams.errors import Misconfigured, Unavailable
from streams.probe import ask
from streams.settings import Settings, environ_of
from streams.supervise import Supervisor, roles
from tests.streams.installed import Installation, until

NOWHERE = Settings.local(kafka="127.0.0.1:1", collector_port=0, ops_port=0)


def collector(name="collector", **others) -> Role:
    (role, *_) = roles(replace(NOWHERE, **others))
    return replace(role, name=name)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def answers(role: Role) -> bool:
    return ask(f"{role.address}/live").answered


@contextmanager
def answering(code: int, body: bytes):
    """An HTTP server that answers everything with *code*; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_role_has_ports_of_its_own_from_the_settings_on():
    made = roles(replace(NOWHERE, collector_port=8080, ops_port=8081, ops_host="0.0.0.0"), workers=2)
    assert [(each.name, each.command[0], each.address) for each in made] == [
        ("collector", "collect", "http://127.0.0.1:8081"),
        ("worker-1", "work", "http://127.0.0.1:8082"),
        ("worker-2", "work", "http://127.0.0.1:8083"),
        ("sink", "sink", "http://127.0.0.1:8084"),
    ]
    assert [each.door for each in made] == ["http://127.0.0.1:8080", "", "", ""]
    assert len({each.address for each in roles(NOWHERE, workers=3)}) == 5


def test_a_role_tells_no_secret_when_it_is_printed():
    assert "local-import-key" not in repr(roles(NOWHERE))


def test_a_child_that_is_killed_is_started_again_and_all_end_together():
    role, lines = collector(), []
    with Supervisor([role], tell=lambda child, line: lines.append((child, line))) as supervisor:
        until(lambda: answers(role), "the collector to answer")
        first = supervisor.kill("collector")
        until(lambda: supervisor.restarts() == {"collector": 1} and answers(role), "the collector to answer again")
        (second,) = supervisor.pids().values()
        assert second != first
    assert gone(second)
    assert supervisor.pids() == {}
    told = f"collector at {role.door}; /live, /ready and /metrics at {role.address}"
    assert ("collector", told) in [(child, line.partition(" INFO ")[2]) for child, line in lines]


def test_what_is_not_ready_in_time_says_why():
    role = collector()
    with Supervisor([role], tell=lambda *_: None) as supervisor:
        until(lambda: answers(role), "the collector to answer")
        with pytest.raises(Unavailable, match=r"^not ready after 1 s: collector: .*Kafka"):
            supervisor.wait_until_ready(timedelta(seconds=1))


def test_a_misconfigured_child_stops_everything_with_its_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = [collector("fine"), collector("wrong", collector_port=port)]
        with Supervisor(wanted, tell=lambda *_: None) as supervisor, pytest.raises(Misconfigured) as failure:
            supervisor.wait(timedelta(seconds=60))
    assert str(failure.value).startswith(f"wrong cannot run: port {port} of 127.0.0.1 is in use")
    assert supervisor.pids() == {}
    assert supervisor.restarts() == {"fine": 0, "wrong": 0}


def test_a_child_that_says_it_is_stuck_is_started_again():
    with answering(503, json.dumps({"live": False, "problems": ["hop score: has not moved for 61 s"]}).encode()) as address:
        role = replace(collector(), address=address)
        with Supervisor([role], tell=lambda *_: None) as supervisor:
            until(lambda: supervisor.restarts()["collector"] >= 1, "the stuck child to be started again")


def test_children_end_when_their_supervisor_is_killed():
    parent = Installation(NOWHERE)
    role = collector()
    # A supervisor in a process of its own, which has no time to say farewell.
    code = (
        "import json, sys, threading\n"
        "from streams.child import Role\n"
        "from streams.supervise import Supervisor\n"
        "role = Role(**json.loads(sys.stdin.readline()))\n"
        "with Supervisor([role], tell=lambda *_: None) as supervisor:\n"
        "    threading.Event().wait()\n"
    )
    given = json.dumps({"name": role.name, "command": role.command, "environ": dict(role.environ), "address": role.address})
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=environ_of(NOWHERE), text=True, start_new_session=True)
    parent.started.append(process)
    process.stdin.write(given + "\n")
    process.stdin.close()
    process.stdin = None
    try:
        until(lambda: answers(role), "the collector to answer")
        process.send_signal(signal.SIGKILL)
        until(lambda: not answers(role), "the orphan to end")
    finally:
        parent.stop()


def test_probes_tell_silence_from_a_no():
    with answering(503, b'{"ready": false, "problems": ["starting"]}') as address:
        assert ask(f"{address}/ready").problems == ("starting",)
    with answering(502, b"<html>") as address:
        assert ask(f"{address}/ready").problems == ("answers 502",)
    with answering(200, b"{}") as address:
        assert ask(f"{address}/ready").problems == ()
    assert not ask(f"{address}/ready").answered
