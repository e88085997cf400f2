"""A WebSocket client of bare bytes that shows every frame as it is."""

from __future__ import annotations

import asyncio
import struct
from typing import NamedTuple

MASK = b"\x11\x22\x33\x44"


class WsFrame(NamedTuple):
    """One frame of the server: FIN bit and opcode in one byte, as on the wire."""

    first: int
    payload: bytes


class WebSocketClient:
    """Writes frames as told, right or wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, payload: bytes, first: int = 0x82, masked: bool = True) -> None:
        size = len(payload)
        if size < 126:
            length = bytes((size | masked << 7,))
        elif size < 1 << 16:
            length = bytes((126 | masked << 7,)) + struct.pack(">H", size)
        else:
            length = bytes((127 | masked << 7,)) + struct.pack(">Q", size)
        if masked:
            payload = MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
        self.writer.write(bytes((first,)) + length + payload)

    async def frame(self, timeout: float = 5.0) -> WsFrame | None:
        """The next frame, None at the end of the connection."""
        async with asyncio.timeout(timeout):
            try:
                first, second = await self.reader.readexactly(2)
                assert not second & 0x80, "a server must not mask"
                size = second
                if second > 125:
                    size = int.from_bytes(await self.reader.readexactly(2 if second == 126 else 8))
                return WsFrame(first, await self.reader.readexactly(size))
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return None

    async def silent(self, seconds: float) -> bool:
        try:
            await self.frame(seconds)
        except TimeoutError:
            return True
        return False


class Tunnelled:
    """What `SpdyClient` reads and writes, carried in binary messages."""

    def __init__(self, socket: WebSocketClient) -> None:
        self._socket = socket
        self._data = bytearray()
        self.frames: list[WsFrame] = []

    def write(self, data: bytes) -> None:
        self._socket.send(data)

    async def readexactly(self, size: int) -> bytes:
        while len(self._data) < size:
            frame = await self._socket.frame(60)
            if frame is None or frame.first & 0x0F == 8:
                raise asyncio.IncompleteReadError(bytes(self._data), size)
            self.frames.append(frame)
            self._data += frame.payload
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken
