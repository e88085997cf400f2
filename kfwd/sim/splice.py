"""Two TCP connections made into one: bytes, half-closes and resets pass as they come."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

_RESET = struct.pack("ii", 1, 0)


class End(asyncio.Protocol):
    """One side. It reads nothing before it is joined to the other one."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._other: End | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.pause_reading()

    def join(self, other: End) -> None:
        """Make the two one connection."""
        self._other, other._other = other, self
        for end in (self, other):
            end.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._other is not None:
            self._other.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        if self._other is None:
            return False
        if self._other._ended:
            self._other.transport.close()
            return False
        self._other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None:
            self._other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        other, self._other = self._other, None
        if other is None:
            return
        if exc is not None:
            reset(other.transport)
        else:
            other.transport.close()


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a RST instead of a FIN."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        reset_on_close(sock)
    transport.abort()


def reset_on_close(sock: socket.socket) -> None:
    """Make closing `sock` send a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


async def splice(client: socket.socket, address: tuple[str, int]) -> tuple[End, End]:
    """Join an accepted socket to a new connection; owns `client` from the first moment.

    Raises OSError when nothing answers at `address`; `client` is then reset, as an address without
    a process behind it resets.
    """
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    try:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, inner = await loop.create_connection(End, *address)
    except BaseException:
        reset_on_close(client)
        client.close()
        raise
    try:
        _, outer = await loop.connect_accepted_socket(End, client)
    except BaseException:
        inner.transport.abort()
        client.close()
        raise
    outer.join(inner)
    return outer, inner
