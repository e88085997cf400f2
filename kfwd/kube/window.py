"""Whether a peer's TCP still answers for bytes that are on the way to it.

TCP_USER_TIMEOUT ends a connection whose bytes nobody acknowledges, which is what finds a dead path
under an upload. But Linux takes living peers for dead with it: it counts a closed window (5.11 and
up), though its owner answers every probe; and it counts from the first loss of a row of losses,
whatever was acknowledged since, so that a slow and crowded path looks dead. So it is suspended
while bytes are outstanding, and what alone tells is looked at here: when the last acknowledgement
came.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Protocol

LOOK_S = 3.0
"""How often a socket is looked at while the kernel keeps bytes for it; well below its time-out."""

GONE_S, TRIED_S = 13.0, 8.0
"""A peer is gone that acknowledged nothing for `GONE_S` though TCP has tried for `TRIED_S`: with a
PING every 5 s a frozen path is noticed within 13 s, and an upload over a poor path has the most
time that leaves.
"""

_IN_FLIGHT, _LAST_ACK, _UNSENT = 24, 56, 144
"""tcpi_unacked, tcpi_last_ack_recv (in ms), tcpi_notsent_bytes (linux/tcp.h)."""

_NUMBER = struct.Struct("=I")
_INFO_SIZE = _UNSENT + _NUMBER.size


class Options(Protocol):
    """What is used of a socket, which asyncio's stand-in for one has too."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes: ...

    def setsockopt(self, level: int, name: int, value: int | bytes, /) -> None: ...


class Window:
    """What the peer has not acknowledged yet, where the system tells of it (Linux); else nothing.

    `gone` is called once, with ETIMEDOUT, when the peer is.
    """

    def __init__(self, sock: Options, gone: Callable[[OSError], None]) -> None:
        self._sock = sock
        self._gone = gone
        self._timeout = 0
        self._suspended = False
        self._known = False
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # no TCP socket
                value = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4)
                self._timeout = int.from_bytes(value, sys.byteorder)
                self._known = True

    def wrote(self) -> None:
        """Bytes were written: look now and then until the peer has them all."""
        if self._timer is None and self._known:
            loop = asyncio.get_running_loop()
            self._since = loop.time()
            self._timer = loop.call_later(LOOK_S, self._look_again)

    def release(self) -> None:
        """Look no more."""
        self._known = False
        if self._timer is not None:
            self._timer.cancel()

    def outstanding(self) -> bool:
        """Whether the kernel has bytes that the peer has not acknowledged."""
        in_flight, _, unsent = self._look()
        return in_flight or unsent

    def _look_again(self) -> None:
        self._timer = None
        in_flight, last_ack_s, unsent = self._look()
        self._suspend(in_flight or unsent)
        if not (in_flight or unsent):
            return
        loop = asyncio.get_running_loop()
        left = max(GONE_S - last_ack_s, self._since + TRIED_S - loop.time())
        if in_flight and left <= 0:
            self._bury()
            self._gone(OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))
        else:
            wait = min(left, LOOK_S) if in_flight else LOOK_S
            self._timer = loop.call_later(wait, self._look_again)

    def _bury(self) -> None:
        """Have what the peer did not take discarded, not sent once the path is back."""
        self.release()
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _look(self) -> tuple[bool, float, bool]:
        """Whether bytes are on the way, seconds since any was acknowledged, whether bytes wait."""
        info = b""
        if self._known:
            with contextlib.suppress(OSError):  # closed, or lost and not told yet
                info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        if len(info) < _INFO_SIZE:
            return False, 0.0, False
        found = (_NUMBER.unpack_from(info, at)[0] for at in (_IN_FLIGHT, _LAST_ACK, _UNSENT))
        in_flight, last_ack_ms, unsent = found
        return in_flight > 0, last_ack_ms / 1000, unsent > 0

    def _suspend(self, on: bool) -> None:
        if on != self._suspended:
            self._suspended = on
            with contextlib.suppress(OSError):
                self._sock.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0 if on else self._timeout
                )
