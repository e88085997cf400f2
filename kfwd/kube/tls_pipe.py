"""A byte pipe with TLS: many records to one call of the kernel.

OpenSSL on the socket itself makes two reads for every record it takes and a write for every one
it sends; on loopback and virtual machines those cost more than going through memory. asyncio's TLS
goes through memory too, but keeps a 256 KiB buffer for every connection (protocol notes L.19). Here
all pipes of a process read into shared buffers: a read is handed on before the next one starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from itertools import islice

from kfwd.kube import pipe as plain
from kfwd.kube.flood import Flood
from kfwd.kube.pipe import HIGH_WATER, LOW_WATER, Pipe, Receiver, SocketPipe, Unattached
from kfwd.kube.tls_records import RECORD_SIZE, Broken, TlsRecords
from kfwd.kube.window import Window

READ_SIZE = 256 * 1024
"""Most bytes taken from the kernel at once."""

REST_S = 0.001
"""How long bytes that come fast are left to gather."""

PIECES = 64
"""Most pieces offered to the kernel at once."""

_sealed = memoryview(bytearray(READ_SIZE))
_plain = memoryview(bytearray(READ_SIZE + 2 * RECORD_SIZE))


class TlsPipe:
    """A pipe over a connected TCP socket. It reads once a receiver is attached."""

    def __init__(self, sock: socket.socket, tls: TlsRecords) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._fd = sock.fileno()  # selectors describe a socket they do not know, at a cost
        self._tls = tls
        self._window = Window(sock, self._end)
        self._receiver: Receiver = Unattached()
        self._out: deque[bytes | memoryview] = deque()
        self._buffered = 0
        self._full = False
        self._wanted = True
        self._reading = False
        self._flood = Flood()
        self._resting: asyncio.TimerHandle | None = None
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
            tls = TlsRecords(context, server_hostname)
            await _handshake(sock, tls)
            return cls(sock, tls)
        except BaseException:
            sock.close()
            raise

    @property
    def open(self) -> bool:
        """Not so once the peer broke the protocol: OpenSSL then refuses to go on."""
        return not self._over and self._closing is None and self._error is None

    @property
    def buffered(self) -> int:
        return self._buffered

    def outstanding(self) -> bool:
        return self._window.outstanding()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        await asyncio.shield(self._told)

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._told.done():
            self._loop.call_soon(receiver.pipe_lost, self._error)
        elif self._wanted and not self._over:
            self._read_on(self._resting is None)
            if self._tls.pending:  # it came right behind the handshake
                self._loop.call_soon(self._open, memoryview(b""))

    def pause_reading(self) -> None:
        self._wanted = False
        self._read_on(False)

    def resume_reading(self) -> None:
        self._wanted = True
        self._read_on(self._reads and self._resting is None)

    @property
    def _reads(self) -> bool:
        """Whether what comes is to be read, now or after a rest."""
        return self._wanted and self._closing is None and not self._over

    def _read_on(self, on: bool) -> None:
        if on == self._reading:
            return
        self._reading = on
        if on:
            self._loop.add_reader(self._fd, self._readable)
        else:
            self._loop.remove_reader(self._fd)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send, keeping what the kernel does not take."""
        if self.open:
            self._send(self._tls.seal(memoryview(data)))

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        """The header goes into the first record, so that only that is copied together."""
        if self.open:
            first = RECORD_SIZE - len(header)
            records = self._tls.seal(memoryview(b"".join((header, payload[:first]))))
            self._send(records + self._tls.seal(payload[first:]))

    def _send(self, records: list[bytes]) -> None:
        self._window.wrote()
        self._flood.answered()
        idle = not self._out
        self._out.extend(records)
        self._buffered += sum(map(len, records))
        if idle:
            self._flush()
            if self._out:
                self._loop.add_writer(self._fd, self._writable)
        if self._out:
            self._press()

    def _press(self) -> None:
        if self._buffered > HIGH_WATER and not self._full:
            self._full = True
            self._receiver.pause_writing()

    def _flush(self) -> None:
        """Offer the kernel what waits, until it takes no more."""
        try:
            while self._out:
                if len(self._out) == 1:
                    self._took(self._sock.send(self._out[0]))
                else:
                    self._took(self._sock.sendmsg(list(islice(self._out, PIECES))))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._forget()
            self._loop.call_soon(self._unwritable, error)

    def _took(self, sent: int) -> None:
        self._buffered -= sent
        if not self._buffered:
            self._out.clear()
            return
        while self._out and sent >= len(self._out[0]):
            sent -= len(self._out.popleft())
        if sent:
            self._out[0] = memoryview(self._out[0])[sent:]

    def _forget(self) -> None:
        self._out.clear()
        self._buffered = 0

    def _unwritable(self, error: OSError) -> None:
        """The peer takes no more; what it said before it closed is still to be read."""
        if self._reads:
            self._readable()
        self._end(error)

    def _writable(self) -> None:
        self._flush()
        if not self._out:
            self._loop.remove_writer(self._fd)
            if self._closing is not None:
                self._say_goodbye()
        if self._full and self._buffered <= LOW_WATER and self._closing is None:
            self._full = False
            self._receiver.resume_writing()

    def _readable(self) -> None:
        try:
            count = self._sock.recv_into(_sealed)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if count:
            self._open(_sealed[:count])
            if self._flood.came(count, self._loop.time()) and self._reads:
                self._rest(REST_S if count < READ_SIZE else 0.0)
        else:
            self.close()

    def _rest(self, seconds: float) -> None:
        """Let bytes gather, which come fast anyway."""
        self._read_on(False)
        self._resting = self._loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if self._reads:
            self._readable()
        self._read_on(self._reads and self._resting is None)

    def _open(self, received: memoryview) -> None:
        """Hand on what whole records hold, so that none is left within OpenSSL."""
        ending: Callable[[], None] | None = None
        try:
            filled, goodbye = self._tls.open(received, _plain)
            ending = self.close if goodbye else None
        except Broken as broken:
            self._error, filled = broken.error, broken.filled
            ending = lambda: self._end(self._error)  # noqa: E731
        if answer := self._tls.outgoing():
            self._send([answer])
        if filled:
            self._receiver.data_received(_plain[:filled])
        if ending is not None:
            ending()

    def close(self) -> None:
        if self._over or self._closing is not None:
            return
        self._read_on(False)
        self._closing = self._loop.call_later(plain.CLOSE_S, self.abort)
        if not self._out:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """A socket that is closed with bytes unread, be it a late ticket, is reset, and what
        was sent last may be lost."""
        self._out.append(self._tls.goodbye())
        self._flush()
        with contextlib.suppress(OSError):
            self._sock.recv_into(_sealed)
        self._end()

    def abort(self) -> None:
        self._end()

    def _end(self, error: Exception | None = None) -> None:
        if self._over:
            return
        self._over = True
        self._read_on(False)
        self._loop.remove_writer(self._fd)
        for timer in filter(None, (self._closing, self._resting)):
            timer.cancel()
        self._forget()
        self._window.release()
        self._sock.close()
        self._error = error
        self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._told.set_result(None)
        self._receiver.pipe_lost(self._error)


async def _handshake(sock: socket.socket, tls: TlsRecords) -> None:
    """Raises `ssl.SSLError`, having sent the alert that belongs to it, or `OSError`."""
    try:
        await _greet(sock, tls)
    except BaseException:
        tls.forget_ticket()
        raise


async def _greet(sock: socket.socket, tls: TlsRecords) -> None:
    loop = asyncio.get_running_loop()
    received = b""
    complete = False
    while not complete:
        try:
            complete = tls.shake_hands(received)
        finally:
            await loop.sock_sendall(sock, tls.outgoing())
        if not complete:
            received = await loop.sock_recv(sock, RECORD_SIZE)
            if not received:
                raise ConnectionResetError("closed during the handshake")


async def open_pipe(
    sock: socket.socket, context: ssl.SSLContext | None, server_hostname: str | None
) -> Pipe:
    """The pipe over a connected socket, with TLS where `context` is given.

    Raises `OSError` (`ssl.SSLError` is one) where the handshake fails.
    """
    if context is None:
        return await SocketPipe.over(sock)
    return await TlsPipe.secured(sock, context, server_hostname)
