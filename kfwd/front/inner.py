"""A local side within this process: what an application's socket is to a connection, without one.

Whoever speaks a protocol itself (a proxy) uses a front's connections through this, with the same
waiting room, the same choice of endpoints, and the same rules for what may be sent again.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from kfwd.errors import KfwdError, SessionLost
from kfwd.front.forwarder import Front
from kfwd.front.local import HIGH_WATER, Peer


class Receiver(Protocol):
    """Who gets what comes from the pod; as for a pipe (`kfwd.kube.pipe`)."""

    def data_received(self, data: memoryview) -> None:
        """`data` is valid only during the call."""

    def pipe_lost(self, error: Exception | None) -> None:
        """The pod's end: None for a clean one. Called once, and not after `abort`."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Inner:
    """A connection through `front`. `client` and `listen` are shown as its two ends."""

    def __init__(self, front: Front, receiver: Receiver, client: str, listen: str) -> None:
        self._receiver: Receiver | None = receiver
        self._side: _Side
        self.connection, self._cancel = front.join(self._join, client, listen)

    def _join(self, peer: Peer) -> _Side:
        self._side = _Side(peer, self)
        return self._side

    @property
    def buffered(self) -> int:
        """Bytes written here that have no stream yet, or that it is too full for."""
        return self._side.buffered

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the pod; the receiver is paused above 256 KiB that cannot be sent."""
        self._side.send(memoryview(data))

    def finish(self) -> None:
        """Send no more; what the pod sends still comes."""
        self._side.send_end()

    def pause_reading(self) -> None:
        self._side.hold()

    def resume_reading(self) -> None:
        self._side.go_on()

    def abort(self) -> None:
        """Give the connection up at once."""
        self._receiver = None
        self._cancel()

    def arrived(self, data: memoryview) -> None:
        if self._receiver is not None:
            self._receiver.data_received(data)

    def ended(self, how: str) -> None:
        """The connection is over: `finish`, `reset` or `abort`."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.pipe_lost(None if how == "finish" else self._error())

    def _error(self) -> KfwdError:
        return self.connection.error or SessionLost("the connection was given up")

    def full(self, is_full: bool) -> None:
        if self._receiver is not None:
            (self._receiver.pause_writing if is_full else self._receiver.resume_writing)()


class _Side:
    """The connection's view of it (`kfwd.front.local.Local`)."""

    def __init__(self, peer: Peer, inner: Inner) -> None:
        self._peer = peer
        self._inner = inner
        self._waiting: deque[bytes] = deque()
        self.buffered = 0
        self._reading = False
        self._full = False
        self._end = False
        self._closed = False

    def read_now(self, limit: int) -> bytes:
        data = b"".join(self._waiting)
        self._keep(data[limit:])
        self._tell_room()
        return data[:limit]

    def resume_reading(self) -> None:
        self._reading = True
        while self._waiting and self._reading:
            data = self._waiting.popleft()
            self.buffered -= len(data)
            self._peer.local_data(memoryview(data))
        if self._reading:
            self._tell_room()
            if self._end:
                self._peer.local_eof()

    def pause_reading(self) -> None:
        self._reading = False

    def write(self, *pieces: memoryview) -> None:
        for piece in pieces:
            if not self._closed:
                self._inner.arrived(piece)

    def finish(self) -> None:
        self._close("finish")

    def reset(self) -> None:
        self._close("reset")

    def abort(self) -> None:
        self._close("abort")

    def send(self, data: memoryview) -> None:
        if self._closed or self._end:
            return
        if self._reading:
            self._peer.local_data(data)
            return
        self._waiting.append(bytes(data))
        self.buffered += len(data)
        if self.buffered > HIGH_WATER and not self._full:
            self._full = True
            self._inner.full(True)

    def send_end(self) -> None:
        if self._closed or self._end:
            return
        self._end = True
        if self._reading:
            self._peer.local_eof()

    def hold(self) -> None:
        if not self._closed:
            self._peer.local_full()

    def go_on(self) -> None:
        if not self._closed:
            self._peer.local_drained()

    def _keep(self, data: bytes) -> None:
        self._waiting.clear()
        if data:
            self._waiting.append(data)
        self.buffered = len(data)

    def _tell_room(self) -> None:
        if self._full and not self._waiting:
            self._full = False
            self._inner.full(False)

    def _close(self, how: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._keep(b"")
        self._inner.ended(how)
        self._peer.local_closed()
