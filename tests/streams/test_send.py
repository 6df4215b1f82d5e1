"""Sending a file through the collector's real doors; only Kafka behind them is a list."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.avro import decode_dead_letter, decode_touchpoint
from schemas.dead_letter import DeadLetter
from schemas.touchpoint import IMPORT_REACHED, Touchpoint
from streams import clock
from streams.cli import main as cli
from streams.collect import application
from streams.errors import Misconfigured, Refused, Unavailable
from streams.kafka import Output
from streams.sending.door import Door, signed
from streams.sending.history import default_import_id
from streams.sending.map_file import load
from streams.sending.report import Report
from streams.sending.resume import Notebook, content_hash
from streams.sending.send import Plan, Sender
from streams.settings import Settings

SETTINGS = Settings.local()
MAP = 'source: test\nid: "{n}"\nkind: "{kind}"\nat: "{at}"\ncrm_id: "{who}"\n'
NOW = 1_760_000_000_000


class Log:
    """What the collector would have written to Kafka; it is away as often as `failures` says."""

    problem = None
    given_up = False

    def __init__(self) -> None:
        self.records: list[Output] = []
        self.failures: list[bool] = []

    async def deliver(self, records: Sequence[Output]) -> None:
        if self.failures and self.failures.pop(0):
            raise Unavailable("Kafka is away")
        self.records.extend(records)

    def touchpoints(self) -> list[Touchpoint]:
        return [decode_touchpoint(value) for topic, _, _, value in self.records if topic.startswith("touchpoints.") and value]

    def ids(self) -> list[str]:
        return [t.crm_id or "" for t in self.touchpoints() if t.kind != IMPORT_REACHED]

    def marks(self) -> list[tuple[int, str]]:
        """Each mark once: (until, ended); it lies in every partition of every topic."""
        return list(dict.fromkeys((t.occurred_at, t.properties["ended"]) for t in self.touchpoints() if t.kind == IMPORT_REACHED))

    def letters(self) -> list[DeadLetter]:
        return [decode_dead_letter(value) for topic, _, _, value in self.records if topic == "dead-letters" and value]


@asynccontextmanager
async def collector(log: Any, settings: Settings = SETTINGS) -> AsyncIterator[str]:
    server = TestServer(application(settings, log, asyncio.Event(), now=clock.now_ms))
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def rows(folder: Path, count: int, *, name: str = "a.csv", **columns: Any) -> Path:
    """A file of *count* rows, a day apart; *columns* are given per row by number."""
    path = folder / name
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["n", "kind", "at", "who"])
        writer.writeheader()
        for n in range(count):
            row = {"n": n, "kind": "phone_call", "at": f"2024-01-{n % 28 + 1:02}", "who": f"p{n}"}
            writer.writerow(row | {name: values[n] for name, values in columns.items() if n in values})
    return path


async def send(path: Path, url: str, **changes: Any) -> Report:
    plan = {"file": str(path), "map": load(MAP), "map_name": "map", "secret": SETTINGS.events_secret, "import_id": "i", "import_key": SETTINGS.import_key, **changes}
    waits: list[float] = plan.pop("waits", [])
    patience = plan.pop("patience", timedelta(minutes=1))

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with aiohttp.ClientSession() as session:
        return await Sender(Plan(**plan), Door(session, url, sleep=sleep, patience=patience)).run()


async def test_every_row_arrives_in_order_and_then_the_import_ends_as_of_now(tmp_path: Path) -> None:
    """What time alone has done since the last row is history, too: nobody is called about a lead that cooled years ago."""
    log, began = Log(), clock.now_ms()
    async with collector(log) as url:
        report = await send(rows(tmp_path, 10), url, batch=3)
    assert (report.progress.rows, report.progress.sent, report.progress.accepted, report.progress.rejected) == (10, 10, 10, 0)
    assert log.ids() == [f"p{n}" for n in range(10)]
    assert {t.import_id for t in log.touchpoints()} == {"i"}
    ((until, ended),) = log.marks()
    assert ended == "true"
    assert began <= until <= clock.now_ms()


async def test_a_live_sending_has_no_import_and_no_end(tmp_path: Path) -> None:
    log = Log()
    async with collector(log) as url:
        await send(rows(tmp_path, 3), url, import_id=None)
    assert {(t.import_id, t.received_at > t.occurred_at) for t in log.touchpoints()} == {(None, True)}
    assert log.marks() == []


async def test_an_import_kept_open_is_not_told_to_end(tmp_path: Path) -> None:
    log = Log()
    async with collector(log) as url:
        await send(rows(tmp_path, 3), url, keep_open=True)
    assert log.marks() == []


async def test_checkpoints_come_behind_what_lies_before_them(tmp_path: Path) -> None:
    """
    rows      1 2 3 4 5 6 7 8 9 10 ... of January 2024
    weeks     (Thursdays)  |4     |11
    """
    log = Log()
    async with collector(log) as url:
        report = await send(rows(tmp_path, 14), url, checkpoint_every=timedelta(days=7))
    thursdays = [1_704_326_400_000 - 1, 1_704_931_200_000 - 1]
    assert log.marks()[:-1] == [(thursdays[0], "false"), (thursdays[1], "false")]
    kinds = [(t.kind == IMPORT_REACHED, t.occurred_at) for t in log.touchpoints()]
    for until in thursdays:
        before = kinds[: kinds.index((True, until))]
        assert max(at for is_mark, at in before if not is_mark) <= until
        assert all(at > until for is_mark, at in kinds[len(before) :] if not is_mark)
    assert report.behind == 0


async def test_rows_behind_a_checkpoint_are_sent_and_counted_for_the_sender_to_know(tmp_path: Path) -> None:
    log = Log()
    async with collector(log) as url:
        report = await send(rows(tmp_path, 14, at={12: "2024-01-02"}), url, checkpoint_every=timedelta(days=7))
    assert report.behind == 1
    assert len(log.ids()) == 14


async def test_a_rejected_row_is_told_by_its_line_and_kept_by_the_collector(tmp_path: Path) -> None:
    log = Log()
    async with collector(log) as url:
        report = await send(rows(tmp_path, 6, kind={3: "phone_cal"}, at={1: "01.02.24"}), url)
    assert (report.progress.rows, report.progress.accepted, report.progress.rejected) == (6, 4, 2)
    assert [(p.line, p.field, p.reason) for p in report.problems] == [(3, "at", "unfit"), (5, "kind", "unknown_kind")]
    assert "did you mean phone_call?" in report.problems[1].detail
    assert [json.loads(letter.body)["kind"] for letter in log.letters()] == ["phone_cal"]


async def test_a_batch_of_which_nothing_can_be_used_is_no_reason_to_stop(tmp_path: Path) -> None:
    log = Log()
    async with collector(log) as url:
        report = await send(rows(tmp_path, 300, kind=dict.fromkeys(range(100, 250), "nonsense")), url, batch=150)
    assert (report.progress.accepted, report.progress.rejected) == (150, 150)
    assert len(log.letters()) == 150


async def test_a_busy_collector_is_asked_again_after_the_time_it_names(tmp_path: Path) -> None:
    log = Log()
    log.failures = [False, True, True, False]
    waits: list[float] = []
    async with collector(log) as url:
        report = await send(rows(tmp_path, 9), url, batch=3, waits=waits)
    assert report.progress.accepted == 9
    assert log.ids() == [f"p{n}" for n in range(9)]
    assert waits == [2.0, 2.0]  # Retry-After, longer than our own first pauses


async def test_patience_over_what_was_acknowledged_is_noted_and_the_same_command_goes_on_there(tmp_path: Path) -> None:
    log, path = Log(), rows(tmp_path, 10, kind={1: "nonsense", 7: "nonsense"})
    notes = Notebook(tmp_path / "notes", content_hash(path))
    log.failures = [False, False] + [True] * 1000
    async with collector(log) as url:
        with pytest.raises(Unavailable, match="answers 503, for 60 s"):
            await send(path, url, batch=3, notes=notes)
        assert log.ids() == ["p0", "p2", "p3", "p4", "p5"]
        log.failures = []
        report = await send(path, url, batch=3, notes=notes)
    assert log.ids() == ["p0", "p2", "p3", "p4", "p5", "p6", "p8", "p9"]
    assert report.resumed_at == 6
    assert (report.progress.rows, report.progress.accepted, report.progress.rejected) == (10, 8, 2)
    assert notes.read() is None


async def test_a_sending_that_was_complete_is_sent_anew_with_the_same_ids(tmp_path: Path) -> None:
    log, path = Log(), rows(tmp_path, 4)
    notes = Notebook(tmp_path, content_hash(path))
    async with collector(log) as url:
        for _ in range(2):
            await send(path, url, notes=notes)
    ids = [t.event_id for t in log.touchpoints() if t.kind != IMPORT_REACHED]
    assert len(ids) == 8
    assert len(set(ids)) == 4


async def test_a_batch_too_large_for_the_collector_goes_in_halves(tmp_path: Path) -> None:
    log = Log()
    async with collector(log, Settings.local(body_bytes_max=1024)) as url:
        report = await send(rows(tmp_path, 50), url, batch=50)
    assert report.progress.accepted == 50
    assert log.ids() == [f"p{n}" for n in range(50)]


async def test_a_row_too_large_for_the_collector_is_rejected_alone(tmp_path: Path) -> None:
    log = Log()
    async with collector(log, Settings.local(body_bytes_max=1024)) as url:
        report = await send(rows(tmp_path, 5, who={2: "p" * 2_000}), url)
    assert (report.progress.accepted, report.progress.rejected) == (4, 1)
    assert [(p.line, p.reason) for p in report.problems] == [(4, "too_large")]


async def test_another_secret_than_the_collectors_is_a_matter_for_the_operator(tmp_path: Path) -> None:
    async with collector(Log()) as url:
        with pytest.raises(Misconfigured, match="does not let us in: header webhook-signature"):
            await send(rows(tmp_path, 1), url, secret="whsec_" + "MDEyMzQ1Njc4OTAxMjM0NQ==")
        with pytest.raises(Misconfigured, match="LEADSTREAM_IMPORT_KEY"):
            await send(rows(tmp_path, 1), url, import_key="wrong")


async def test_something_else_at_the_address_is_named(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_post("/v1/events", lambda _: web.json_response({"message": "teapot"}, status=418))
    server = TestServer(app)
    await server.start_server()
    try:
        with pytest.raises(Refused, match="teapot"):
            await send(rows(tmp_path, 1), str(server.make_url("")).rstrip("/"))
    finally:
        await server.close()


def test_a_body_is_signed_the_same_way_twice_but_for_the_time() -> None:
    one, other = (signed(b"x", secret=SETTINGS.events_secret, now_ms=at) for at in (NOW, NOW + 999))
    assert one == other
    assert signed(b"y", secret=SETTINGS.events_secret, now_ms=NOW)["webhook-id"] != one["webhook-id"]


def test_an_import_is_named_by_its_file_for_people_and_by_its_content_for_us() -> None:
    assert default_import_id("/data/Leads (final).csv.gz", "0123456789abcdef") == "leads-final-csv-gz-0123456789ab"
    assert default_import_id("-", "0" * 32) == "file-000000000000"


# --- the command ---


def run_cli(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("LEADSTREAM_IDENTITY_KEY", "an-identity-key-for-tests")
    monkeypatch.setenv("LEADSTREAM_EVENTS_SECRET", SETTINGS.events_secret)
    monkeypatch.setenv("LEADSTREAM_IMPORT_KEY", SETTINGS.import_key)
    return cli.main(["send", *arguments])


async def test_the_command_tells_scripts_everything_in_one_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log, path = Log(), rows(tmp_path, 5, kind={2: "nonsense"})
    (tmp_path / "map.yaml").write_text(MAP)
    async with collector(log) as url:
        arguments = (str(path), "--map", str(tmp_path / "map.yaml"), "--url", url, "--json", "--notes", str(tmp_path / "notes"))
        code = await asyncio.to_thread(run_cli, monkeypatch, *arguments)
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert code == 65
    assert record["import"].startswith("a-csv-")
    assert {name: record[name] for name in ("rows", "sent", "accepted", "rejected", "skipped", "ended")} == {
        "rows": 5, "sent": 5, "accepted": 4, "rejected": 1, "skipped": 0, "ended": True,
    }  # fmt: skip
    assert record["problems"][0]["line"] == 4
    assert said.err.startswith("line 4: kind: ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-", "--map", "MAP"], 64, "say --import ID, or --live"),
        (["FILE", "--map", "MAP", "--live", "--keep-open"], 64, "--live is none"),
        (["FILE", "--map", "MAP", "--checkpoint-every", "7"], 64, "--checkpoint-every takes a duration such as"),
        (["FILE", "--map", "MAP", "--url", "http://127.0.0.1:1", "--patience", "1s"], 69, "does not answer (ClientConnectorError), for 1 s"),
        (["FILE", "--map", "nowhere.yaml"], 78, "nowhere.yaml: the map cannot be read"),
        (["nowhere.csv", "--map", "MAP"], 78, "nowhere.csv: cannot be opened"),
        (["FILE", "--map", "BROKEN"], 65, "BROKEN:1:1: a map needs kind"),
        (["FILE", "--map", "OTHER", "--url", "http://127.0.0.1:1"], 65, 'the column "whoo" is not known (did you mean who?)'),
    ],
)
def test_what_cannot_be_sent_is_refused_in_a_sentence_and_an_exit_code(
    arguments: list[str], code: int, said: str, *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows(tmp_path, 2, name="FILE.csv").rename(tmp_path / "FILE.csv")
    Path("MAP").write_text(MAP)
    Path("BROKEN").write_text('crm_id: "{who}"\n')
    Path("OTHER").write_text(MAP.replace("{who}", "{whoo}"))
    arguments = ["FILE.csv" if argument == "FILE" else argument for argument in arguments]
    assert run_cli(monkeypatch, *arguments, "--notes", str(tmp_path / "notes")) == code
    assert said in capsys.readouterr().err


def test_a_dry_run_shows_what_rows_become_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.yaml").write_text(MAP)
    path = rows(tmp_path, 2, at={1: "someday"})
    assert run_cli(monkeypatch, str(path), "--map", str(tmp_path / "map.yaml"), "--dry-run", "--url", "http://127.0.0.1:1") == 65
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"line": 2, "event": {"kind": "phone_call", "crm_id": "p0", "at": 1_704_067_200_000, "id": "0", "source": "test"}}
    assert lines[1]["rejected"].startswith("at: is no date")
