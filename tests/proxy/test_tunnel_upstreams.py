"""HTTP through tunnels, on real sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.proxy.tunnel_upstreams import TunnelUpstreams
from kfwd.tunnel.pool import Pool
from tests.front.rig import REFUSED, A, B
from tests.proxy.rig import PassAll, Peer, Rig, get, ok
from tests.tunnel.peer import Peer as Session
from tests.tunnel.peer import Peers, peers
from tests.until import until


class Tunnels(Rig):
    """A listener whose requests go to pods."""

    hub: Peers
    front: Front

    async def request(self, data: bytes, session: Session) -> tuple[Peer, int]:
        """Send a request; the stream on which the pod gets it."""
        client = await self.client(data)
        return client, await session.opened()


@asynccontextmanager
async def tunnels() -> AsyncIterator[Tunnels]:
    async with peers() as hub:
        pool = Pool("test", hub)  # type: ignore[arg-type]  # a dialer, without HTTP
        front = Front(
            "dev/web",
            pool,
            budget=Budget(),
            hold_s=30.0,
            on_change=lambda: None,
            look_again=lambda: None,
        )
        handler: Any = lambda rig: PassAll(TunnelUpstreams(front))  # noqa: E731  # a rig's maker
        rig = Tunnels()
        rig.hub, rig.front = hub, front
        await rig.start(handler)
        try:
            yield rig
        finally:
            await rig.stop()
            assert await front.close() == []
            assert await pool.close() == []


@pytest.fixture
async def rig() -> AsyncIterator[Tunnels]:
    async with tunnels() as rig:
        yield rig


async def session(rig: Tunnels, *endpoints: Any) -> Session:
    rig.front.serve(endpoints)
    await until(lambda: rig.front.session_up)
    return await rig.hub.next(endpoints[0].pod)


EXPECTED = b"GET /a HTTP/1.1\r\nHost: localhost\r\nX: y\r\nConnection: close\r\n\r\n"


async def test_a_pod_answers_and_the_session_is_free_again(rig: Tunnels) -> None:
    peer = await session(rig, A)
    for _ in range(2):
        client, stream = await rig.request(get("/a", "X: y"), peer)
        assert await peer.received(stream, len(EXPECTED)) == EXPECTED
        peer.data(stream, ok(b"pong", "Connection: close"))
        assert (await client.answer())[1] == b"pong"
        peer.end(stream)
        await until(lambda: not rig.front.connections)
    assert [request.pod for request in rig.log.seen] == ["a", "a"]


async def test_a_pod_that_refuses_is_not_the_last_word(rig: Tunnels) -> None:
    peer = await session(rig, A, B)
    client, stream = await rig.request(get("/a"), peer)
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    other = await rig.hub.next("b")
    stream = await other.opened()
    other.data(stream, ok(b"from b", "Connection: close"))
    assert (await client.answer())[1] == b"from b"
    other.end(stream)
    await until(lambda: rig.log.seen)
    assert rig.log.seen[-1].pod == "b"


async def test_a_request_waits_for_a_pod(rig: Tunnels) -> None:
    client = await rig.client(get("/a"))
    await until(lambda: rig.front.counters.waiting == 1)
    peer = await session(rig, A)
    stream = await peer.opened()
    peer.data(stream, ok(b"at last", "Connection: close"))
    assert (await client.answer())[1] == b"at last"
    peer.end(stream)


async def test_a_pod_that_dies_before_it_answers_is_not_asked_again(rig: Tunnels) -> None:
    peer = await session(rig, A, B)
    client, stream = await rig.request(get("/a"), peer)
    await peer.received(stream, 10)
    peer.writer.transport.abort()
    head, _ = await client.answer()
    assert b" 500 " in head
    assert rig.front.counters.failed == 1


async def test_an_upgrade_passes_bytes_and_half_ends(rig: Tunnels) -> None:
    peer = await session(rig, A)
    client, stream = await rig.request(get("/ws", "Connection: Upgrade", "Upgrade: x"), peer)
    peer.data(stream, b"HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello")
    assert b" 101 " in await client.head()
    assert await client.exactly(5) == b"hello"
    client.send(b"there")
    client.writer.write_eof()
    while not (await peer.received(stream, 1)).endswith(b"\n"):
        pass
    peer.data(stream, b"bye")
    peer.end(stream)
    assert await client.rest() == b"bye"


async def test_a_body_until_the_end_ends_cleanly_or_not_at_all(rig: Tunnels) -> None:
    peer = await session(rig, A)
    client, stream = await rig.request(get("/a", "Connection: close"), peer)
    peer.data(stream, b"HTTP/1.0 200 OK\r\n\r\nabc")
    await client.head()
    peer.end(stream)
    assert await client.rest() == b"3\r\nabc\r\n0\r\n\r\n"
    client, stream = await rig.request(get("/a", "Connection: close"), peer)
    peer.data(stream, b"HTTP/1.0 200 OK\r\n\r\nabc")
    await client.head()
    peer.data(stream, fin=True)
    peer.text(stream, "connection reset by peer")
    with pytest.raises(ConnectionResetError):
        await client.rest()
