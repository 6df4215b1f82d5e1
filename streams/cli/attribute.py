"""`leadstream attribute`: what the data say of each channel, and every conversion stated anew where its parts changed."""

from argparse import Namespace
from datetime import timedelta

from streams.cli.arguments import Parser, Refusal, duration


def declare(parser: Parser) -> None:
    parser.teach(
        "Find out, from all journeys to each stage, what every channel is worth (Markov removal effects, Shapley parts), store it\n"
        "for the views `attribution` and `attribution_credits`, and state each conversion whose parts are not what was last stated:\n"
        "after merges and late events. What was stated before stays (view `attribution_restated`). The rules (first, last, linear,\n"
        "u_shaped, w_shaped, time_decay, last_non_direct) need no run: the views compute them. Run it nightly, or with --every.",
        examples="""\
  leadstream attribute --local
  leadstream attribute --every 1h
  leadstream attribute --json | jq .weights.customer""",
    )
    parser.add_argument("--every", metavar="1h", help="go on, so often (min, h, d), until Ctrl-C")
    parser.takes_json()
    parser.takes_local()


def run(asked: Namespace) -> int:
    pause = None if asked.every is None else duration("--every", asked.every)
    if pause is not None and pause < timedelta(minutes=1):
        raise Refusal("--every takes at least a minute")
    from streams import clock
    from streams.attributing import attribute
    from streams.cli.installation import installation
    from streams.clickhouse import connected

    settings = installation(asked).settings
    while True:
        with connected(settings) as client:
            done = attribute(client, clock.now_ms())
        _tell(asked, done)
        if pause is None or _wait(pause):
            return 0


def _wait(pause: timedelta) -> bool:
    """Return True when told to end before *pause* is over."""
    import signal
    import threading

    told = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: told.set())
    return told.wait(pause.total_seconds())


def _tell(asked: Namespace, done: object) -> None:
    from streams.attributing import Attributed
    from streams.cli.output import as_json, counted, note, table

    assert isinstance(done, Attributed)
    if asked.json:
        print(as_json({"weights": done.weights, "restated": done.restated._asdict()}))
        return
    rows = [(stage, channel, f"{100 * weight:.1f} %") for stage, weights in done.weights.items() for channel, weight in sorted(weights.items(), key=lambda each: -each[1])]
    table(("stage", "channel", "weight (Markov)"), rows)
    first, changed, withdrawn = done.restated
    note(f"{counted(first, 'conversion part was', 'conversion parts were')} stated for the first time, {changed} anew, {withdrawn} withdrawn")
