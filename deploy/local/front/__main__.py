"""The server process: `python -m deploy.local.front --data DIR --port N --http-port N`, ended by SIGTERM or SIGINT."""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

GRACE_S = 10
POLL_S = 0.05
WATCH_S = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.front", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    asked = parser.parse_args()
    # Before the engine is loaded: servers run in UTC, whatever the clock on the wall of this machine says.
    os.putenv("TZ", "UTC")
    time.tzset()
    from deploy.local.front.engine import Engine, EngineError  # noqa: PLC0415
    from deploy.local.front.http_door import HttpDoor  # noqa: PLC0415
    from deploy.local.front.native_door import NativeDoor  # noqa: PLC0415

    ending = threading.Event()
    try:
        engine = Engine(asked.data, incoming=asked.data.with_name("incoming"))
    except EngineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    # Set after the engine has loaded, which installs handlers of its own.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    doors = [NativeDoor((asked.host, asked.port), engine), HttpDoor((asked.host, asked.http_port), engine)]
    for door in doors:
        threading.Thread(target=door.serve_forever, args=(POLL_S,), daemon=True).start()
    # Without its folder, and so without the record of its pid, nobody would find this process to end it.
    while not ending.wait(WATCH_S) and asked.data.is_dir():
        pass
    for door in doors:
        door.shutdown()
    engine.close(grace_s=GRACE_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
