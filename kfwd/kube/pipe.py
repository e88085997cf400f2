"""A byte pipe to a server: a TCP connection, with TLS inside where there is some.

asyncio's own TLS keeps a 256 KiB buffer for every connection (protocol notes L.19). Here all pipes
of a process read into one shared buffer, since a read is handed on before the next one starts, and
OpenSSL is fed in pieces so that its buffers stay small. A pipe at rest costs what OpenSSL keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from kfwd.kube.window import Window

READ_SIZE = 256 * 1024
"""Most bytes taken from the kernel, and most plain bytes handed to a receiver, at once."""

FEED_SIZE = 16 * 1024
"""Cipher text given to OpenSSL at once: its BIOs keep the size they once had."""

RECORD_SIZE = 16 * 1024
HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
CLOSE_S = 5.0

_cipher = memoryview(bytearray(READ_SIZE))
_plain = memoryview(bytearray(READ_SIZE + 2 * RECORD_SIZE))
"""Plain text is shorter than its cipher text, but a part of a record may be left from before."""


class Receiver(Protocol):
    """Who a pipe's bytes go to. Calls come from the event loop and must not block."""

    def data_received(self, data: memoryview) -> None:
        """`data` is valid only during the call."""

    def pipe_lost(self, error: Exception | None) -> None:
        """The pipe ended: None for an end-of-file. Called once."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Pipe(Protocol):
    """What a session needs of a connection, whatever carries it."""

    @property
    def buffered(self) -> int:
        """Bytes written here that the kernel has not taken yet."""

    def window_closed(self) -> bool:
        """Whether a live peer takes no bytes; ask every few seconds (see `Window`)."""

    def attach(self, receiver: Receiver) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Send what is buffered, then end; given up after 5 s."""

    def abort(self) -> None:
        """End at once, without sending what is buffered."""


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


class _Unattached(Nobody):
    """Stands in for a receiver until there is one: nothing arrives before a request is sent."""

    def data_received(self, data: memoryview) -> None:
        raise AssertionError("bytes arrived before anybody asked for them")


class SocketPipe(asyncio.BufferedProtocol):
    """A pipe over a connected TCP socket, without TLS."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver = _Unattached()
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
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def window_closed(self) -> bool:
        return self._window is not None and self._window.closed()

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._lost.done():
            self._loop.call_soon(receiver.pipe_lost, self._error)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(data)

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
        self._window = Window(transport.get_extra_info("socket"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return _cipher

    def buffer_updated(self, nbytes: int) -> None:
        self._receiver.data_received(_cipher[:nbytes])

    def eof_received(self) -> bool:
        self.close()  # asyncio would wait without end for a peer that does not read either
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._transport = None
        self._error = self._error or exc
        if not self._lost.done():
            self._lost.set_result(None)
        self._receiver.pipe_lost(self._error)

    def pause_writing(self) -> None:
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._receiver.resume_writing()


class TlsPipe(SocketPipe):
    """A pipe over a connected TCP socket, with TLS."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        super().__init__()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        # With a buffer to read into, the count of bytes is returned; typeshed does not say so.
        self._decrypt = cast("Callable[[int, memoryview], int]", self._tls.read)
        self._ready: asyncio.Future[None] | None = self._loop.create_future()
        self._ended = False

    @classmethod
    async def secured(
        cls, sock: socket.socket, context: ssl.SSLContext, server_hostname: str | None
    ) -> TlsPipe:
        """A pipe that owns `sock` and has shaken hands as the client.

        Raises `ssl.SSLError` or `OSError` where the handshake fails. The caller sets the deadline.
        """
        try:
            pipe = cls(context, server_hostname)
        except BaseException:
            sock.close()
            raise
        await pipe._connect(sock)
        try:
            await pipe._handshake()
        except BaseException:
            pipe.abort()
            raise
        return pipe

    async def _handshake(self) -> None:
        ready = self._ready
        assert ready is not None
        self._advance_handshake()
        await ready

    def _advance_handshake(self) -> None:
        if self._ready is None or self._ready.done():
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()
            self._ready.set_exception(error)
        else:
            self._flush()
            self._ready.set_result(None)
            self._ready = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send. OpenSSL makes one record a call, at most 16 KiB of it."""
        if self._transport is None or self._ended:
            return
        view, records = memoryview(data), []
        while view:
            view = view[self._tls.write(view[:RECORD_SIZE]) :]
            records.append(self._outgoing.read())
        self._transport.writelines(records)

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def buffer_updated(self, nbytes: int) -> None:
        filled = 0
        for start in range(0, nbytes, FEED_SIZE):
            self._incoming.write(_cipher[start : min(start + FEED_SIZE, nbytes)])
            self._advance_handshake()
            filled = self._read_records(filled)
        self._flush()
        if filled:
            self._receiver.data_received(_plain[:filled])

    def _read_records(self, filled: int) -> int:
        """Decrypt what was fed behind the first `filled` bytes of the shared buffer."""
        if self._ready is not None or self._ended:
            return filled
        try:
            while count := self._decrypt(RECORD_SIZE, _plain[filled:]):
                filled += count
        except ssl.SSLWantReadError:
            return filled
        except ssl.SSLError as error:
            self._end(error)
        else:
            self._end()
        return filled

    def _end(self, error: ssl.SSLError | None = None) -> None:
        """The peer's closing alert, or another or a broken record: nothing more is read or sent."""
        self._ended = True
        if error is None or isinstance(error, ssl.SSLZeroReturnError):
            self._loop.call_soon(self.close)
        else:
            self._error = error
            self._loop.call_soon(self.abort)

    def close(self) -> None:
        if self._closing is None and self._ready is None and not self._ended:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
            self._ended = True
        super().close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(exc or ConnectionResetError("closed during the handshake"))
        super().connection_lost(exc)


async def open_pipe(
    sock: socket.socket, context: ssl.SSLContext | None, server_hostname: str | None
) -> SocketPipe:
    """The pipe over a connected socket, with TLS where `context` is given.

    Raises `OSError` (`ssl.SSLError` is one) where the handshake fails.
    """
    if context is None:
        return await SocketPipe.over(sock)
    return await TlsPipe.secured(sock, context, server_hostname)
