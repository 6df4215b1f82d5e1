"""The demo as a newcomer runs it: it adds up, it can be repeated, and kills in the middle of it change nothing."""

import base64
import os
import random
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import Ports
from deploy.local.stack import Stack, down, status, up
from deploy.local.status import Status
from processors.lead import replay
from processors.model.file import load, shipped
from processors.projection import profile_of
from schemas.fact_record import fact_of
from schemas.lead import Lead
from streams import topics
from streams.cli.main import main
from streams.demo.quarter import Quarter
from streams.demo.servers import MARK, Place, make_room
from streams.demo.wire import Traffic, traffic
from streams.settings import Settings
from tests.streams.demo_runs import PLAYING, SEED, UNTIL, VISITORS, Demo, Left

LIVE = 3
FIELDS = ["sent", "accepted", "rejected", "counted", "duplicates", "dead_lettered", "leads", "stages", "transitions", "clickhouse", "drift_max", "seconds", "ledger_ok"]


@pytest.fixture(scope="module")
def expected() -> Traffic:
    end = 1_751_241_600_000  # UNTIL
    return traffic(Quarter(seed=SEED, end=end, visitors=VISITORS, google_key=Settings.local().google_ads_key))


@pytest.fixture(scope="module")
def undisturbed(local_stack: Status) -> Left:
    """A run on servers that ran before, without a live feed."""
    record = Demo("--data", str(local_stack.data), "--keep", "--prefix", "calm.", "--live", "0").record()
    return Left(record, local_stack, "calm.")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """A run on servers of its own, with a live feed; they are started again to see what it left."""
    data = tmp_path_factory.mktemp("demo") / "data"
    record = Demo("--data", str(data), "--live", str(LIVE)).record()
    stack = Stack(data=data, ports=Ports.any_free())
    assert not status(stack).running, "the demo leaves the servers as it found them"
    yield Left(record, up(stack))
    down(stack)


@pytest.fixture(scope="module")
def killed(local_stack: Status) -> Left:
    """A run whose worker and sink were killed, again and again, at instants of their own choosing."""
    chance = random.Random(int.from_bytes(os.urandom(4)))
    demo = Demo("--data", str(local_stack.data), "--keep", "--prefix", "storm.", "--live", "0")
    demo.wait_for(PLAYING)
    killed = []
    for role in ("work", "sink", "work"):
        time.sleep(chance.uniform(0.1, 1.5))
        killed.append(demo.kill(role))
    assert len(set(killed)) == 3
    return Left(demo.record(), local_stack, "storm.")


@pytest.mark.local
def test_the_demo_tells_scripts_what_came_of_it_and_it_is_what_was_played(alone: Left, expected: Traffic) -> None:
    record = alone.record
    assert list(record) == FIELDS
    assert record["ledger_ok"] is True
    assert record["rejected"] == expected.rejected > 0
    live = 4 * LIVE  # two pages, a name and a request each
    assert record["accepted"] == expected.accepted + live
    assert record["sent"] == record["accepted"] + record["rejected"]
    assert record["counted"] == expected.unique + live
    assert record["duplicates"] == expected.accepted - expected.unique > 0
    assert record["dead_lettered"] == 0
    assert record["leads"] == expected.people + LIVE == sum(record["stages"].values())
    assert set(record["transitions"]) >= {"mql", "sql", "customer"}
    assert record["drift_max"] <= 1e-6
    assert set(record["seconds"]) == {"local_up", "first_transition", "total"}
    assert 0 < record["seconds"]["local_up"] < record["seconds"]["first_transition"] < record["seconds"]["total"]


@pytest.mark.local
def test_clickhouse_holds_what_the_demo_says_it_holds(alone: Left) -> None:
    said = alone.record["clickhouse"]
    assert alone.query("SELECT count() AS n FROM touchpoints FINAL WHERE kind != 'import_reached'") == [{"n": said["touchpoints"]}]
    for table in ("facts", "transitions", "profiles"):
        assert alone.query(f"SELECT count() AS n FROM {table} FINAL") == [{"n": said[table]}]
    assert said["touchpoints"] == alone.record["accepted"]
    assert said["transitions"] == sum(alone.record["transitions"].values())
    letters = alone.query("SELECT count() AS n, countIf(body = '') AS empty FROM dead_letters FINAL")
    assert letters == [{"n": alone.record["rejected"], "empty": 0}]


@pytest.mark.local
def test_the_demo_twice_with_one_seed_comes_to_the_same_leads_stages_and_scores(undisturbed: Left, alone: Left) -> None:
    live = alone.leads().keys() - undisturbed.leads().keys()
    assert len(live) == LIVE
    assert_same_leads(undisturbed, alone, but=live)


@pytest.mark.local
def test_kills_of_worker_and_sink_leave_the_same_leads_stages_and_scores(undisturbed: Left, killed: Left, expected: Traffic) -> None:
    assert_same_leads(undisturbed, killed)
    assert killed.record["counted"] == expected.unique
    for field in ("accepted", "duplicates", "leads", "stages", "transitions"):
        assert killed.record[field] == undisturbed.record[field]


@pytest.mark.local
@pytest.mark.parametrize("run", ["undisturbed", "killed"])
def test_facts_and_transitions_are_what_the_pure_core_makes_of_the_inbox(run: str, request: pytest.FixtureRequest) -> None:
    left: Left = request.getfixturevalue(run)
    facts, transitions = left.replayed()
    assert facts.keys() == left.told(topics.EVENTS).keys()
    assert facts == left.told(topics.EVENTS)
    assert transitions == left.told(topics.TRANSITIONS)
    assert len(transitions) == sum(left.record["transitions"].values()) > 0


@pytest.mark.local
@pytest.mark.parametrize("run", ["undisturbed", "killed"])
def test_a_fold_over_the_facts_in_clickhouse_is_the_state_and_makes_the_profiles(run: str, request: pytest.FixtureRequest) -> None:
    left: Left = request.getfixturevalue(run)
    folded = {lead_id: replay(facts) for lead_id, facts in facts_in_clickhouse(left).items()}
    states = {lead_id: lead for lead_id, lead in left.states().items() if lead != Lead()}  # some only ever got duplicates
    assert folded.keys() >= states.keys()
    assert {lead_id: folded[lead_id] for lead_id in states} == states
    model = load(shipped("b2b"))
    for lead_id, profile in left.profiles.items():
        at = {"partition": profile.partition, "offset": profile.offset}
        assert profile_of(lead_id, folded[lead_id], model, **at) == profile


@pytest.mark.local
def test_it_serves_on_showing_what_happens_until_ctrl_c_ends_it_with_0(local_stack: Status) -> None:
    command = [sys.executable, "-m", "streams.cli.main", "demo", "--visitors", "3", "--live", "0", "--until", UNTIL, "--free-ports", "--keep",
               "--data", str(local_stack.data), "--prefix", "serving."]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Serving"):
                _book_a_demo("".join(lines))
            if "v:me" in line:
                process.send_signal(signal.SIGINT)
        said = "".join(lines)
        assert process.wait(60) == 0, said
    for door in ("Collector", "Webhooks", "Kafka", "ClickHouse", "Metrics", "curl"):
        assert door in said
    assert "  v:me: visitor → sql by demo_booked" in said.splitlines()
    assert said.rstrip().endswith("Stopping.")
    assert status(Stack(data=local_stack.data)).running, "the demo leaves the servers as it found them"


def _book_a_demo(said: str) -> None:
    """Do what the demo says to paste."""
    (line,) = [line for line in said.splitlines() if "Try " in line]
    command = shlex.split(line.partition("Try")[2])
    _, address, _, user, _, body = command
    authorization = "Basic " + base64.b64encode(user.encode()).decode()
    with urllib.request.urlopen(urllib.request.Request(address, body.encode(), {"Authorization": authorization})) as answer:
        assert answer.status == 200


# --- refusals ---


def test_a_folder_with_other_data_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "precious").write_text("x")
    assert main(["demo", "--once", "--data", str(tmp_path), "--free-ports"]) == 78
    assert "holds data that no demo made" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert not (tmp_path / MARK).exists()


def test_a_second_run_begins_with_an_empty_folder_and_one_that_keeps_does_not(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    make_room(Place(data=data), ran_before=False)
    for name in ("kafka", "clickhouse", "logs"):
        (data / name / "data").mkdir(parents=True)
    make_room(Place(data=data, keep=True), ran_before=False)
    assert {path.name for path in data.iterdir()} == {MARK, "kafka", "clickhouse", "logs"}
    make_room(Place(data=data), ran_before=False)
    assert [path.name for path in data.iterdir()] == [MARK]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--visitors", "0"], "--visitors takes 1 to 100000"),
        (["--until", "2999-01-01"], "--until must not lie ahead"),
        (["--until", "yesterday"], "--until takes a date such as 2026-06-30"),
        (["--prefix", "a/b"], "--prefix takes a letter"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *arguments]) == 64
    assert said in capsys.readouterr().err


# --- comparing ---


def assert_same_leads(one: Left, other: Left, *, but: set[str] | frozenset[str] = frozenset()) -> None:
    """The same leads, stages, grades, touches and scores, whatever the interleaving of the runs was."""
    ours, theirs = one.leads(), {lead_id: profile for lead_id, profile in other.leads().items() if lead_id not in but}
    assert ours.keys() == theirs.keys()
    for lead_id, profile in ours.items():
        twin = theirs[lead_id]
        assert (profile.stage, profile.stage_since, profile.grade, profile.touches, profile.as_of) == (
            twin.stage, twin.stage_since, twin.grade, twin.touches, twin.as_of,
        ), lead_id  # fmt: skip
        assert profile.score == pytest.approx(twin.score, rel=1e-9, abs=1e-9), lead_id


FACTS = """
SELECT
    * EXCEPT (recorded_at, occurred_at, effective_at, first_touch_at, last_touch_at, verdict_given_at, verdict_expires_at, inserted_at),
    toUnixTimestamp64Milli(recorded_at) AS recorded_ms,
    toUnixTimestamp64Milli(occurred_at) AS occurred_ms,
    toUnixTimestamp64Milli(effective_at) AS effective_ms,
    toUnixTimestamp64Milli(first_touch_at) AS first_ms,
    toUnixTimestamp64Milli(last_touch_at) AS last_ms,
    toUnixTimestamp64Milli(verdict_given_at) AS given_ms,
    toUnixTimestamp64Milli(verdict_expires_at) AS expires_ms,
    arrayMap(at -> toUnixTimestamp64Milli(at), sums.as_of) AS sums_ms,
    arrayMap(at -> toUnixTimestamp64Milli(at), event_keys.recorded_at) AS keys_ms
FROM facts_once
ORDER BY lead_id, offset, `index`
"""


def facts_in_clickhouse(left: Left) -> dict[str, list[Any]]:
    """Every lead's facts as ClickHouse holds them, in their order."""
    found: dict[str, list[Any]] = {}
    for row in left.query(FACTS):
        found.setdefault(row["lead_id"], []).append(fact_of(_as_told(row)))
    return found


def _as_told(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table as the record it was made of: absent is None there, '' here."""
    texts = ("import_id", "kind", "channel", "campaign", "grade", "transition_id", "from_stage", "to_stage", "reason", "rule", "verdict", "other_lead", "stage")
    told = row | {name: row[name] or None for name in texts}
    told |= {
        "recorded_at": row["recorded_ms"], "occurred_at": row["occurred_ms"], "effective_at": row["effective_ms"],
        "verdict_given_at": row["given_ms"], "verdict_expires_at": row["expires_ms"],
        "first_touch": _touch(row["first_channel"], row["first_campaign"], row["first_ms"]),
        "last_touch": _touch(row["last_channel"], row["last_campaign"], row["last_ms"]),
    }  # fmt: skip
    sums = {"rule": "sums.rule", "points": "sums.points", "as_of": "sums_ms", "half_life_s": "sums.half_life_s", "count": "sums.count", "window": "sums.window", "once": "sums.once"}
    told["sums"] = _nested(row, sums)
    told["caps"] = _nested(row, {name: f"caps.{name}" for name in ("rule", "window", "points")})
    told["event_keys"] = _nested(row, {"key": "event_keys.key", "recorded_at": "keys_ms"})
    return told


def _touch(channel: str, campaign: str, at: int | None) -> dict[str, Any] | None:
    return None if at is None else {"channel": channel, "campaign": campaign or None, "occurred_at": at}


def _nested(row: dict[str, Any], columns: dict[str, str]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*(row[column] for column in columns.values()), strict=True)]
