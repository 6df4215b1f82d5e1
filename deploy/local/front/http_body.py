"""Bodies of HTTP requests and responses: chunked transfer, content encodings, ClickHouse's own compressed frames."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.message import Message
from io import BufferedIOBase
from typing import Any

import lz4.frame  # type: ignore[import-untyped]

from deploy.local.front.engine import EngineError
from deploy.local.front.wire import Frames, Inbound

READ_BYTES = 1 << 20
UNKNOWN_COMPRESSION = 89
CANNOT_DECOMPRESS = 271
DECODERS: Mapping[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "x-gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": zlib.decompressobj,
    "lz4": lz4.frame.LZ4FrameDecompressor,
}
ENCODERS = ("lz4", "gzip", "deflate")


def received(reader: BufferedIOBase, headers: Message) -> Iterator[bytes]:
    """Yield the request's body as sent, by its length or by its chunks."""
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int(reader.readline().split(b";")[0], 16):
            yield _exactly(reader, size)
            reader.readline()
        while reader.readline().strip():  # trailers
            pass
        return
    left = int(headers.get("Content-Length") or 0)
    while left:
        data = _exactly(reader, min(left, READ_BYTES))
        left -= len(data)
        yield data


def _exactly(reader: BufferedIOBase, size: int) -> bytes:
    data = reader.read(size)
    if len(data) < size:
        raise EOFError
    return data


def decoded(body: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield *body* without its content encoding."""
    if encoding in ("", "identity"):
        return body
    if encoding not in DECODERS:
        raise EngineError(UNKNOWN_COMPRESSION, f"Content-Encoding {encoding} is not served here: use lz4, gzip or deflate. (UNKNOWN_COMPRESSION_METHOD)")
    return _decoded(body, DECODERS[encoding])


def _decoded(body: Iterator[bytes], new_decoder: Callable[[], Any]) -> Iterator[bytes]:
    decoder, fresh = new_decoder(), True
    for received_data in body:
        data = received_data
        while data:
            try:
                yield decoder.decompress(data)
            except (zlib.error, RuntimeError) as error:
                raise EngineError(CANNOT_DECOMPRESS, f"The body cannot be decompressed: {error}. (CANNOT_DECOMPRESS)") from error
            # Several compressed files, one behind the other, are one body.
            fresh = decoder.eof
            data = decoder.unused_data or b"" if fresh else b""
            if fresh:
                decoder = new_decoder()
    if not fresh:
        raise EngineError(CANNOT_DECOMPRESS, "The compressed body ends too early. (CANNOT_DECOMPRESS)")


def unframed(body: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what ClickHouse's own compressed frames hold."""
    source = Inbound(lambda: next(body, b""))
    frames = Frames(source)
    while True:
        try:
            source.ensure(source.at + 1)
        except EOFError:
            return
        yield frames()
        source.forget()


def accepted(header: str) -> str:
    """Return the first encoding of an Accept-Encoding header that is written here; "" when there is none."""
    for offer in header.lower().split(","):
        name, _, weight = offer.partition(";")
        if name.strip() in ENCODERS and weight.replace(" ", "") not in ("q=0", "q=0.0"):
            return name.strip()
    return ""


def encoded(body: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield *body* in *encoding*, one of ENCODERS."""
    if encoding == "lz4":
        lz4_encoder = lz4.frame.LZ4FrameCompressor()
        yield lz4_encoder.begin()
        yield from map(lz4_encoder.compress, body)
        yield lz4_encoder.flush()
    else:
        encoder = zlib.compressobj(level=3, wbits=31 if encoding == "gzip" else 15)
        yield from map(encoder.compress, body)
        yield encoder.flush()
