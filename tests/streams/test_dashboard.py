"""The dashboard: what it says is what SQL says; an empty database, hostile names and a server that is away do it no harm."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sinks.migrate import migrate
from streams.attributing import attribute
from streams.clickhouse import connected
from streams.dashboard import questions
from streams.dashboard.server import serve
from streams.settings import Settings, environ_of
from tests.processors.building import T0
from tests.sdks.serving import CHROME
from tests.sinks.records import lived, quarter
from tests.streams.installed import until

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def settings_of(stack, name):
    host, port = stack.clickhouse_address
    with socket.create_server(("127.0.0.1", 0)) as free:
        page = free.getsockname()[1]
    return Settings.local(clickhouse_host=host, clickhouse_port=port, clickhouse_database=f"dashboard_{name}", dashboard_port=page)


@contextmanager
def serving(settings):
    """The dashboard in a thread of its own; gives its address."""
    told, loops = threading.Event(), []

    async def run():
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        told.set()
        await serve(settings, stop)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert told.wait(20)
    address = f"http://127.0.0.1:{settings.dashboard_port}"
    try:
        until(lambda: answers(address), "the dashboard to listen")
        yield address
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


def answers(address):
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except urllib.error.URLError:
        return False
    return True


def get(address, path):
    try:
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


@pytest.fixture(scope="module")
def filled(local_stack):
    settings = settings_of(local_stack, "filled")
    with connected(settings) as client:
        migrate(client)
        lived(quarter()).letter("one").profile("v:evil", stage="mql", score=5.0).deliver(client)
        client.command(
            "INSERT INTO touchpoints (event_id, kind, occurred_at, received_at, visitor_id, identifier, contact) "
            "VALUES ('e', 'identified', now64(3), now64(3), 'evil', 'v:evil', map('name', %(name)s, 'company', %(name)s))", {"name": HOSTILE},
        )  # fmt: skip
    with serving(settings) as address:
        yield settings, address


def ask(settings, sql, params=None):
    with connected(settings) as client:
        return [questions.plain(row) for row in client.query(sql, params)]


def test_the_funnel_and_the_roads_are_what_sql_says(filled):
    settings, address = filled
    status, said, headers = get(address, "/api/funnel")
    assert status == 200
    assert said["stages"] == ask(settings, "SELECT * FROM funnel") != []
    assert said["velocity"] == ask(settings, questions.VELOCITY)
    assert get(address, "/api/channels")[1]["roads"] == ask(settings, questions.CHANNELS) != []
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_who_asks_by_another_name_is_refused(filled):
    _, address = filled
    for path in ("/", "/api/leads", "/nowhere"):
        request = urllib.request.Request(address + path, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 421
        refused.value.close()
    assert get(address.replace("127.0.0.1", "localhost"), "/api/funnel")[0] == 200


def test_revenue_of_two_currencies_is_not_added_up(filled):
    settings, _ = filled
    with connected(settings) as client:
        client.command("INSERT INTO attribution_totals VALUES ('2001-01-01 00:00:00', 'linear', 'customer', 'email', '', 'EUR', 1, 900), ('2001-01-01 00:00:00', 'linear', 'customer', 'email', '', 'USD', 1, 100)")
        sql = questions.ATTRIBUTION_STATED.replace("attribution_totals_now", "attribution_totals")
        rows = client.query(sql, {"attribution": "linear"})
        client.command("TRUNCATE TABLE attribution_totals")
    assert {(row["currency"], row["revenue"]) for row in rows if row["channel"] == "email"} == {("EUR", 900.0), ("USD", 100.0)}


def test_attribution_is_computed_until_it_is_stated(filled):
    settings, address = filled
    first = get(address, "/api/channels?attribution=first")[1]
    assert (first["attribution"], first["stated"]) == ("first", False)
    assert first["earned"] == ask(settings, questions.ATTRIBUTION, {"attribution": "first"}) != []
    with connected(settings) as client:
        attribute(client, T0)
    markov = get(address, "/api/channels?attribution=markov")[1]
    assert markov["stated"]
    assert markov["earned"] != []
    assert get(address, "/api/channels?attribution=%27%20OR%201=1")[1]["attribution"] == "linear"


def test_leads_are_found_and_one_s_story_is_told(filled):
    settings, address = filled
    found = get(address, "/api/leads")[1]["leads"]
    assert [each["lead_id"] for each in found] == [row["lead_id"] for row in ask(settings, "SELECT lead_id FROM leads ORDER BY score DESC, lead_id")]
    (ann,) = get(address, "/api/leads?search=aNN@acme")[1]["leads"]
    assert ann["name"] == "Ann"
    assert get(address, "/api/leads?search=nobody%27%20OR%20%271")[1]["leads"] == []
    story = get(address, f"/api/lead?id={ann['lead_id']}")[1]
    assert story["lead"]["points"] == pytest.approx(ask(settings, "SELECT points FROM leads WHERE lead_id = %(id)s", {"id": ann["lead_id"]})[0]["points"])
    facts = ask(settings, "SELECT count() AS n FROM facts_once WHERE lead_id = %(id)s OR lead_id IN (SELECT lead_id FROM lead_ids WHERE survivor = %(id)s)", {"id": ann["lead_id"]})
    assert len(story["story"]) == facts[0]["n"] > 3
    assert get(address, "/api/lead?id=v:nobody")[1] == {"lead": None, "sums": [], "story": []}


def test_the_curve_ends_where_the_score_is_merges_and_all(filled):
    settings, address = filled
    scored = ask(settings, "SELECT lead_id, score, toUnixTimestamp64Milli(as_of) AS at FROM profiles_once WHERE forwarded_to = '' AND lead_id != 'v:evil' AND touches > 0")
    assert len(scored) > 2
    for lead in scored:
        sums = get(address, f"/api/lead?id={lead['lead_id']}")[1]["sums"]
        ends = sum(each["points"] * (2 ** (-(lead["at"] - each["as_of"]) / 1000 / each["half_life_s"]) if each["half_life_s"] else 1) for each in sums)
        assert ends == pytest.approx(lead["score"], abs=1e-9), lead["lead_id"]


def test_the_ledger_and_the_drift_are_those_of_the_views(filled):
    settings, address = filled
    said = get(address, "/api/health")[1]
    assert said["ledger"] == ask(settings, questions.LEDGER)
    assert said["drift"] == ask(settings, questions.DRIFT)
    assert said["dead_letters"][0]["letters"] == 1


@pytest.mark.parametrize("name", ["funnel", "channels", "leads", "lead?id=x", "health"])
def test_an_empty_database_is_shown_as_empty(local_stack, name):
    settings = settings_of(local_stack, "empty")
    with connected(settings) as client:
        migrate(client)
    with serving(settings) as address:
        assert get(address, f"/api/{name}")[0] == 200


def test_without_clickhouse_every_question_is_answered_with_a_sentence(local_stack):
    settings = replace(settings_of(local_stack, "away"), clickhouse_port=1)
    with serving(settings) as address:
        status, said, _ = get(address, "/api/funnel")
        assert status == 503
        assert "ClickHouse at 127.0.0.1:1" in said["message"]


@pytest.mark.parametrize("sql", [value for name, value in vars(questions).items() if name.isupper() and isinstance(value, str) and "SELECT" in value])
def test_no_question_may_change_anything(filled, sql):
    assert re.match(r"\s*SELECT", sql)
    assert "readonly = 1" in questions.bounded(sql)


def test_the_command_serves_the_page(filled):
    settings, _ = filled
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = environ_of(replace(settings, dashboard_port=port))
    process = subprocess.Popen([sys.executable, "-m", "streams.cli.main", "dashboard"], env=environ, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/"), "the page")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/page.js", timeout=10) as script:
            assert b"innerHTML" not in script.read()
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.browser
@pytest.mark.parametrize("screen", ["funnel", "leads", "lead?id=v%3Aevil", "channels", "health"])
def test_in_a_browser_values_are_there_and_hostile_names_are_text(filled, tmp_path, screen):
    import shutil

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not there")
    _, address = filled
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}", f"--user-agent={CHROME}", "--virtual-time-budget=5000", "--dump-dom"]
    page = subprocess.run([chromium, *flags, f"{address}/#{screen}"], capture_output=True, text=True, timeout=60, check=False).stdout
    assert "owned" not in re.search(r"<title>(.*?)</title>", page)[1]
    assert "<img" not in page
    wanted = {"funnel": "visitor", "leads": "&lt;img src=x", "lead?id=v%3Aevil": "&lt;img src=x", "channels": "paid_search", "health": "counted twice"}[screen]
    assert wanted in page
