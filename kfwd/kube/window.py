"""Whether a peer that is alive takes no bytes just now.

TCP_USER_TIMEOUT ends a connection whose bytes nobody acknowledges, which is what finds a dead path
under an upload. But Linux (5.11 and up) counts a closed window too, though its owner answers every
probe: 10 s in a debugger would cut the connections of the process. So it is suspended meanwhile.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Protocol

_IN_FLIGHT, _UNSENT = 24, 144  # tcpi_unacked, tcpi_notsent_bytes (linux/tcp.h)
_INFO_SIZE = _UNSENT + 4


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
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # no TCP socket
                value = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 4)
                self._timeout = int.from_bytes(value, sys.byteorder)
                self._known = True

    def closed(self) -> bool:
        """Whether bytes wait in the kernel though none are on the way: ask every few seconds."""
        if self._known:
            with contextlib.suppress(OSError):  # closed, or lost and not told yet
                self._look()
        return self._closed

    def _look(self) -> None:
        info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
        if len(info) < _INFO_SIZE:
            return
        (in_flight,) = struct.unpack_from("=I", info, _IN_FLIGHT)
        (unsent,) = struct.unpack_from("=I", info, _UNSENT)
        closed = unsent > 0 and not in_flight
        if closed != self._closed:
            self._closed = closed
            self._sock.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0 if closed else self._timeout
            )
