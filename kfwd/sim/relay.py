"""One connection to a pod's port, as the container runtime forwards it.

Two copies run, one each way; when the first ends, the other gets one second more, then the socket
is closed. The pod never sees the client's end-of-file (protocol notes C.5, L.3, L.4; containerd's
`sandbox_portforward_linux.go`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from kfwd.sim.sandbox import socket_error

CHUNK = 32 * 1024
"""Go's copy buffer: no DATA frame of the server is longer."""
CHUNKS_A_TURN = 8


class DataStream(Protocol):
    """The client's side of a forward."""

    @property
    def writable(self) -> bool: ...

    def when_writable(self, callback: Callable[[], None]) -> None: ...

    def write(self, data: bytes) -> None: ...

    def wake(self) -> None:
        """The relay takes another payload."""


class Relay:
    """Copies between a data stream and the pod's socket. It is the stream's consumer.

    `ended` is called once, when both copies have ended or the second one's time is up, with the
    first socket error in Go's words or None.
    """

    def __init__(
        self,
        stream: DataStream,
        port: int,
        half_close_s: float,
        ended: Callable[[str | None], None],
    ) -> None:
        self._stream = stream
        self._port = port
        self._half_close_s = half_close_s
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._sock: socket.socket | None = None
        self._unsent = b""
        self._copies = 0  # directions that still run
        self._takes = False  # whether somebody reads the data stream
        self._client_done = False
        self._error: str | None = None
        self._cut: asyncio.TimerHandle | None = None

    async def dial(self, address: tuple[str, int]) -> None:
        """Connect and start copying. Raises `OSError`."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await self._loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock, self._local = sock, sock.getsockname()[1]
        self._copies, self._takes = 2, True
        self._loop.add_reader(sock, self._readable)
        if self._client_done:
            self._copy_ended(None)
        self._stream.wake()

    @property
    def ready(self) -> bool:
        return self._takes and not self._unsent

    def take(self, data: memoryview) -> None:
        if self._sock is None:
            # The copy out of the stream outlives the socket by one read: its write fails.
            self._takes = False
            return
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._copy_out_failed(error)
            return
        if sent < len(data):
            self._unsent = bytes(data[sent:])
            self._loop.add_writer(self._sock, self._send_rest)

    def _send_rest(self) -> None:
        if self._sock is None:
            return
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._copy_out_failed(error)
            return
        if not self._unsent:
            self._loop.remove_writer(self._sock)
            if self._client_done:
                self._copy_ended(None)
            self._stream.wake()

    def _copy_out_failed(self, error: OSError) -> None:
        self._takes = False
        if self._sock is not None:
            self._loop.remove_writer(self._sock)
        if not self._client_done:
            self._copy_ended(socket_error("write", self._local, self._port, error))

    def finished(self) -> None:
        self._client_done = True
        if self._takes and not self._unsent and self._sock is not None:
            self._copy_ended(None)

    def _readable(self) -> None:
        for _ in range(CHUNKS_A_TURN):
            if self._sock is None:
                return
            try:
                data = self._sock.recv(CHUNK)
            except BlockingIOError:
                return
            except OSError as error:
                self._pod_ended(socket_error("read", self._local, self._port, error))
                return
            if not data:
                self._pod_ended(None)
                return
            self._stream.write(data)
            if not self._stream.writable:
                # The copy hangs in this write: what it has read arrives, even past the cut.
                self._loop.remove_reader(self._sock)
                self._stream.when_writable(self._read_on)
                return

    def _read_on(self) -> None:
        if self._sock is not None:
            self._loop.add_reader(self._sock, self._readable)

    def _pod_ended(self, error: str | None) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
        self._copy_ended(error)

    def _copy_ended(self, error: str | None) -> None:
        self._copies -= 1
        if self._error is None:
            self._error = error
        if not self._copies:
            self._finish()
        elif self._copies == 1:
            self._cut = self._loop.call_later(self._half_close_s, self._finish)

    def _finish(self) -> None:
        if self._sock is not None:
            self.close()
            self._ended(self._error)

    def close(self) -> None:
        """Close the pod's socket without a word to anybody."""
        if self._cut is not None:
            self._cut.cancel()
        sock, self._sock = self._sock, None
        if sock is None:
            return
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)
        sock.close()
        if self._unsent:
            self._takes, self._unsent = False, b""
