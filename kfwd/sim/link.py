"""The server's end of one upgraded connection: bytes in, bytes out, back-pressure both ways."""

from __future__ import annotations

import asyncio
from typing import Protocol

from kfwd.sim.sessions import Cut
from kfwd.sim.splice import reset

CLOSE_S = 2.0
"""How long a peer may take to read the last bytes of a connection that closes."""

_BUFFER = memoryview(bytearray(256 * 1024))
"""Received bytes of all links, one after the other: a receiver copies what it cannot use up."""


class Receiver(Protocol):
    """Whoever reads a pipe."""

    def received(self, data: memoryview) -> None:
        """Bytes, valid only during the call."""

    def drained(self) -> None:
        """The pipe is writable again."""

    def lost(self) -> None:
        """The pipe has ended; called once."""


class Pipe(Protocol):
    """A byte stream to the client: a connection, or a WebSocket tunnel inside one."""

    @property
    def writable(self) -> bool:
        """Whether the peer takes bytes; writing in spite of it is buffered."""

    def write(self, data: bytes) -> None: ...

    def pause(self) -> None:
        """Deliver nothing until `resume`."""

    def resume(self) -> None: ...

    def close(self) -> None:
        """The streaming server ends the session: what was written is flushed first."""


class Link(asyncio.BufferedProtocol):
    """Takes over the transport of an HTTP connection and is its pipe from then on.

    What the client sent before the 101 is dropped, as the servers between it and the pod do
    (protocol notes A.3).
    """

    receiver: Receiver

    def __init__(self, transport: asyncio.Transport) -> None:
        self.ended = asyncio.Event()
        self._transport = transport
        self._before = transport.get_protocol()
        self._paused = False
        self._frozen = False
        self._full = False
        self._held = bytearray()
        self._deadline: asyncio.TimerHandle | None = None

    def start(self, receiver: Receiver) -> None:
        """Deliver to `receiver` from now on."""
        self.receiver = receiver
        self._transport.set_protocol(self)
        self._transport.resume_reading()
        if self._transport.is_closing():
            self.connection_lost(None)

    @property
    def writable(self) -> bool:
        return not self._full and not self._frozen

    def write(self, data: bytes) -> None:
        if self._frozen:
            self._held += data
        elif not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        self._paused = False
        if not self._frozen:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._frozen or self.ended.is_set():
            self._transport.abort()
        elif self._deadline is None:
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(CLOSE_S, self._transport.abort)

    def freeze(self, frozen: bool) -> None:
        """Neither read nor write while frozen, as a peer behind a dead network."""
        if frozen == self._frozen or self.ended.is_set():
            return
        self._frozen = frozen
        if frozen:
            self._transport.pause_reading()
            return
        if not self._paused:
            self._transport.resume_reading()
        held, self._held = self._held, bytearray()
        self.write(bytes(held))
        if self.writable:
            self.receiver.drained()

    def cut(self, how: Cut) -> None:
        """End the connection as the death of the API server's process does, or with a reset."""
        if how == "reset":
            reset(self._transport)
        else:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        self.receiver.received(_BUFFER[:nbytes])

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self.writable:
            self.receiver.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.is_set():
            return
        self.ended.set()
        if self._deadline is not None:
            self._deadline.cancel()
        # The stream writer of the HTTP half waits for its own protocol to hear of the end.
        self._before.connection_lost(exc)
        self.receiver.lost()
