"""`GET /leadstream.js`: the script that a page includes, the same for all; what differs stands in its tag's attributes.

Under another path (LEADSTREAM_SNIPPET_PATHS), which no list of trackers knows, the script sends its events to that same path.
"""

import gzip
import hashlib
from importlib.resources import files
from typing import Final

from aiohttp import web

PATH: Final = "/leadstream.js"
ENDPOINT: Final = "/v1/b"
"""Where the script sends events, as it is built: a batch of Segment's."""
GZIPPED_BYTES_MAX: Final = 2_560
_FRESH_S: Final = 3_600


class Snippet:
    """The built script, which sends to *endpoint*; read and zipped once."""

    def __init__(self, endpoint: str = ENDPOINT) -> None:
        built = files("streams.web").joinpath("leadstream.min.js").read_bytes()
        self._plain = built.replace(b'"%b"' % ENDPOINT.encode(), b'"%b"' % endpoint.encode())
        self._zipped = gzip.compress(self._plain, 9, mtime=0)
        self._etag = hashlib.sha256(self._plain).hexdigest()[:16]

    async def get(self, request: web.Request) -> web.Response:
        """Answer 200 with the script, or 304 to whoever has it."""
        zipped = "gzip" in request.headers.get("Accept-Encoding", "")
        response = web.Response(body=self._zipped if zipped else self._plain, content_type="text/javascript", charset="utf-8")
        if any(each.value in {self._etag, "*"} for each in request.if_none_match or ()):
            response = web.Response(status=304)
        elif zipped:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["ETag"] = f'W/"{self._etag}"'  # weak: zipped or not, it is the same script
        response.headers["Cache-Control"] = f"public, max-age={_FRESH_S}"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
