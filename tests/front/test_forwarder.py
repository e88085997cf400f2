"""A front over a scripted server: the rules of the data path, each as a trace of real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kfwd.front import forwarder as forwarder_module
from kfwd.front.forwarder import Front
from kfwd.front.replay import CONNECTION_MAX, Budget
from kfwd.resolve.endpoints import Endpoint
from kfwd.tunnel.pool import Pool
from kfwd.wire import spdy
from tests.front.test_local import receive
from tests.tunnel.peer import GONE, Peer, Peers, peers
from tests.until import WAIT_S, until

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

    def make(self, hold_s: float = 30.0) -> Front:
        front = Front(
            "dev/web",
            self.pool,
            budget=self.budget,
            hold_s=hold_s,
            on_change=self._changed,
            look_again=self._looked,
        )
        (address,) = front.bind(["127.0.0.1"], 0)
        self.port = int(address.rpartition(":")[2])
        return front

    def _changed(self) -> None:
        self.changes += 1

    def _looked(self) -> None:
        self.looks += 1

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

    async def stream(self, peer: Peer) -> int:
        return await peer.opened()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with peers() as hub:
        pool = Pool("test", hub)  # type: ignore[arg-type]  # a dialer, without HTTP
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


async def served(rig: Rig, *endpoints: Endpoint) -> Peer:
    """Put endpoints behind the front; the session to the first is up."""
    rig.front.serve(endpoints)
    await until(lambda: rig.front.session_up)
    return await rig.hub.next(endpoints[0].pod)


async def test_bytes_flow_both_ways_and_an_end_is_an_end(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"ping")
    stream = await peer.opened()
    assert await peer.received(stream, 4) == b"ping"
    peer.data(stream, b"pong")
    assert await receive(app, 4) == b"pong"
    peer.end(stream)
    assert not await is_reset(app)
    app.close()
    await until(lambda: not rig.front.connections)
    counters = rig.front.counters
    assert (counters.total, counters.open, counters.failed) == (1, 0, 0)
    assert (counters.sent, counters.received) == (4, 4)


async def test_a_server_that_speaks_first_is_heard(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app()
    stream = await peer.opened()
    peer.data(stream, b"220 ready")
    assert await receive(app, 9) == b"220 ready"


async def test_connections_wait_while_nothing_is_behind(rig: Rig) -> None:
    apps = [await rig.app(b"early") for _ in range(3)]
    await until(lambda: rig.front.counters.waiting == 3)
    rig.front.serve([A])
    for _ in apps:
        peer = await rig.hub.next("a")
        stream = await peer.opened()
        assert await peer.received(stream, 5) == b"early"
        peer.data(stream, b"late")
    for app in apps:
        assert await receive(app, 4) == b"late"
    assert rig.front.counters.waiting == 0


async def test_a_connection_held_too_long_is_reset_with_a_reason(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.front.close()
    rig.front = rig.make(hold_s=0.05)
    app = await rig.app()
    assert await is_reset(app)
    assert "held for 0.05 s: no ready endpoint" in caplog.text
    assert rig.front.counters.failed == 1


async def test_a_full_waiting_room_refuses_the_next(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder_module, "WAITING_MAX", 2)
    waiting = [await rig.app() for _ in range(2)]
    await until(lambda: rig.front.counters.waiting == 2)
    assert await is_reset(await rig.app())
    rig.front.serve([A])
    peer = await rig.hub.next("a")
    peer.data(await peer.opened(), b"x")
    done = await asyncio.wait(
        [asyncio.ensure_future(receive(app, 1)) for app in waiting],  # noqa: TID251
        return_when=asyncio.FIRST_COMPLETED,
        timeout=WAIT_S,
    )
    for task in done[1]:
        task.cancel()
    assert len(done[0]) >= 1


async def test_new_connections_go_to_the_new_endpoint_and_old_ones_stay(rig: Rig) -> None:
    peer_a = await served(rig, A)
    old = await rig.app()
    stream = await peer_a.opened()
    peer_b = await served(rig, B)
    new = await rig.app()
    stream_b = await peer_b.opened()
    peer_b.data(stream_b, b"b")
    assert await receive(new, 1) == b"b"
    peer_a.data(stream, b"a")
    assert await receive(old, 1) == b"a"


async def test_a_refused_port_is_tried_elsewhere_with_the_same_bytes(rig: Rig) -> None:
    peer_a = await served(rig, A, B)
    app = await rig.app(b"GET /")
    stream = await peer_a.opened()
    assert await peer_a.received(stream, 5) == b"GET /"
    peer_a.data(stream, fin=True)
    peer_a.text(stream, REFUSED)
    peer_b = await rig.hub.next("b")
    stream = await peer_b.opened()
    assert await peer_b.received(stream, 5) == b"GET /"
    peer_b.data(stream, b"200")
    assert await receive(app, 3) == b"200"
    assert rig.front.problem is None


async def test_a_port_that_refuses_everywhere_resets_and_degrades(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"x")
    stream = await peer.opened()
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    assert await is_reset(app)
    assert rig.front.problem is not None
    assert rig.front.problem.code == "port-refused"
    peer = await rig.hub.next("a")
    app = await rig.app(b"x")
    peer.data(await peer.opened(), b"ok")
    assert await receive(app, 2) == b"ok"
    assert rig.front.problem is None


async def test_a_pod_that_is_gone_sends_the_connection_back_to_wait(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"keep me")
    stream = await peer.opened()
    assert await peer.received(stream, 7) == b"keep me"
    peer.text(stream, GONE_TEXT)
    peer.data(stream, fin=True)
    await until(lambda: rig.front.counters.waiting == 1)
    assert rig.looks == 1
    peer = await served(rig, B)
    stream = await peer.opened()
    assert await peer.received(stream, 7) == b"keep me"
    peer.data(stream, b"kept")
    assert await receive(app, 4) == b"kept"


async def test_a_missing_pod_makes_the_resolver_look_again(rig: Rig) -> None:
    rig.hub.refuse = GONE
    rig.front.serve([A])
    app = await rig.app(b"x")
    await until(lambda: rig.looks)
    rig.hub.refuse = None
    peer = await served(rig, B)
    peer.data(await peer.opened(), b"y")
    assert await receive(app, 1) == b"y"


async def rst_of_stream(peer: Peer, stream: int) -> None:
    peer.send(spdy.rst_stream(stream, spdy.RST_CANCEL))
    peer.send(spdy.rst_stream(peer.error_of[stream], spdy.RST_CANCEL))


async def go_away(peer: Peer, stream: int) -> None:
    peer.send(spdy.goaway(stream))


async def lose(peer: Peer, stream: int) -> None:
    await asyncio.sleep(0)
    peer.writer.close()


async def reset_by_peer(peer: Peer, stream: int) -> None:
    peer.data(stream, fin=True)
    peer.text(stream, RESET_BY_PEER)


CUTS: list[Callable[[Peer, int], Awaitable[None]]] = [rst_of_stream, go_away, lose, reset_by_peer]


@pytest.mark.parametrize("cut", CUTS)
async def test_what_a_pod_may_have_taken_is_never_sent_again(
    rig: Rig, cut: Callable[[Peer, int], Awaitable[None]]
) -> None:
    peer = await served(rig, A, B)
    app = await rig.app(b"POST /order")
    stream = await peer.opened()
    assert await peer.received(stream, 11) == b"POST /order"
    await cut(peer, stream)
    assert await is_reset(app)
    assert rig.front.counters.failed == 1
    assert "b" not in rig.hub.pods


@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_after_bytes_came_never_looks_like_an_end(
    rig: Rig, cut: Callable[[Peer, int], Awaitable[None]]
) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"GET")
    stream = await peer.opened()
    peer.data(stream, b"half of")
    assert await receive(app, 7) == b"half of"
    await cut(peer, stream)
    assert await is_reset(app)


async def test_one_byte_back_means_a_process_took_it(rig: Rig) -> None:
    peer = await served(rig, A, B)
    app = await rig.app(b"x")
    stream = await peer.opened()
    peer.data(stream, b"1")
    assert await receive(app, 1) == b"1"
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    assert await is_reset(app)
    assert "b" not in rig.hub.pods


async def test_more_than_is_kept_is_not_sent_again(rig: Rig) -> None:
    peer = await served(rig, A, B)
    app = await rig.app()
    stream = await peer.opened()
    size = CONNECTION_MAX + 1
    sending = asyncio.get_running_loop().sock_sendall(app, bytes(size))
    _, data = await asyncio.gather(sending, peer.received(stream, size))
    assert len(data) == size
    peer.text(stream, GONE_TEXT)
    peer.data(stream, fin=True)
    assert await is_reset(app)
    assert rig.budget.take(64 * 1024 * 1024)


async def test_local_end_of_file_is_passed_on_and_kept_for_another_try(rig: Rig) -> None:
    peer_a = await served(rig, A)
    app = await rig.app(b"all")
    app.shutdown(socket.SHUT_WR)
    stream = await peer_a.opened()
    await peer_a.finished(stream)
    peer_a.text(stream, GONE_TEXT)
    peer_a.data(stream, fin=True)
    await until(lambda: rig.front.counters.waiting == 1)
    peer_b = await served(rig, B)
    stream = await peer_b.opened()
    assert await peer_b.received(stream, 3) == b"all"
    await peer_b.finished(stream)
    peer_b.data(stream, b"done")
    peer_b.end(stream)
    assert await receive(app, 5) == b"done"


async def test_an_application_that_goes_away_resets_its_stream_only(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"x")
    stream = await peer.opened()
    peer.data(stream, b"y")
    await receive(app, 1)
    app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    app.close()
    reset = await peer.expect(spdy.RstStream)
    assert (reset.stream_id, reset.status) == (stream, spdy.RST_CANCEL)
    await until(lambda: not rig.front.connections)
    assert rig.front.counters.failed == 0
    peer.send(spdy.ping(2))
    assert await peer.expect(spdy.Ping) == spdy.Ping(2)


async def test_a_slow_application_holds_its_pod_back_not_others(rig: Rig) -> None:
    peer = await served(rig, A)
    slow = await rig.app()
    stream = await peer.opened()
    for _ in range(200):
        peer.data(stream, bytes(100_000))
    other = await rig.app(b"quick")
    peer_two = await rig.hub.next("a")
    stream_two = await peer_two.opened()
    peer_two.data(stream_two, b"quick")
    assert await receive(other, 5) == b"quick"
    (held,) = [each for each in rig.front.connections if each.received > 5]
    assert held._local.buffered < 2_000_000
    assert len(await receive(slow, 20_000_000)) == 20_000_000


async def test_a_slow_pod_holds_its_application_back(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app()
    stream = await peer.opened()
    peer.writer.transport.pause_reading()
    sent = blocked = 0
    while blocked < 100:
        try:
            sent += app.send(bytes(1_000_000))
            blocked = 0
        except BlockingIOError:
            blocked += 1
        await asyncio.sleep(0)
    assert sent < 60_000_000
    peer.writer.transport.resume_reading()
    assert len(await peer.received(stream, sent)) == sent


async def test_closing_resets_connections_and_frees_the_port(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app()
    await peer.opened()
    waiting = await rig.app()
    assert await rig.front.close() == []
    assert await is_reset(app)
    assert await is_reset(waiting)
    with pytest.raises(ConnectionRefusedError):
        await rig.app()


async def test_many_short_connections_leave_nothing_behind(rig: Rig) -> None:
    peer = await served(rig, A)
    for _ in range(200):
        app = await rig.app(b"x")
        stream = await peer.opened()
        peer.data(stream, b"y")
        assert await receive(app, 1) == b"y"
        peer.end(stream)
        assert not await is_reset(app)
        app.close()
        rig.apps.clear()
    await until(lambda: not rig.front.connections)
    pod = rig.front.pod(A)
    assert all(session.streams == 0 for session in pod._sessions)
    assert rig.budget.take(64 * 1024 * 1024)
