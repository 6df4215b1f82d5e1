"""The command line itself: help that teaches, exit codes, plain sentences; nothing here needs a server."""

import json
import subprocess
import sys

import pytest

from streams.cli import main as cli
from streams.cli.arguments import EXIT_CODES
from streams.cli.commands import BY_NAME, GROUPS
from streams.cli.output import ago, as_json, instant, printable
from streams.settings import Settings, environ_of
from streams.topics import TOPOLOGY
from tests.streams.installed import call

COMMANDS = sorted(BY_NAME)
ACTIONS = [
    ("local", "up"), ("local", "down"), ("local", "status"), ("model", "check"), ("model", "publish"), ("model", "show"),
    ("dead-letters", "ls"), ("dead-letters", "show"), ("dead-letters", "replay"),
]  # fmt: skip
SHOWING = [("local", "status"), ("topics",), ("tail",), ("lead",), ("model", "check"), ("model", "show"), ("dead-letters", "ls"), ("dead-letters", "replay"), ("replay",)]
NOWHERE = Settings.local(kafka="127.0.0.1:1")
NEEDS_SETTINGS = [
    ("topics",), ("tail", "leads.events"), ("lead", "v:ann"), ("model", "show"), ("model", "publish", "b2b"), ("dead-letters", "ls"), ("dead-letters", "replay"),
    ("replay", "may"), ("run",), ("work",), ("sink",), ("collect",),
]  # fmt: skip
NEEDS_KAFKA_NOW = [("topics",), ("tail", "leads.events"), ("lead", "v:ann"), ("model", "publish", "b2b"), ("dead-letters", "ls"), ("dead-letters", "replay"), ("replay", "may")]


@pytest.fixture
def leadstream(capsys, monkeypatch):
    """The command line with no settings at all in its environment."""
    return call(capsys, monkeypatch, None)


@pytest.fixture
def leadstream_nowhere(capsys, monkeypatch):
    """The command line with settings whose Kafka does not answer."""
    return call(capsys, monkeypatch, NOWHERE)


def test_the_overview_lists_every_command_in_its_group_and_the_exit_codes(leadstream):
    said = leadstream("--help")
    assert said.code == 0
    assert EXIT_CODES in said.out
    for title, commands in GROUPS:
        assert f"{title}:" in said.out
        for command in commands:
            assert f"  {command.name}" in said.out
            assert command.summary in said.out


def test_no_command_is_answered_with_the_overview_and_a_usage_error(leadstream):
    said = leadstream()
    assert said.code == 64
    assert said.err == leadstream("--help").out


def test_a_mistyped_command_is_answered_with_the_one_that_was_probably_meant(leadstream):
    said = leadstream("modle")
    assert (said.code, said.out) == (64, "")
    assert said.err == "leadstream: there is no command 'modle': did you mean model?\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_teaches_by_examples_that_its_own_parser_takes(leadstream, name):
    said = leadstream(name, "--help")
    assert said.code == 0
    assert "Examples:" in said.out
    assert EXIT_CODES in said.out
    assert leadstream("help", name) == said
    examples = [line.split("leadstream", 1)[1].split() for line in said.out.splitlines() if line.startswith("  leadstream")]
    assert any(words[0] == name for words in examples)


@pytest.mark.parametrize("words", ACTIONS, ids=" ".join)
def test_every_action_has_help_of_its_own(leadstream, words):
    said = leadstream(*words, "--help")
    assert said.code == 0
    assert said.out.startswith(f"usage: leadstream {' '.join(words)}")


@pytest.mark.parametrize("words", SHOWING, ids=" ".join)
def test_every_command_that_shows_data_shows_it_to_scripts_too(leadstream, words):
    assert "--json" in leadstream(*words, "--help").out


@pytest.mark.parametrize("words", [("tail",), ("tail", "leads.events", "--colour"), ("model",), ("topics", "--dr"), ("local", "sideways")], ids=" ".join)
def test_a_command_line_that_cannot_be_understood_ends_with_64_and_one_sentence(leadstream, words):
    said = leadstream(*words)
    assert (said.code, said.out) == (64, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("leadstream ")
    assert f"leadstream {words[0]}" in said.err.rpartition("See ")[2]


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("tail", "leads.evnts"), "there is no topic 'leads.evnts', there are touchpoints.web"),
        (("tail", "leads.events", "--filter", "fact"), "--filter takes FIELD=VALUE, not 'fact'"),
        (("tail", "leads.events", "--filter", "stge=mql"), "records of leads.events have no field 'stge', they have attributes"),
        (("tail", "leads.events", "--last", "-1"), "--last takes a number from 0 up"),
        (("lead", "ann"), "'ann' names no lead"),
        (("replay", "Not A Name"), "the name of a replay is lower case letters, digits and dashes"),
        (("work", "--hops", "score,dream"), "--hops takes some of identify, score, deliver, not 'score,dream'"),
        (("run", "--workers", "0"), "--workers takes a number from 1 to 64"),
        (("dead-letters", "ls", "--since", "yesterday"), "give a span as in 30min, 2h or 3d"),
        (("dead-letters", "replay", "--max", "0"), "--max takes a number from 1 up"),
        (("dead-letters", "replay", "014b93", "--hop", "collect"), "give a letter's ID, or choose by --reason, --hop, --source and --since, not both"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else None,
)
def test_an_argument_that_means_nothing_ends_with_64_and_says_what_would(leadstream_nowhere, words, about):
    said = leadstream_nowhere(*words)
    assert (said.code, said.out) == (64, "")
    assert about in said.err


@pytest.mark.parametrize("words", NEEDS_SETTINGS, ids=" ".join)
def test_missing_settings_end_every_command_with_78(leadstream, words):
    said = leadstream(*words)
    assert (said.code, said.out) == (78, "")
    assert "LEADSTREAM_IDENTITY_KEY is missing" in said.err
    assert "--local" in said.err


def test_all_problems_of_the_settings_are_told_at_once(leadstream, monkeypatch):
    monkeypatch.setenv("LEADSTREAM_KAFKA", "no address")
    monkeypatch.setenv("LEADSTREAM_OPS_PRT", "8081")
    said = leadstream("topics")
    assert said.code == 78
    assert "LEADSTREAM_KAFKA must be host:port" in said.err
    assert "LEADSTREAM_OPS_PRT is no setting: did you mean LEADSTREAM_OPS_PORT?" in said.err
    assert "LEADSTREAM_IDENTITY_KEY is missing" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", NEEDS_KAFKA_NOW, ids=" ".join)
def test_a_kafka_that_does_not_answer_ends_a_command_with_69_and_its_address(words):
    # A process of its own: clients that never got a connection leave their sockets to the garbage collector.
    done = subprocess.run([sys.executable, "-m", "streams.cli.main", *words], env=environ_of(NOWHERE), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith("leadstream: Kafka at 127.0.0.1:1 ")
    assert done.stderr.count("\n") == 1


def test_local_settings_without_local_servers_say_how_to_start_them(leadstream, tmp_path):
    said = leadstream("tail", "leads.events", "--local", "--data", str(tmp_path))
    assert said.code == 78
    assert said.err == f"leadstream: no local servers run from {tmp_path}: start them with `leadstream local up`, or name their folder with --data\n"


def test_the_status_of_servers_that_do_not_run_is_a_no(leadstream, tmp_path):
    said = leadstream("local", "status", "--data", str(tmp_path), "--json")
    assert said.code == 1
    assert json.loads(said.out)["running"] is False


def test_the_topology_is_shown_without_any_server(leadstream):
    listed = json.loads(leadstream("topics", "--dry", "--json").out)["topics"]
    assert [(each["name"], each["partitions"], each["personal_data"]) for each in listed] == [
        (topic.name, topic.partitions, topic.personal_data) for topic in TOPOLOGY
    ]
    shown = leadstream("topics", "--dry").out
    for topic in TOPOLOGY:
        assert topic.name in shown


def test_a_shipped_model_is_told_in_words(leadstream):
    said = leadstream("model", "check", "b2b")
    assert said.code == 0
    assert said.out.startswith("Scoring model b2b, version 1\n")
    assert json.loads(leadstream("model", "check", "b2b", "--json").out)["ok"] is True


def test_a_broken_model_is_refused_with_every_problem_and_its_line(leadstream, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: mine\nrules:\n  - {name: page, kynd: page_view}\n")
    said = leadstream("model", "check", str(path))
    assert said.code == 65
    assert f"{path}:3:" in said.err
    assert 'the key "kynd" is not known (did you mean kind?)' in said.err
    problems = json.loads(leadstream("model", "check", str(path), "--json").out)
    assert problems["ok"] is False
    assert len(problems["problems"]) > 3


def test_a_model_that_is_not_there_is_named(leadstream, tmp_path):
    said = leadstream("model", "check", str(tmp_path / "mine.yaml"))
    assert said.code == 78
    assert "mine.yaml cannot be read (No such file or directory)" in said.err


def test_two_models_are_told_apart(leadstream):
    said = leadstream("model", "check", "b2c", "--against", "b2b")
    assert said.code == 0
    assert "the model is named b2c, not b2b" in said.out
    assert leadstream("model", "check", "b2b", "--against", "b2b").out == "b2b@1 decides as b2b@1 does\n"


def test_a_bug_shows_its_traceback(leadstream_nowhere, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("streams.cli.topics.table", broken, raising=False)
    monkeypatch.setattr("streams.cli.output.table", broken)
    with pytest.raises(ZeroDivisionError):
        leadstream_nowhere("topics", "--dry")


@pytest.mark.parametrize("words", [("--help",), ("tail", "--help"), ("run", "--help"), ("nonsense",)], ids=" ".join)
def test_help_comes_without_what_takes_long_to_import(words):
    heavy = ("aiokafka", "kafka", "faust", "fastavro", "rich", "msgspec", "yaml", "clickhouse_driver", "asyncio.events")
    code = f"import sys\nfrom streams.cli.main import main\nmain({words!r})\nprint([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stderr.splitlines()[-1]
    assert imported in ("[]", "['asyncio.events']")


def test_a_reader_that_has_seen_enough_is_no_failure():
    code = "import sys\nfrom streams.cli.main import main\nsys.exit(main(['topics', '--dry', '--json']))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")


def test_settings_reach_a_child_process_as_they_are():
    settings = Settings.local(kafka="a:1,b:2", prefix="x.", commit_every_s=0.25, clickhouse_password="s e c", sendgrid_campaign_arguments=("a", "b"))
    assert Settings.load(environ_of(settings)) == settings


def test_nothing_printed_can_steer_the_terminal():
    assert printable("a\x1b[2Jb\nc\u202ed é ✓") == "a\\x1b[2Jb\\nc\\u202ed é ✓"


def test_instants_beyond_the_calendar_are_still_shown():
    assert instant(1_750_000_000_000) == "2025-06-15 15:06:40Z"
    assert instant(10**18) == "1000000000000000000 ms"
    assert instant(None) == "-"


def test_a_distance_in_time_is_told_in_the_unit_that_fits():
    minute, day = 60_000, 86_400_000
    assert [ago(0, at) for at in (0, 1_500, 5 * minute, 3 * day)] == ["now", "1 second ago", "5 minutes ago", "3 days ago"]
    assert ago(2 * day, 0) == "in 2 days"


def test_bytes_in_json_are_text_where_they_are_text():
    assert json.loads(as_json({"a": b"text", "b": b"\xff\x00"})) == {"a": "text", "b": {"hex": "ff00"}}


def test_the_entry_point_is_installed_and_knows_its_version():
    assert cli.main(["--version"]) == 0
