"""Connections through tunnels that serve more than one request, where the server lets them."""

from __future__ import annotations

import asyncio

from kfwd.front.forwarder import Front
from kfwd.proxy.tunnel_upstreams import TunnelUpstream
from kfwd.proxy.upstream import Client
from kfwd.wire import http1
from kfwd.wire.http1 import Lines

KEPT_S = 10.0
"""How long one is kept unused. It occupies a session for that time."""

KEPT_MAX = 8


class KeptUpstreams:
    """The connections of one front that wait for another request, the last used first.

    One to a pod that new connections no longer get is not used again.
    """

    def __init__(self, front: Front) -> None:
        self.front = front
        self._kept: list[KeptUpstream] = []

    def __len__(self) -> int:
        return len(self._kept)

    async def connect(self, client: Client, *, fresh: bool) -> KeptUpstream:
        while self._kept and not fresh:
            kept = self._kept.pop()
            kept.wake()
            if kept.usable:
                return kept
            kept.abort()
        return KeptUpstream(self, client)

    def keep(self, upstream: KeptUpstream) -> None:
        self._kept.append(upstream)
        if len(self._kept) > KEPT_MAX:
            self._kept.pop(0).abort()

    def drop(self, upstream: KeptUpstream) -> None:
        if upstream in self._kept:
            self._kept.remove(upstream)

    def close(self) -> None:
        """End those that wait."""
        while self._kept:
            self._kept.pop().abort()


class KeptUpstream(TunnelUpstream):
    """A connection to an endpoint that goes back to its owner after an exchange."""

    def __init__(self, owner: KeptUpstreams, client: Client) -> None:
        super().__init__(owner.front, client)
        self.reused = False
        self._owner = owner
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether it is open, to an endpoint that is still chosen."""
        connection = self._inner.connection if self._inner is not None else None
        if connection is None or connection.state != "open":
            return False
        return connection.endpoint in self._owner.front.endpoints

    def head(self, method: str, target: str, lines: Lines) -> bytes:
        return http1.encode_request(method, target, lines)

    def release(self, *, persistent: bool) -> None:
        if not persistent:
            super().release(persistent=False)
            return
        self._receiver = None
        self._timer = asyncio.get_running_loop().call_later(KEPT_S, self.abort)
        self._owner.keep(self)
        self.resume_reading()  # what was held back, and nobody asked for, ends it

    def wake(self) -> None:
        """It is used again."""
        self.reused = True
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        self._forget()
        super().abort()

    def data_received(self, data: memoryview) -> None:
        if self._receiver is None:
            self.abort()  # an answer that nobody asked for
        else:
            super().data_received(data)

    def pipe_lost(self, error: Exception | None) -> None:
        self._forget()
        super().pipe_lost(error)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._owner.drop(self)
