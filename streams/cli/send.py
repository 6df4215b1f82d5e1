"""`leadstream send FILE --map MAP.yaml`: rows of any shape into the collector, live or as an import of history."""

import asyncio
import re
from argparse import Namespace
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streams.cli.arguments import Parser, Refusal, duration
from streams.cli.output import as_json, note
from streams.errors import Misconfigured, Refused, StreamsError

if TYPE_CHECKING:
    from streams.sending.mapping import Map
    from streams.sending.send import Plan
    from streams.settings import Settings

DRY_ROWS: Final = 20
NOTES: Final = Path("~/.local/state/leadstream/sending")
STDIN: Final = "-"
_IMPORT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def declare(parser: Parser) -> None:
    parser.teach(
        "Send a file, CSV or JSON lines, plain or gzip, of any shape: a map (YAML, see docs/importing.md and examples/maps)\n"
        "says what each row was. As an import, which is what it does unless --live is given, history comes out as it would\n"
        "have happened then, and nobody is called about a demo booked years ago. Sending a file twice changes nothing:\n"
        "every row has an id of its own. Interrupted, the same command goes on where it stopped.",
        examples="""\
  leadstream send leads.csv --map leads.yaml --local                 history, to the collector of `leadstream run --local`
  leadstream send leads.csv --map leads.yaml --dry-run               what would become of the first rows
  leadstream send mqls.csv --map mqls.yaml --import olist --keep-open     several files, one history
  leadstream send deals.csv --map deals.yaml --import olist
  zcat calls.jsonl.gz | leadstream send - --map calls.yaml --live --json | jq .rejected""",
    )
    parser.add_argument("file", metavar="FILE", help="a .csv, .tsv, .jsonl file, also .gz; - is standard input")
    parser.add_argument("--map", required=True, type=Path, metavar="MAP.yaml", help="what the columns mean")
    parser.add_argument("--url", metavar="URL", help="the collector (that of the settings, http://127.0.0.1:8080)")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--import", dest="import_id", metavar="ID", help="the import it belongs to (one of its own, named by the file)")
    kinds.add_argument("--live", action="store_true", help="as something that happens now, not as history")
    parser.add_argument("--keep-open", action="store_true", help="more of this import follows: decide nothing yet")
    parser.add_argument("--checkpoint-every", metavar="7d", help="of a file in the order of time: decide what came so far every so often (h, d, w)")
    parser.add_argument("--batch", type=int, default=500, metavar="N", help="events in one request (%(default)s)")
    parser.add_argument("--patience", default="5min", metavar="5min", help="how long to try while the collector is away or busy (s, min, h; %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="send nothing, show what the first rows become")
    parser.add_argument("--no-resume", dest="resume", action="store_false", help="begin with the first row, whatever was sent before")
    parser.add_argument("--resume", dest="resume", action="store_true", help="go on where the last try stopped (as it does unless told otherwise)")
    parser.add_argument("--notes", type=Path, default=NOTES, metavar="FOLDER", help="where it is noted how far a sending came (%(default)s)")
    parser.set_defaults(resume=True)
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    """Exit with 65 where rows were rejected; all others have been sent."""
    every = None if asked.checkpoint_every is None else duration("--checkpoint-every", asked.checkpoint_every)
    patience = duration("--patience", asked.patience)
    if not 1 <= asked.batch <= 5_000:
        raise Refusal("--batch takes a number from 1 to 5000")
    if asked.live and (asked.keep_open or every):
        raise Refusal("--keep-open and --checkpoint-every are about imports, and --live is none")
    if asked.file == STDIN and not asked.live and asked.import_id is None:
        raise Refusal("standard input has no name to make an import's id of: say --import ID, or --live")
    if asked.import_id is not None and not _IMPORT_ID.fullmatch(asked.import_id):
        raise Refusal("--import takes 1 to 64 letters, digits, dots, dashes and underscores")
    how = _map_of(asked.map)
    if how.at is None and not asked.live:
        raise Refused(f"{asked.map}: says nothing of when it happened (at), which an import needs; or send it --live")
    return _dry_run(asked, how) if asked.dry_run else _send(asked, how, every=every, patience=patience)


def _map_of(path: Path) -> "Map":
    from processors.model.problems import ModelProblems
    from streams.sending.map_file import load

    try:
        return load(path.read_text(encoding="utf-8"), name_of_file=str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"{path}: the map cannot be read ({reason})") from error
    except ModelProblems as problems:
        raise Refused(f"the map cannot be used:\n{problems}") from problems


def _dry_run(asked: Namespace, how: "Map") -> int:
    """Print what the first rows become, one line of JSON each."""
    from processors.model.problems import ModelProblems
    from streams.sending.map_file import refuse_unknown_columns
    from streams.sending.mapping import Event, Unfit
    from streams.sending.rows import Row, open_rows

    unfit = 0
    with open_rows(asked.file, how.shape) as rows:
        try:
            refuse_unknown_columns(how, rows.columns or (), name_of_file=str(asked.map)) if rows.columns else None
        except ModelProblems as problems:
            raise Refused(f"the map does not fit the file:\n{problems}") from problems
        for _, row in zip(range(DRY_ROWS), rows, strict=False):
            mapped = how.event_of(row) if isinstance(row, Row) else Unfit(row.line, "", row.detail)
            match mapped:
                case Event():
                    print(as_json({"line": mapped.line, "event": mapped.body}))
                case Unfit():
                    unfit += 1
                    print(as_json({"line": mapped.line, "rejected": mapped.detail}))
                case _:
                    print(as_json({"line": mapped.line, "skipped": True}))
    return Refused.exit_code if unfit else 0


def _send(asked: Namespace, how: "Map", *, every: timedelta | None, patience: timedelta) -> int:
    from processors.model.problems import ModelProblems
    from streams.cli import sending as show
    from streams.cli.installation import settings_of

    settings = settings_of(asked)
    url = (asked.url or f"http://{_reachable(settings.collector_host)}:{settings.collector_port}").rstrip("/")
    plan = _plan(asked, how, every=every, settings=settings, url=url)
    with ExitStack() as shown:
        sending = show.Sending(plan, url, patience=patience, bar=None if asked.json else shown.enter_context(show.bar()))
        try:
            report = asyncio.run(sending.run())
        except ModelProblems as problems:
            raise Refused(f"the map does not fit the file:\n{problems}") from problems
        except (StreamsError, KeyboardInterrupt):
            if plan.notes is not None and sending.rows_done:
                note(f"{sending.rows_done} rows are sent and noted; the same command goes on behind them")
            raise
    print(as_json(show.as_record(report, plan)) if asked.json else show.told(report, plan))
    show.tell_problems(report.problems, report.progress.rejected)
    return Refused.exit_code if report.progress.rejected else 0


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host


def _plan(asked: Namespace, how: "Map", *, every: timedelta | None, settings: "Settings", url: str) -> "Plan":
    from streams.sending.history import default_import_id
    from streams.sending.resume import Notebook, content_hash
    from streams.sending.send import Plan

    if not settings.events_secret:
        raise Misconfigured("LEADSTREAM_EVENTS_SECRET is missing: it signs what is sent, and the collector has the same one")
    content = "" if asked.file == STDIN else _content(asked.file, content_hash)
    import_id = None if asked.live else asked.import_id or default_import_id(asked.file, content)
    if import_id is not None and not settings.import_key:
        raise Misconfigured("LEADSTREAM_IMPORT_KEY is missing: it lets history in, and the collector has the same one")
    notes = Notebook(asked.notes.expanduser(), content, how.text, url, import_id or "") if asked.resume and content else None
    return Plan(
        file=asked.file, map=how, map_name=str(asked.map), secret=settings.events_secret, import_id=import_id,
        import_key=settings.import_key, keep_open=asked.keep_open, batch=asked.batch, checkpoint_every=every, notes=notes,
    )  # fmt: skip


def _content(file: str, content_hash: Any) -> str:
    try:
        return str(content_hash(Path(file)))
    except OSError as error:
        raise Misconfigured(f"{file}: cannot be opened ({error.strerror})") from error
