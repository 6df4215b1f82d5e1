"""Bytes of ClickHouse's native protocol: varints, strings, fixed numbers, and compressed frames."""

import struct
from collections.abc import Callable
from typing import Self

import lz4.block  # type: ignore[import-untyped]
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]

RECEIVE_BYTES = 1 << 20
FRAME_RAW_BYTES = 1 << 20
CHECKSUM_BYTES = 16
HEAD = struct.Struct("<BII")  # method, size of this head and the data, size of the data unpacked
METHOD_NONE = 0x02
METHOD_LZ4 = 0x82


class Malformed(Exception):
    """Say that the peer's bytes are not what the protocol allows; the connection cannot go on."""


class Inbound:
    """A buffered stream of bytes that others may walk: `buffer` grows in place, `at` is the next byte to read."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self.buffer = bytearray()
        self.at = 0

    @classmethod
    def over(cls, data: bytes) -> Self:
        """Return a stream of *data* and no more."""
        stream = cls(bytes)
        stream.buffer += data
        return stream

    def ensure(self, until: int) -> None:
        """Hold at least *until* bytes of buffer; raise EOFError when the peer has gone."""
        while len(self.buffer) < until:
            received = self._receive()
            if not received:
                raise EOFError
            self.buffer += received

    def forget(self) -> None:
        """Drop what was read."""
        del self.buffer[: self.at]
        self.at = 0

    def skip(self, size: int) -> None:
        self.at += size
        self.ensure(self.at)

    def take(self, size: int) -> bytes:
        start = self.at
        self.skip(size)
        return bytes(self.buffer[start : self.at])

    def varint(self) -> int:
        value = shift = 0
        while True:
            self.ensure(self.at + 1)
            byte = self.buffer[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Malformed("a number is longer than 64 bits")

    def text(self) -> str:
        return self.take(self.varint()).decode(errors="surrogateescape")


class Frames:
    """Unpack the compressed frames of *source*, one a call; a block ends where a frame ends."""

    def __init__(self, source: Inbound) -> None:
        self._source = source

    def __call__(self) -> bytes:
        checksum = self._source.take(CHECKSUM_BYTES)
        head = self._source.take(HEAD.size)
        method, packed, raw = HEAD.unpack(head)
        if packed < HEAD.size:
            raise Malformed("a compressed block is shorter than its own head")
        body = self._source.take(packed - HEAD.size)
        if _checksum(head + body) != checksum:
            raise Malformed("the checksum of a compressed block differs")
        if method == METHOD_LZ4:
            return bytes(lz4.block.decompress(body, uncompressed_size=raw))
        if method == METHOD_NONE:
            return body
        raise Malformed(f"compression method {method:#x} is unknown here: use LZ4")


def framed(data: bytes) -> bytes:
    """Return *data* as compressed frames."""
    frames = bytearray()
    for start in range(0, len(data), FRAME_RAW_BYTES):
        raw = data[start : start + FRAME_RAW_BYTES]
        packed = lz4.block.compress(raw, store_size=False)
        body = HEAD.pack(METHOD_LZ4, HEAD.size + len(packed), len(raw)) + packed
        frames += _checksum(body) + body
    return bytes(frames)


def _checksum(body: bytes) -> bytes:
    # Two little-endian halves, the higher one first.
    value = CityHash128(body)
    return struct.pack("<QQ", value >> 64, value & 0xFFFFFFFFFFFFFFFF)


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def text(value: str) -> bytes:
    encoded = value.encode(errors="surrogateescape")
    return varint(len(encoded)) + encoded
