"""Builds leadstream.min.js: `python tests/streams/built_snippet.py`. A test holds what is committed against it."""

from pathlib import Path

import minify

WEB = Path(__file__).parents[2] / "streams" / "web"


def built() -> str:
    return minify.string("application/javascript", (WEB / "leadstream.js").read_text()) + "\n"


if __name__ == "__main__":
    (WEB / "leadstream.min.js").write_text(built())
