"""A front, what is behind it, and applications before it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.model import Spread
from kfwd.resolve.endpoints import Endpoint
from kfwd.tunnel.pod import PodSessions
from kfwd.tunnel.podref import PodRef
from kfwd.tunnel.pool import Pool
from tests.front.test_local import receive
from tests.tunnel.peer import Peer, Peers, peers
from tests.until import until

REFUSED = "dial tcp4 127.0.0.1:80: connect: connection refused"
GONE_TEXT = 'failed to find sandbox "x" in store: not found'
RESET_BY_PEER = "read tcp4 127.0.0.1:4->127.0.0.1:80: read: connection reset by peer"


def endpoint(name: str, port: int = 80) -> Endpoint:
    return Endpoint(namespace="ns", pod=name, uid=f"uid-{name}", port=port, ready=True)


A, B = endpoint("a"), endpoint("b")


class Rig:
    """A front, what is behind it, and applications before it."""

    def __init__(self, hub: Peers, pool: Pool) -> None:
        self.hub, self.pool = hub, pool
        self.changes = 0
        self.looks = 0
        self.budget = Budget()
        self.apps: list[socket.socket] = []
        self.front = self.make()

    def make(self, hold_s: float = 30.0, spread: Spread = "first") -> Front:
        front = Front(
            "dev/web",
            self.pool,
            budget=self.budget,
            hold_s=hold_s,
            on_change=self._changed,
            look_again=self._looked,
            spread=spread,
        )
        (address,) = front.bind(["127.0.0.1"], 0)
        self.port = int(address.rpartition(":")[2])
        return front

    def _changed(self) -> None:
        self.changes += 1

    def _looked(self) -> None:
        self.looks += 1

    async def remake(self, spread: Spread) -> None:
        """The front anew, with another policy."""
        await self.front.close()
        self.front = self.make(spread=spread)

    def pod(self, endpoint: Endpoint) -> PodSessions:
        """The sessions to a pod."""
        return self.pool.pod(PodRef(endpoint.namespace, endpoint.pod, endpoint.uid))

    async def app(self, data: bytes = b"") -> socket.socket:
        """An application that connects and sends."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.apps.append(sock)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", self.port))
        if data:
            await loop.sock_sendall(sock, data)
        return sock


@asynccontextmanager
async def fronted() -> AsyncIterator[Rig]:
    """A rig that is cleaned up and leaves nothing behind."""
    async with peers() as hub:
        pool = Pool("test", hub)
        rig = Rig(hub, pool)
        yield rig
        for app in rig.apps:
            app.close()
        assert await rig.front.close() == []
        assert await pool.close() == []


async def is_reset(app: socket.socket) -> bool:
    """Whether the next thing an application sees is a reset, not an end-of-file."""
    try:
        data = await receive(app, 1)
    except ConnectionResetError:
        return True
    assert data == b"", "there were bytes"
    return False


async def fill(sock: socket.socket) -> int:
    """Send until nothing is taken any more; returns how many bytes were."""
    sent = blocked = 0
    while blocked < 100:
        try:
            sent += sock.send(bytes(1_000_000))
            blocked = 0
        except BlockingIOError:
            blocked += 1
        await asyncio.sleep(0)
    return sent


async def served(rig: Rig, *endpoints: Endpoint) -> Peer:
    """Put endpoints behind the front; the session to the first is up."""
    rig.front.serve(endpoints)
    await until(lambda: rig.front.session_up)
    return await rig.hub.next(endpoints[0].pod)
