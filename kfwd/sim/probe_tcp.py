"""The probe's plain TCP ports, one protocol class each (design section 10).

Protocols rather than streams: these carry the gigabytes of the measurements and must not be what
is measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections.abc import Iterator
from typing import cast

from kfwd.sim.pattern import blocks
from kfwd.sim.podlog import PodLog

_BUFFER = memoryview(bytearray(256 * 1024))
"""Received bytes of all connections, one after the other: each call uses up what it got."""

MAX_NUMBER = 20
BLOCKS_A_TURN = 16


class Work:
    """What a probe is busy with, so that it can end when nothing is open; and its log."""

    def __init__(self, log: PodLog | None = None) -> None:
        self.log = log or PodLog()
        self.ending = asyncio.Event()
        self.connections: set[Connection] = set()
        self._open = 0
        self._none = asyncio.Event()
        self._none.set()

    def begin(self) -> None:
        self._open += 1
        self._none.clear()

    def end(self) -> None:
        self._open -= 1
        if not self._open:
            self._none.set()

    async def none_open(self) -> None:
        await self._none.wait()


class Connection(asyncio.BufferedProtocol):
    """One accepted connection. From its first byte on it is an open request until it ends."""

    counts = True
    transport: asyncio.Transport

    def __init__(self, work: Work) -> None:
        self._work = work
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._work.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._work.connections.discard(self)
        if self._busy:
            self._busy = False
            self._work.end()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if self.counts and not self._busy:
            self._busy = True
            self._work.begin()
        self.received(_BUFFER[:nbytes])

    def received(self, data: memoryview) -> None:
        """Use up `data`, which is valid only during the call."""
        raise NotImplementedError

    def answer(self, text: str) -> None:
        self.transport.write(text.encode())
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()


class Echo(Connection):
    """Sends back what it gets. An idle one does not hold the probe up: it has no last byte."""

    counts = False

    def received(self, data: memoryview) -> None:
        self.transport.write(bytes(data))

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class Sink(Connection):
    """Counts bytes to end-of-file and answers the count."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._count = 0

    def received(self, data: memoryview) -> None:
        self._count += len(data)

    def eof_received(self) -> bool:
        self.answer(f"{self._count}\n")
        return True


class Hash(Sink):
    """Hashes bytes to end-of-file and answers `COUNT SHA256`."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._digest = hashlib.sha256()

    def received(self, data: memoryview) -> None:
        super().received(data)
        self._digest.update(data)

    def eof_received(self) -> bool:
        self.answer(f"{self._count} {self._digest.hexdigest()}\n")
        return True


class Numbered(Connection):
    """A connection that begins with a decimal number and a newline, which it notes in the log."""

    name = ""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._line = bytearray()
        self._number: int | None = None

    def received(self, data: memoryview) -> None:
        if self._number is not None:
            self.rest(data)
            return
        self._line += data
        line, newline, rest = self._line.partition(b"\n")
        if newline and line.isdigit() and len(line) <= MAX_NUMBER:
            self._line = bytearray()
            self._number = int(line)
            self._work.log.write(f"{self.name} {self._number}")
            self.begun(self._number)
            self.rest(memoryview(rest))
        elif newline or len(self._line) > MAX_NUMBER:
            self.transport.abort()

    def begun(self, number: int) -> None:
        """The number is there."""
        raise NotImplementedError

    def rest(self, data: memoryview) -> None:
        """Bytes behind the line; ignored unless a subclass wants them."""


class Source(Numbered):
    """Sends as many bytes of the pattern as it was asked for and closes."""

    name = "source"
    _blocks: Iterator[bytes] = iter(())
    _paused = False

    def begun(self, number: int) -> None:
        self._blocks = blocks(number)
        self._send()

    def _send(self) -> None:
        for _ in range(BLOCKS_A_TURN):
            if self._paused or self.transport.is_closing():
                return
            block = next(self._blocks, None)
            if block is None:
                self.transport.close()
                return
            self.transport.write(block)
        asyncio.get_running_loop().call_soon(self._send)

    def eof_received(self) -> bool:
        return self._number is not None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        # The transport is in the middle of a write: one that is closed here would end twice.
        self._paused = False
        asyncio.get_running_loop().call_soon(self._send)


class CountedHash(Numbered):
    """Hashes as many bytes as announced and answers `COUNT SHA256`, without end-of-file."""

    name = "counted"

    def begun(self, number: int) -> None:
        self._left = number
        self._digest = hashlib.sha256()
        self._answer_when_done()

    def rest(self, data: memoryview) -> None:
        data = data[: self._left]
        self._left -= len(data)
        self._digest.update(data)
        self._answer_when_done()

    def _answer_when_done(self) -> None:
        if not self._left and not self.transport.is_closing():
            self.answer(f"{self._number} {self._digest.hexdigest()}\n")


class Reset(Connection):
    """Says hello, then resets the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(b"hello\n")
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def received(self, data: memoryview) -> None:
        """Nobody listens."""


PROTOCOLS: dict[int, type[Connection]] = {
    9000: Echo,
    9001: Sink,
    9002: Source,
    9004: Hash,
    9005: Reset,
    9006: CountedHash,
}
