"""Whether a peer that is alive takes no bytes just now, and whether there is a peer at all.

TCP_USER_TIMEOUT ends a connection whose bytes nobody acknowledges, which is what finds a dead path
under an upload. But Linux (5.11 and up) counts a closed window too, though its owner answers every
probe: 10 s in a debugger would cut the connections of the process. So it is suspended meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from typing import Protocol

LOOK_S = 3.0
"""How often a socket is looked at while the kernel keeps bytes for it; well below its time-out."""

_IN_FLIGHT, _LAST_ACK, _UNSENT = 24, 56, 144
"""tcpi_unacked, tcpi_last_ack_recv (in ms), tcpi_notsent_bytes (linux/tcp.h)."""

_NUMBER = struct.Struct("=I")
_INFO_SIZE = _UNSENT + _NUMBER.size


class Options(Protocol):
    """What is used of a socket, which asyncio's stand-in for one has too."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes: ...

    def setsockopt(self, level: int, name: int, value: int, /) -> None: ...


class Window:
    """The peer's receive window, where the system tells of it (Linux); else it counts as open."""

    def __init__(self, sock: Options) -> None:
        self._sock = sock
        self._timeout = 0
        self._closed = False
        self._known = False
        self._timer: asyncio.TimerHandle | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # no TCP socket
                value = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4)
                self._timeout = int.from_bytes(value, sys.byteorder)
                self._known = True

    def wrote(self) -> None:
        """Bytes were written: look now and then until the peer has them all."""
        if self._timer is None and self._known:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look_again)

    def release(self) -> None:
        """Look no more."""
        self._known = False
        if self._timer is not None:
            self._timer.cancel()

    def closed(self) -> bool:
        """Whether bytes wait in the kernel though none are on the way."""
        self._look()
        return self._closed

    def unheard_s(self) -> float:
        """For how many seconds nothing was acknowledged though bytes are on the way; else 0."""
        in_flight, last_ack_ms, _ = self._look()
        return last_ack_ms / 1000 if in_flight else 0.0

    def _look_again(self) -> None:
        self._timer = None
        in_flight, _, unsent = self._look()
        if in_flight or unsent:
            self.wrote()

    def _look(self) -> tuple[int, int, int]:
        """Packets in flight, milliseconds since the last was acknowledged, bytes not sent yet."""
        info = b""
        if self._known:
            with contextlib.suppress(OSError):  # closed, or lost and not told yet
                info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        if len(info) < _INFO_SIZE:
            return 0, 0, 0
        found = (_NUMBER.unpack_from(info, at)[0] for at in (_IN_FLIGHT, _LAST_ACK, _UNSENT))
        in_flight, last_ack_ms, unsent = found
        self._mind(unsent > 0 and not in_flight)
        return in_flight, last_ack_ms, unsent

    def _mind(self, closed: bool) -> None:
        if closed != self._closed:
            self._closed = closed
            with contextlib.suppress(OSError):
                self._sock.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0 if closed else self._timeout
                )
