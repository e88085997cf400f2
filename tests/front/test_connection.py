"""The life of a connection: rules of the data path, each as a trace of real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from kfwd.front.replay import CONNECTION_MAX
from kfwd.tunnel.stream import Stream
from kfwd.wire import spdy
from tests.front.rig import GONE_TEXT, REFUSED, RESET_BY_PEER, A, B, Rig, fill, is_reset, served
from tests.front.test_local import receive
from tests.tunnel.peer import Peer
from tests.until import until


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


async def test_a_pod_that_ends_and_refuses_sends_the_connection_back_to_wait(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"keep me")
    stream = await peer.opened()
    assert await peer.received(stream, 7) == b"keep me"
    rig.front.serve([replace(A, ready=False, terminating=True)])
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    await until(lambda: rig.front.counters.waiting == 1)
    assert rig.front.problem is None
    peer = await served(rig, B)
    stream = await peer.opened()
    assert await peer.received(stream, 7) == b"keep me"
    peer.data(stream, b"kept")
    assert await receive(app, 4) == b"kept"


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
    sent = await fill(app)
    assert sent < 60_000_000
    peer.writer.transport.resume_reading()
    assert len(await peer.received(stream, sent)) == sent


async def test_a_pod_that_was_gone_and_is_back_gets_the_connection(rig: Rig) -> None:
    """A sandbox made anew, after a restart of its node, has the same pod's UID."""
    peer = await served(rig, A)
    await rig.app(b"keep me")
    peer.text(await peer.opened(), GONE_TEXT)
    await until(lambda: rig.front.counters.waiting == 1)
    rig.front.serve(())
    rig.front.serve((A,))
    while True:
        peer = await rig.hub.next("a")
        with contextlib.suppress(EOFError):  # the warm session is closed when nothing is served
            assert await peer.received(await peer.opened(), 7) == b"keep me"
            return


async def test_what_was_full_before_the_stream_was_there_holds_it_back(rig: Rig) -> None:
    """Bytes may come, and the way may be full, before the connection learns of its stream."""
    await rig.app()
    await until(lambda: rig.front.connections)
    (connection,) = rig.front.connections
    connection.local_full()
    connection.pause_writing()
    await served(rig, A)
    await until(lambda: connection._stream is not None)
    assert isinstance(connection._stream, Stream)
    assert connection._stream.paused
    assert not connection._local._reading  # type: ignore[attr-defined]  # a local socket
    connection.resume_writing()
    connection.local_drained()
    assert connection._local._reading  # type: ignore[attr-defined]  # a local socket
    assert not connection._stream.paused


async def test_a_context_that_is_closed_ends_those_who_wait_with_a_reason(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.hub.gate = asyncio.Event()
    rig.front.serve((A,))
    app = await rig.app()
    await until(lambda: rig.front.counters.waiting == 1)
    await rig.pool.close()
    assert await is_reset(app)
    assert await is_reset(await rig.app())
    assert rig.front.counters.failed == 2
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_an_old_connection_that_ends_well_says_nothing_of_a_port_that_refuses_now(
    rig: Rig,
) -> None:
    peer = await served(rig, A)
    old = await rig.app(b"x")
    stream = await peer.opened()
    peer.data(stream, b"y")
    assert await receive(old, 1) == b"y"
    refused = await rig.app(b"x")
    other = await rig.hub.next("a")
    other.text(await other.opened(), REFUSED)
    assert await is_reset(refused)
    peer.end(stream)
    assert not await is_reset(old)
    assert rig.front.problem is not None
