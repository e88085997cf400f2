"""A SPDY/3.1 client of bare bytes that shares nothing with kfwd but the dictionary.

What arrives is told as short tuples: `("reply", id)`, `("data", id, payload)`, `("fin", id)`,
`("rst", id, status)`, `("ping", id)`, `("goaway", last id, status)`, `("end",)`.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import Any

from kfwd.wire.spdy_dictionary import DICTIONARY

Frame = tuple[Any, ...]


class SpdyClient:
    """Writes frames as told, right or wrong."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader = reader
        self.writer = writer
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, zdict=DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self.reply_blocks: list[bytes] = []

    def control(self, kind: int, payload: bytes, flags: int = 0) -> None:
        head = struct.pack(">HHI", 0x8003, kind, flags << 24 | len(payload))
        self.writer.write(head + payload)

    def block(self, headers: dict[str, str]) -> bytes:
        texts = [text.encode() for pair in headers.items() for text in pair]
        parts = [struct.pack(">I", len(headers))]
        parts += [struct.pack(">I", len(text)) + text for text in texts]
        raw = self._deflate.compress(b"".join(parts))
        return raw + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def syn(self, stream_id: int, **headers: str) -> None:
        start = struct.pack(">IIBB", stream_id, 0, 0, 0)
        self.control(1, start + self.block(headers))

    def open(self, error_id: int, port: int | str, request: str | None = None) -> int:
        """The two streams of a connection, ids `error_id` and the next; returns the data id."""
        given = {} if request is None else {"requestid": request}
        self.syn(error_id, streamtype="error", port=str(port), **given)
        self.data(error_id, fin=True)
        self.syn(error_id + 2, streamtype="data", port=str(port), **given)
        return error_id + 2

    def data(self, stream_id: int, payload: bytes = b"", fin: bool = False) -> None:
        self.writer.write(struct.pack(">II", stream_id, fin << 24 | len(payload)) + payload)

    def rst(self, stream_id: int, status: int = 5) -> None:
        self.control(3, struct.pack(">II", stream_id, status))

    def ping(self, ping_id: int, flags: int = 0) -> None:
        self.control(6, struct.pack(">I", ping_id), flags)

    async def next(self, timeout: float = 5.0) -> Frame:
        """The next frame; `("end",)` when the connection has ended."""
        async with asyncio.timeout(timeout):
            try:
                return await self._next()
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return ("end",)

    async def _next(self) -> Frame:
        first, second = struct.unpack(">II", await self.reader.readexactly(8))
        flags, payload = second >> 24, await self.reader.readexactly(second & 0xFFFFFF)
        if not first >> 31:
            return ("fin", first) if flags and not payload else ("data", first, payload)
        numbers = struct.unpack_from(">I" if len(payload) < 8 else ">II", payload)
        match first & 0xFFFF:
            case 2:
                self.reply_blocks.append(payload[4:])
                assert self._inflate.decompress(payload[4:]) == bytes(4), "no headers"
                return ("reply", numbers[0])
            case 3:
                return ("rst", *numbers)
            case 6:
                return ("ping", *numbers)
            case 7:
                return ("goaway", *numbers)
        raise AssertionError(f"a frame of type {first & 0xFFFF}")

    async def until(self, last: Frame, timeout: float = 5.0) -> list[Frame]:
        """Frames up to and with `last`, of which only the beginning must match."""
        frames: list[Frame] = []
        async with asyncio.timeout(timeout):
            while not frames or frames[-1][: len(last)] != last:
                frames.append(await self.next(timeout))
                assert frames[-1] != ("end",) or last == ("end",), frames
        return frames

    async def silent(self, seconds: float) -> bool:
        """Whether nothing arrives for some time."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False

    async def alive(self, ping_id: int = 99) -> bool:
        """Whether a ping is answered; what comes before it is dropped."""
        self.ping(ping_id)
        return (await self.until(("ping", ping_id)))[-1] == ("ping", ping_id)


def text_of(frames: list[Frame], stream_id: int) -> bytes:
    """All payload of one stream."""
    return b"".join(frame[2] for frame in frames if frame[:2] == ("data", stream_id))


def without_replies(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame[0] != "reply"]
