"""A byte pipe with TLS, spoken by OpenSSL on the socket itself.

Through memory (`ssl.MemoryBIO`, as asyncio does it) every byte is copied once more each way, and
asyncio keeps a 256 KiB buffer for every connection (protocol notes L.19). Here records are read
from the socket into one buffer that all pipes share, since a read is handed on before the next one
starts. A pipe at rest costs what OpenSSL keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable

from kfwd.kube import pipe as plain
from kfwd.kube.pipe import HIGH_WATER, LOW_WATER, Pipe, Receiver, SocketPipe, Unattached
from kfwd.kube.window import Window

READ_SIZE = 256 * 1024
"""Bytes handed to a receiver at once, where so many are there; one record more at most."""

RECORD_SIZE = 16 * 1024
"""OpenSSL reads and makes one record a call, at most this long."""

_plain = memoryview(bytearray(READ_SIZE + RECORD_SIZE))


class TlsPipe:
    """A pipe over a connected TCP socket. It reads once a receiver is attached."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._window = Window(sock)
        self._receiver: Receiver = Unattached()
        self._out: deque[memoryview] = deque()
        self._buffered = 0
        self._full = False
        self._wanted = True
        self._reading = False
        self._closing: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._over = False
        self._told: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def secured(
        cls, sock: socket.socket, context: ssl.SSLContext, server_hostname: str | None
    ) -> TlsPipe:
        """A pipe that owns `sock`, which is non-blocking, and has shaken hands as the client.

        Raises `ssl.SSLError` or `OSError` where the handshake fails. The caller sets the deadline.
        """
        try:
            secure = context.wrap_socket(
                sock, server_hostname=server_hostname, do_handshake_on_connect=False
            )
        except BaseException:
            sock.close()
            raise
        try:
            await _handshake(secure)
            return cls(secure)
        except BaseException:
            secure.close()
            raise

    @property
    def buffered(self) -> int:
        return self._buffered

    def window_closed(self) -> bool:
        return self._window.closed()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        await asyncio.shield(self._told)

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._told.done():
            self._loop.call_soon(receiver.pipe_lost, self._error)
        elif self._wanted and not self._over:
            self._read_on(True)

    def pause_reading(self) -> None:
        self._wanted = False
        self._read_on(False)

    def resume_reading(self) -> None:
        self._wanted = True
        self._read_on(self._closing is None and not self._over)

    def _read_on(self, on: bool) -> None:
        if on == self._reading:
            return
        self._reading = on
        if on:
            self._loop.add_reader(self._sock, self._readable)
        else:
            self._loop.remove_reader(self._sock)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send, keeping what the kernel does not take."""
        if self._over or self._closing is not None:
            return
        view = memoryview(data)
        if not self._out:
            view = self._send(view)
            if not view:
                return
            self._loop.add_writer(self._sock, self._writable)
        self._out.append(memoryview(bytes(view)))
        self._buffered += len(view)
        if self._buffered > HIGH_WATER and not self._full:
            self._full = True
            self._receiver.pause_writing()

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        """The header goes into the first record, so that only that is copied together."""
        first = RECORD_SIZE - len(header)
        self.write(b"".join((header, payload[:first])))
        if len(payload) > first:
            self.write(payload[first:])

    def _send(self, view: memoryview) -> memoryview:
        """What of `view` the kernel does not take now. OpenSSL wants that offered again as it is,
        since it has encrypted the first record of it."""
        try:
            while view:
                view = view[self._sock.send(view[:RECORD_SIZE]) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return view
        except OSError as error:
            self._loop.call_soon(self._end, error)
            return view[:0]
        return view

    def _writable(self) -> None:
        while self._out:
            left = self._send(self._out[0])
            self._buffered -= len(self._out[0]) - len(left)
            if left:
                self._out[0] = left
                break
            self._out.popleft()
        if not self._out:
            self._loop.remove_writer(self._sock)
            if self._closing is not None:
                self._say_goodbye()
        if self._full and self._buffered <= LOW_WATER and self._closing is None:
            self._full = False
            self._receiver.resume_writing()

    def _readable(self) -> None:
        filled, ending = self._fill()
        if filled:
            self._receiver.data_received(_plain[:filled])
        if ending is not None:
            ending()

    def _fill(self) -> tuple[int, Callable[[], None] | None]:
        """Decrypt whole records into the shared buffer, so that none is left within OpenSSL.

        Returns how many bytes there are and, if the connection ended behind them, what to do.
        """
        filled = 0
        try:
            while filled < READ_SIZE:
                count = self._sock.recv_into(_plain[filled:], RECORD_SIZE)
                if not count:
                    return filled, self.close
                filled += count
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            failure = error
            return filled, lambda: self._end(failure)
        return filled, None

    def close(self) -> None:
        if self._over or self._closing is not None:
            return
        self._read_on(False)
        self._closing = self._loop.call_later(plain.CLOSE_S, self.abort)
        if not self._out:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Send the closing alert, and do not wait for the peer's."""
        with contextlib.suppress(OSError, ValueError):
            self._sock.unwrap()
        self._end()

    def abort(self) -> None:
        self._end()

    def _end(self, error: Exception | None = None) -> None:
        if self._over:
            return
        self._over = True
        self._read_on(False)
        self._loop.remove_writer(self._sock)
        if self._closing is not None:
            self._closing.cancel()
        self._out.clear()
        self._buffered = 0
        self._sock.close()
        self._error = error
        self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._told.set_result(None)
        self._receiver.pipe_lost(self._error)


async def _handshake(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            await _until_ready(sock, loop.add_reader, loop.remove_reader)
        except ssl.SSLWantWriteError:
            await _until_ready(sock, loop.add_writer, loop.remove_writer)
        except ssl.SSLEOFError:
            raise ConnectionResetError("closed during the handshake") from None
        else:
            return


async def _until_ready(
    sock: socket.socket,
    add: Callable[[socket.socket, Callable[[], None]], None],
    remove: Callable[[socket.socket], object],
) -> None:
    ready = asyncio.Event()
    add(sock, ready.set)
    try:
        await ready.wait()
    finally:
        remove(sock)


async def open_pipe(
    sock: socket.socket, context: ssl.SSLContext | None, server_hostname: str | None
) -> Pipe:
    """The pipe over a connected socket, with TLS where `context` is given.

    Raises `OSError` (`ssl.SSLError` is one) where the handshake fails.
    """
    if context is None:
        return await SocketPipe.over(sock)
    return await TlsPipe.secured(sock, context, server_hostname)
