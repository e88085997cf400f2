"""Connections through tunnels: what a front has behind it, as servers for exchanges."""

from __future__ import annotations

import asyncio

from kfwd.front.forwarder import Front
from kfwd.front.inner import Inner
from kfwd.proxy.upstream import Client, Receiver
from kfwd.wire import http1
from kfwd.wire.http1 import Lines

LINGER_S = 5.0
"""How long a server may take to end a connection after its last answer."""

ASK_TO_CLOSE = ("Connection", "close")


class TunnelUpstreams:
    """Each connection serves one request: the front chooses the endpoint for it.

    The front holds requests while nothing is ready, tries them elsewhere where that is safe, and
    counts them as its connections.
    """

    def __init__(self, front: Front) -> None:
        self._front = front

    async def connect(self, client: Client, *, fresh: bool) -> TunnelUpstream:
        return TunnelUpstream(self._front, client)


class TunnelUpstream:
    """One connection to an endpoint; it begins with `attach`."""

    reused = False
    prompt = False  # a session tells of frames one by one, and others may still follow

    def __init__(self, front: Front, client: Client) -> None:
        self._front = front
        self._client = client
        self._inner: Inner | None = None
        self._receiver: Receiver | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def where(self) -> str | None:
        endpoint = self._inner.connection.endpoint if self._inner else None
        return endpoint.pod if endpoint else None

    def head(self, method: str, target: str, lines: Lines) -> bytes:
        """The server sees what the client sent, and closes after its answer."""
        upgrades = any(name == "Connection" for name, _ in lines)
        sent = lines if upgrades else (*lines, ASK_TO_CLOSE)
        return http1.encode_request(method, target, sent)

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if self._inner is None:
            self._inner = Inner(self._front, self, self._client.address, self._client.listen)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._inner is not None:
            self._inner.write(data)

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()

    def pause_reading(self) -> None:
        if self._inner is not None:
            self._inner.pause_reading()

    def resume_reading(self) -> None:
        if self._inner is not None:
            self._inner.resume_reading()

    def again(self, status: int) -> bool:
        return False

    def release(self, *, persistent: bool) -> None:
        """Both ends say goodbye, so that the session is free for others."""
        self._receiver = None
        if self._inner is not None:
            self._inner.resume_reading()
            self._inner.finish()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(LINGER_S, self._inner.abort)

    def abort(self) -> None:
        self._receiver = None
        if self._inner is not None:
            self._inner.abort()

    def data_received(self, data: memoryview) -> None:
        if self._receiver is not None:
            self._receiver.data_received(data)

    def pipe_lost(self, error: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._receiver is not None:
            self._receiver.pipe_lost(error)

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.resume_writing()
