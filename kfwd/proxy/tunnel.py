"""Bytes both ways for a client that asked for nothing else (CONNECT, RFC 9110, 9.3.6)."""

from __future__ import annotations

from kfwd.errors import HttpError
from kfwd.proxy.decision import Raw
from kfwd.proxy.exchange import End, Side
from kfwd.proxy.upstream import Client, Upstream

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Tunnel:
    """One CONNECT, from the connection to its end. The interface is an `Exchange`'s.

    `established` is what the client is told once there is a connection.
    """

    def __init__(
        self, side: Side, raw: Raw, client: Client, *, established: bytes = ESTABLISHED
    ) -> None:
        self.status = 0
        self.where: str | None = None
        self._side = side
        self._decision = raw
        self._client = client
        self._established = established
        self._upstream: Upstream | None = None
        self._end: End | None = None

    async def run(self) -> End:
        """Raises the `KfwdError` for which there is no connection."""
        upstream = await self._decision.upstreams.connect(self._client, fresh=True)
        self._upstream = upstream
        upstream.attach(self)
        try:
            self.status = 200
            self._side.write(self._established)
            self._side.began()
            while self._end is None:
                await self._side.rest()
            return self._end
        finally:
            self.where = upstream.where
            self._upstream = None
            upstream.abort()

    def client_data(self, data: memoryview) -> int:
        if self._upstream is not None:
            self._upstream.write(data)
        return len(data)

    def client_ended(self) -> None:
        if self._upstream is not None:
            self._upstream.finish()

    def client_gone(self) -> None:
        self._finish(End.GONE)

    def client_failed(self, error: HttpError) -> None:
        self._finish(End.CUT)

    def client_full(self) -> None:
        if self._upstream is not None:
            self._upstream.pause_reading()

    def client_drained(self) -> None:
        if self._upstream is not None:
            self._upstream.resume_reading()

    def data_received(self, data: memoryview) -> None:
        self._side.write(data)

    def pipe_lost(self, error: Exception | None) -> None:
        self._finish(End.CLOSE if error is None else End.CUT)

    def pause_writing(self) -> None:
        self._side.pause_reading()

    def resume_writing(self) -> None:
        self._side.resume_reading()

    def _finish(self, end: End) -> None:
        if self._end is None:
            self._end = end
            self._side.stir()
