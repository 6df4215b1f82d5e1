"""Request bodies, unzipped within bounds. Libraries zip without saying so, so the first bytes decide, not the headers."""

import zlib
from typing import Final

GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31


class Unreadable(ValueError):
    """A body that cannot be unzipped."""


class TooLarge(ValueError):
    """A body of more bytes than are read, before or after unzipping."""


def plain(body: bytes, encoding: str | None, *, bytes_max: int) -> bytes:
    """The body itself, at most *bytes_max*. Raises Unreadable, TooLarge.

    Only so much is unzipped as may be read: a kilobyte can hold a gigabyte of zeros.
    """
    if body.startswith(GZIP):
        return _unzip(body, _GZIP_WINDOW, bytes_max)
    said = (encoding or "identity").lower()
    if said == "deflate":
        return _unzip(body, zlib.MAX_WBITS, bytes_max)
    if said not in {"identity", "gzip", "x-gzip"}:
        raise Unreadable("Content-Encoding: only gzip and deflate are read")
    return body


def _unzip(body: bytes, window: int, bytes_max: int) -> bytes:
    inflater = zlib.decompressobj(window)
    try:
        found = inflater.decompress(body, bytes_max + 1)
    except zlib.error:
        raise Unreadable("body: cannot be unzipped") from None
    if len(found) > bytes_max:
        raise TooLarge
    if not inflater.eof:
        raise Unreadable("body: ends before its zipped data does")
    return found
