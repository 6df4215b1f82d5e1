"""Trouble with the local servers: one plain sentence each, and nothing left behind."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
import requests
from clickhouse_driver import Client
from jgo.env import LockFile, compute_spec_hash

from deploy.local import jars, kafka
from deploy.local.daemon import process_start
from deploy.local.errors import Misconfigured, Unavailable
from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, start, status, stop, up

pytestmark = pytest.mark.local


@pytest.fixture
def stack(tmp_path):
    made = Stack(data=tmp_path / "data", ports=Ports.any_free())
    yield made
    down(made)


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("setting", ["kafka", "clickhouse", "clickhouse_http"])
def test_a_port_in_use_is_named_with_the_setting_that_changes_it(stack, taken_port, setting):
    asked = Stack(data=stack.data, ports=Ports(**{"kafka": 0, "clickhouse": 0, "clickhouse_http": 0, setting: taken_port}))
    with pytest.raises(Misconfigured, match=f"Port {taken_port} is in use .* --{setting.replace('_', '-')}-port"):
        up(asked)
    assert (status(stack).kafka.pid, status(stack).clickhouse.pid) == (None, None), "what had started beside it is stopped again"


def test_every_problem_is_told_at_once(stack, taken_port):
    with pytest.raises(Misconfigured) as told:
        up(Stack(data=stack.data, ports=Ports(kafka=70000, clickhouse=taken_port, clickhouse_http=0)))
    assert "--kafka-port=70000 is no port" in str(told.value)
    assert f"Port {taken_port} is in use" in str(told.value)


def test_a_running_server_is_not_moved_to_another_port(stack):
    now = start(stack, "clickhouse")
    with pytest.raises(Misconfigured, match=r"already running .* on port"):
        start(Stack(data=stack.data, ports=Ports(clickhouse=1234)), "clickhouse")
    assert status(stack).clickhouse.pid == now.clickhouse.pid


def test_a_broken_kafka_folder_is_named(stack):
    start(stack, "kafka")
    stop(stack, "kafka")
    folder = stack.folder("kafka") / "data"
    (folder / "meta.properties").write_text("garbage\n")
    with pytest.raises(Misconfigured, match=r"Kafka's folder .*/kafka is broken .* move that folder away"):
        start(stack, "kafka")
    shutil.rmtree(folder)
    assert start(stack, "kafka").kafka.pid


def test_a_broken_clickhouse_folder_is_named(stack):
    host, port = start(stack, "clickhouse").clickhouse_address
    with Client(host, port=port) as client:
        client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
    stop(stack, "clickhouse")
    folder = stack.folder("clickhouse") / "data"
    (definition,) = (folder / "store").rglob("t.sql")
    definition.write_text("garbage")
    with pytest.raises(Misconfigured, match=r"ClickHouse's folder .*/clickhouse is broken .*Syntax error.* move that folder away"):
        start(stack, "clickhouse")
    shutil.rmtree(folder)
    assert start(stack, "clickhouse").clickhouse.pid


def test_two_servers_on_one_folder_are_refused(stack, tmp_path):
    start(stack, "clickhouse")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "clickhouse").symlink_to(stack.folder("clickhouse"))
    with pytest.raises(Misconfigured, match="Another ClickHouse server is using"):
        start(Stack(data=tmp_path / "other", ports=Ports.any_free()), "clickhouse")


def test_a_data_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match=r"The data folder .*/file cannot be written"):
        up(Stack(data=tmp_path / "file", ports=Ports.any_free()))
    assert not down(Stack(data=tmp_path / "file")).running


def test_a_data_folder_may_have_any_letters_but_those_named(tmp_path):
    stack = Stack(data=tmp_path / "dätä ✓ 🗄 \\n it's", ports=Ports.any_free())
    try:
        now = up(stack)
        host, port = now.clickhouse_address
        with Client(host, port=port) as client:
            client.execute("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
            assert client.execute("INSERT INTO t VALUES", [(1,)]) == 1
        assert (stack.folder("kafka") / "data" / "meta.properties").is_file()
    finally:
        down(stack)
    with pytest.raises(Misconfigured) as told:
        up(Stack(data=tmp_path / "a,b?", ports=Ports.any_free()))
    assert "has a comma in its name" in str(told.value)
    assert "which ClickHouse cannot take" in str(told.value)


def test_a_full_disk_is_told_before_anything_starts(stack, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(Misconfigured, match=r"The disk of .* is full"):
        up(stack)


def test_the_first_download_without_a_network_says_what_to_do(stack, tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(requests, "request", unreachable)
    with pytest.raises(Unavailable, match=r"could not be downloaded \(ConnectionError\).*check the network"):
        start(Stack(data=stack.data, ports=stack.ports, cache=tmp_path / "cache"), "kafka")
    assert list((tmp_path / "cache").iterdir()) == [], "nothing half fetched is left"


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path, monkeypatch):
    def forged(*_, **__):
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b"not the jar")
        return answer

    monkeypatch.setattr(requests, "request", forged)
    with pytest.raises(Misconfigured, match=r"SHA-256 differs"):
        jars.class_path(tmp_path)
    assert not list(tmp_path.rglob("*.jar"))


def test_a_damaged_jar_in_the_cache_is_not_run(tmp_path, monkeypatch):
    damaged = tmp_path / "org" / "slf4j" / "slf4j-simple" / "1.7.36" / "slf4j-simple-1.7.36.jar"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"cut off")
    asked = []

    def unreachable(_, url, **__):
        asked.append(url.rpartition("/")[2])
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "request", unreachable)
    with pytest.raises(Unavailable):
        jars.class_path(tmp_path)
    assert damaged.name in asked


def test_a_refused_download_names_the_jar(tmp_path, monkeypatch):
    def missing(*_, **__):
        answer = requests.Response()
        answer.status_code = 404
        return answer

    monkeypatch.setattr(requests, "request", missing)
    with pytest.raises(Unavailable, match=r"\.jar was refused by central: check the repositories"):
        jars.class_path(tmp_path)


def test_the_lock_file_belongs_to_its_specification():
    lock = LockFile.load(jars.LOCK)
    assert lock.spec_hash == compute_spec_hash(jars.SPEC), "run python -m deploy.local.jars"
    assert all(jar.sha256 for jar in lock.dependencies)
    assert "://" not in jars.LOCK.read_text() + jars.SPEC.read_text(), "where jars come from is each machine's own business"


def test_a_stale_record_never_ends_somebody_elses_process(stack):
    start(stack, "clickhouse")
    stop(stack, "clickhouse")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as foreign:
        record = {"pid": foreign.pid, "started": "another boot:1", "ports": {"clickhouse": 1, "clickhouse_http": 2}}
        stack.record("clickhouse").write_text(json.dumps(record))
        assert status(stack).clickhouse.pid is None
        down(stack)
        assert process_start(foreign.pid) is not None
        foreign.kill()
    assert process_start(foreign.pid) is None


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', "[]", '{"pid": 1}'])
def test_a_broken_record_counts_as_not_running(stack, content):
    stack.folder("run").mkdir(parents=True)
    stack.record("kafka").write_text(content)
    assert status(stack).kafka.pid is None


@pytest.mark.parametrize(
    ("log", "kind", "words"),
    [
        ("", Unavailable, "it logged nothing"),
        ("java.lang.OutOfMemoryError: heap\n\tat x.y(Z.java:1)\n[hook] WARN closing\n", Unavailable, "OutOfMemoryError: heap"),
        ("[main] ERROR kafka.Kafka - fatal\njava.io.IOException: a\n\tat b\nCaused by: java.net.BindException: in use\n", Unavailable, "java.net.BindException: in use"),
        ("org.apache.kafka.common.errors.CorruptRecordException: Found record size -3 in file\n", Misconfigured, "broken"),
        ("org.apache.kafka.common.KafkaException: Failed to acquire lock on file .lock in x.\n", Misconfigured, "Another Kafka"),
    ],
)
def test_the_last_words_of_a_broker_say_what_to_do(tmp_path, log, kind, words):
    told = kafka.died(tmp_path, log)
    assert type(told) is kind
    assert words in str(told)


def test_processes_are_told_apart_by_their_start():
    assert process_start(os.getpid()) == process_start(os.getpid())
    assert process_start(os.getpid()) != process_start(1)
    assert process_start(2**22 + 1) is None
