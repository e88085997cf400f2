"""A byte pipe to a server, and the plain one over TCP (`tls_pipe` has the one with TLS).

All pipes of a process read into one shared buffer, since a read is handed on before the next one
starts.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from kfwd.kube.window import Window

READ_SIZE = 256 * 1024
"""Most bytes taken from the kernel, and handed to a receiver, at once."""

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
CLOSE_S = 5.0

_buffer = memoryview(bytearray(READ_SIZE))


class Receiver(Protocol):
    """Who a pipe's bytes go to. Calls come from the event loop and must not block."""

    def data_received(self, data: memoryview) -> None:
        """`data` is the receiver's during the call, even to overwrite, and no longer."""

    def pipe_lost(self, error: Exception | None) -> None:
        """The pipe ended: None for an end-of-file. Called once."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Pipe(Protocol):
    """What a session needs of a connection, whatever carries it."""

    @property
    def open(self) -> bool:
        """Whether what is written now may arrive."""

    @property
    def buffered(self) -> int:
        """Bytes written here that the kernel has not taken yet."""

    def outstanding(self) -> bool:
        """Whether the kernel has bytes that the peer has not acknowledged (see `Window`)."""

    def attach(self, receiver: Receiver) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        """Write both as one."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Send what is buffered, then end; given up after 5 s."""

    def abort(self) -> None:
        """End at once, without sending what is buffered."""

    async def closed(self) -> None:
        """Wait until the socket is closed."""


class Nobody:
    """Gets what nobody wants."""

    def data_received(self, data: memoryview) -> None:
        pass

    def pipe_lost(self, error: Exception | None) -> None:
        pass

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass


class Unattached(Nobody):
    """Stands in for a receiver until there is one: nothing arrives before a request is sent."""

    def data_received(self, data: memoryview) -> None:
        raise AssertionError("bytes arrived before anybody asked for them")


class SocketPipe(asyncio.BufferedProtocol):
    """A pipe over a connected TCP socket, without TLS."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver = Unattached()
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._window: Window | None = None
        self._error: Exception | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def over(cls, sock: socket.socket) -> SocketPipe:
        """A pipe that owns `sock`, which is connected and non-blocking."""
        pipe = cls()
        await pipe._connect(sock)
        return pipe

    async def _connect(self, sock: socket.socket) -> None:
        try:
            await self._loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def outstanding(self) -> bool:
        return self._window is not None and self._window.outstanding()

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._lost.done():
            self._loop.call_soon(receiver.pipe_lost, self._error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._transport is not None and self._window is not None:
            self._transport.write(data)
            self._window.wrote()

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        self.write(b"".join((header, payload)))

    def pause_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None and self._closing is None:
            self._transport.close()
            self._closing = self._loop.call_later(CLOSE_S, self._transport.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        await asyncio.shield(self._lost)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)
        self._transport = transport
        self._window = Window(transport.get_extra_info("socket"), self._gone)

    def _gone(self, error: OSError) -> None:
        self._error = error
        self.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._receiver.data_received(_buffer[:nbytes])

    def eof_received(self) -> bool:
        self.close()  # asyncio would wait without end for a peer that does not read either
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if self._window is not None:
            self._window.release()
        self._transport = None
        self._error = self._error or exc
        if not self._lost.done():
            self._lost.set_result(None)
        self._receiver.pipe_lost(self._error)

    def pause_writing(self) -> None:
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._receiver.resume_writing()
