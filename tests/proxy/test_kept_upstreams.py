"""Connections through real sessions that serve several requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.proxy import kept_upstreams
from kfwd.proxy.kept_upstreams import KeptUpstream, KeptUpstreams
from kfwd.proxy.upstream import Client
from kfwd.tunnel.stream import Stream
from tests.front.rig import A, B, Rig, fronted, served
from tests.tunnel.peer import Peer
from tests.until import until

CLIENT = Client("127.0.0.1:5", "127.0.0.1:80")


class App:
    """Who gets the answers."""

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[Exception | None] = []

    def data_received(self, data: memoryview) -> None:
        self.data += data

    def pipe_lost(self, error: Exception | None) -> None:
        self.ends.append(error)

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


@pytest.fixture
async def front() -> AsyncIterator[Rig]:
    async with fronted() as rig:
        yield rig


async def asked(
    kept: KeptUpstreams, peer: Peer, stream: int | None = None
) -> tuple[KeptUpstream, int]:
    """A request and its answer, on a stream that is open already or on a new one."""
    upstream, app = await kept.connect(CLIENT, fresh=False), App()
    upstream.attach(app)
    upstream.write(b"GET")
    stream = stream or await peer.opened()
    assert await peer.received(stream, 3) == b"GET"
    peer.data(stream, b"200")
    await until(lambda: app.data == b"200")
    return upstream, stream


async def test_a_connection_that_was_kept_serves_the_next_request(front: Rig) -> None:
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    first, stream = await asked(kept, peer)
    assert not first.reused
    first.release(persistent=True)
    second, _ = await asked(kept, peer, stream)
    assert second is first
    assert second.reused
    assert second.where == "a"
    second.abort()
    await until(lambda: not front.front.connections)


async def test_one_that_its_server_ended_is_not_kept(front: Rig) -> None:
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    upstream, stream = await asked(kept, peer)
    upstream.release(persistent=True)
    peer.end(stream)
    await until(lambda: len(kept) == 0)


async def test_one_that_holds_more_than_an_answer_is_not_kept(front: Rig) -> None:
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    upstream, _ = await asked(kept, peer)
    upstream.pause_reading()
    (connection,) = front.front.connections
    assert isinstance(connection._stream, Stream)
    connection._stream.deliver([memoryview(b"more")])
    upstream.release(persistent=True)
    assert len(kept) == 0
    await until(lambda: not front.front.connections)


async def test_one_to_a_pod_that_is_no_longer_chosen_is_not_used_again(front: Rig) -> None:
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    upstream, _ = await asked(kept, peer)
    upstream.release(persistent=True)
    front.front.serve((B,))
    other = await front.hub.next("b")
    again, _ = await asked(kept, other)
    assert again is not upstream
    assert again.where == "b"
    again.abort()
    await until(lambda: not front.front.connections)


async def test_an_upgrade_and_what_a_server_closes_take_connections_of_their_own(
    front: Rig,
) -> None:
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    upstream, stream = await asked(kept, peer)
    upstream.release(persistent=True)
    fresh = await kept.connect(CLIENT, fresh=True)
    assert fresh is not upstream
    again, _ = await asked(kept, peer, stream)
    again.release(persistent=False)
    assert len(kept) == 0
    await peer.finished(stream)
    peer.end(stream)
    await until(lambda: not front.front.connections)


async def test_no_more_are_kept_than_a_few_and_bytes_nobody_asked_for_end_one(
    front: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_upstreams, "KEPT_MAX", 1)
    peer = await served(front, A)
    kept = KeptUpstreams(front.front)
    first, _ = await asked(kept, peer)
    second = await kept.connect(CLIENT, fresh=False)
    second.attach(App())
    second.write(b"x")
    other = await front.hub.next("a")
    await other.opened()
    first.release(persistent=True)
    second.release(persistent=True)
    assert len(kept) == 1
    await until(lambda: len(front.front.connections) == 1)
    kept.close()
    assert len(kept) == 0
    await until(lambda: not front.front.connections)
