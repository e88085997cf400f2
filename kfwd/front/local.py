"""A local connection: a non-blocking socket with back-pressure and every way to end.

asyncio's transports cannot send a reset and take a task to set up; this does what a relay needs and
no more. All sockets of the process read into one shared buffer, since a read is handed on at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kfwd.wire.portforward import MAX_FRAME

READ_SIZE = 2 * MAX_FRAME
"""Most bytes read at once: two whole frames of the tunnel. Half of it: a twentieth more CPU."""

PIECES = 64
"""Most pieces given to the kernel at once; more are so small that joining them costs less."""

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
LINGER_S = 5.0
_RESET = struct.pack("ii", 1, 0)
_ORDERLY = struct.pack("ii", 0, 0)

_buffer = memoryview(bytearray(READ_SIZE))


class Peer(Protocol):
    """Who deals with a local socket. Calls come from the event loop and must not block."""

    def local_data(self, data: memoryview) -> None:
        """`data` is valid only during the call."""

    def local_eof(self) -> None:
        """The application sends no more; it may still read."""

    def local_lost(self, error: OSError) -> None:
        """The socket failed; it is closed already."""

    def local_full(self) -> None:
        """More is buffered than should be: stop writing."""

    def local_drained(self) -> None: ...

    def local_closed(self) -> None:
        """The socket is closed, in whatever way. The last call, made once."""


class Local(Protocol):
    """The local side of a connection: an application's socket, or something in its place."""

    def read_now(self, limit: int) -> bytes: ...

    def resume_reading(self) -> None: ...

    def pause_reading(self) -> None: ...

    def write(self, *pieces: memoryview) -> None: ...

    def finish(self) -> None: ...

    def reset(self) -> None: ...

    def abort(self) -> None: ...


class LocalSocket:
    """Owns an accepted, non-blocking socket. Nothing is read until `resume_reading`.

    Until it is finished the system would close it with a reset: a process that is killed says
    nothing, and what it carried must not look complete.
    """

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._fd = sock.fileno()  # selectors describe a socket they do not know, at a cost
        self._peer = peer
        self._out: deque[memoryview] = deque()
        self._buffered = 0
        self._full = False
        self._reading = False
        self._eof = False
        self._half = False
        self._last: str = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._closed = False
        self._close_by(_RESET)

    @property
    def buffered(self) -> int:
        """Bytes the application has not taken yet, as far as this process knows."""
        return self._buffered

    @property
    def full(self) -> bool:
        """Whether `local_full` was said and `local_drained` was not yet."""
        return self._full

    def read_now(self, limit: int) -> bytes:
        """What has already arrived, up to `limit` bytes, without waiting."""
        with contextlib.suppress(OSError):
            if not (self._closed or self._eof):
                return self._sock.recv(limit)
        return b""

    def resume_reading(self) -> None:
        if not (self._reading or self._eof or self._closed):
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def write(self, *pieces: memoryview) -> None:
        """Send, keeping what the kernel does not take; says `local_full` above 256 KiB."""
        if self._closed or self._last or self._half:
            return
        idle = not self._out
        try:
            sent = self._offer(pieces) if idle else 0
        except OSError as error:
            self._fail(error)
            return
        if rest := unsent(pieces, sent):
            if idle:
                self._loop.add_writer(self._fd, self._writable)
            self._keep(rest)

    def _offer(self, pieces: Sequence[memoryview]) -> int:
        """Give the kernel what it takes, in one call. Raises `OSError`."""
        if len(pieces) > PIECES:
            pieces = (memoryview(b"".join(pieces)),)
        try:
            return self._sock.send(pieces[0]) if len(pieces) == 1 else self._sock.sendmsg(pieces)
        except (BlockingIOError, InterruptedError):
            return 0

    def _keep(self, data: bytes) -> None:
        self._out.append(memoryview(data))
        self._buffered += len(data)
        if self._buffered > HIGH_WATER and not self._full:
            self._full = True
            self._peer.local_full()

    def finish_writing(self) -> None:
        """Send an end-of-file after what is buffered; reading goes on."""
        self._half = True
        if not self._out:
            self._shut_down()

    def finish(self) -> None:
        """End cleanly: what is buffered, an end-of-file, then wait for the application's own end.

        Closing at once would turn into a reset if the application is still sending, and could take
        bytes away that it has not read. A reader may take its time over what is buffered; from
        then on its own end is waited for no longer than 5 s.
        """
        self._end_with("finish")

    def reset(self) -> None:
        """End so that nobody can take it for an end-of-file, after what is buffered.

        Given up after 5 s without progress.
        """
        self._end_with("reset")

    def release(self) -> socket.socket | None:
        """Give the socket away as it is, if there is one still; to the peer it is closed."""
        if self._closed:
            return None
        self.pause_reading()
        self._closed = True
        self._peer.local_closed()
        return self._sock

    def abort(self) -> None:
        """Reset at once."""
        self._buffered = 0
        self._out.clear()
        self._close(reset=True)

    def _end_with(self, how: str) -> None:
        if self._closed or self._last:
            return
        self._last = how
        if not self._out:
            self._complete()
        elif how == "reset":
            self._arm()

    def _complete(self) -> None:
        """All that was written is with the kernel: end in the way asked for."""
        if self._last == "reset":
            self._close(reset=True)
            return
        self._close_by(_ORDERLY)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()
            return
        self._arm()
        if self._eof:
            self._close()
        else:
            self.resume_reading()

    def _arm(self) -> None:
        """Do not wait for the application for ever."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(LINGER_S, self._out_of_time)

    def _out_of_time(self) -> None:
        self._close(reset=self._last == "reset")

    def _readable(self) -> None:
        try:
            count = self._sock.recv_into(_buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        if not count:
            self.pause_reading()
            self._eof = True
            if self._last and not self._out:
                self._close()
            elif not self._last:
                self._peer.local_eof()
        elif not self._last:
            self._peer.local_data(_buffer[:count])

    def _writable(self) -> None:
        while self._out:
            try:
                sent = self._sock.send(self._out[0])
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._fail(error)
                return
            self._took(sent)
        if not self._closed:  # by a write of what came for the room that was made
            self._loop.remove_writer(self._fd)
            if self._last:
                self._complete()
            elif self._half:
                self._shut_down()

    def _shut_down(self) -> None:
        if not self._closed:
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                self._fail(error)

    def _took(self, sent: int) -> None:
        """The kernel took `sent` bytes of the first piece."""
        self._buffered -= sent
        if sent == len(self._out[0]):
            self._out.popleft()
        else:
            self._out[0] = self._out[0][sent:]
        if self._last == "reset":
            self._arm()
        if self._full and self._buffered <= LOW_WATER:
            self._full = False
            if not self._last:
                self._peer.local_drained()

    def _fail(self, error: OSError) -> None:
        if not self._closed:
            ending, self._last = self._last, self._last or "failed"
            if not ending:
                self._peer.local_lost(error)
            self._close()

    def _close(self, *, reset: bool = False) -> None:
        if self._closed:
            return
        self._closed = True
        self.pause_reading()
        self._loop.remove_writer(self._fd)
        if self._deadline is not None:
            self._deadline.cancel()
        if reset:
            self._close_by(_RESET)
        self._sock.close()
        self._peer.local_closed()

    def _close_by(self, linger: bytes) -> None:
        """Say what the system does when the socket is closed, by whomever."""
        if self._sock.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def unsent(pieces: Sequence[memoryview], sent: int) -> bytes:
    """What is left of `pieces` behind the first `sent` bytes."""
    for index, piece in enumerate(pieces):
        if sent < len(piece):
            return b"".join((piece[sent:], *pieces[index + 1 :]))
        sent -= len(piece)
    return b""
