"""A front: its listeners, its waiting room, and what it says of itself."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from kfwd.errors import UpgradeFailed
from kfwd.front import forwarder as forwarder_module
from kfwd.front.process import Processes
from kfwd.model import Spread
from tests.front.rig import REFUSED, A, B, Rig, is_reset, served
from tests.front.test_local import receive
from tests.tunnel.peer import DOWN, GONE, Peer
from tests.until import WAIT_S, until


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


async def refused(rig: Rig) -> None:
    """Have the only endpoint refuse a connection."""
    peer = await served(rig, A)
    app = await rig.app(b"x")
    stream = await peer.opened()
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    assert await is_reset(app)


async def test_a_port_that_refuses_everywhere_resets_and_degrades(rig: Rig) -> None:
    await refused(rig)
    assert rig.front.problem is not None
    assert rig.front.problem.code == "port-refused"
    assert not rig.front.answers
    peer = await rig.hub.next("a")
    app = await rig.app(b"x")
    peer.data(await peer.opened(), b"ok")
    assert await receive(app, 2) == b"ok"
    assert rig.front.problem is None
    assert rig.front.answers


async def test_what_is_known_of_a_process_goes_with_its_pod(rig: Rig) -> None:
    await refused(rig)
    await rig.hub.next("a")
    rig.front.serve([A, B])
    assert rig.front.problem is not None
    rig.front.serve([B])
    assert rig.front.problem is None
    assert not rig.front.answers
    await until(lambda: rig.front.session_up)
    await rig.hub.next("b")


async def test_a_pod_whose_node_is_lost_is_left_for_another_one(rig: Rig) -> None:
    peer = await served(rig, A, B)
    rig.hub.lost["a"] = UpgradeFailed("error dialing backend: no route to host", status=500)
    peer.close()
    await until(lambda: rig.front.endpoints == (B, A))
    app = await rig.app(b"x")
    peer = await rig.hub.next("b")
    peer.data(await peer.opened(), b"b")
    assert await receive(app, 1) == b"b"
    assert rig.front.session_up
    rig.hub.lost.clear()
    rig.front.serve([B])
    rig.front.serve([A, B])
    assert rig.front.endpoints == (A, B)


async def test_where_no_pod_gives_a_session_each_has_its_turn(rig: Rig) -> None:
    peer = await served(rig, A, B)
    broken = UpgradeFailed("error dialing backend: connection refused", status=500)
    rig.hub.lost |= {"a": broken, "b": broken}
    peer.close()
    await until(lambda: not rig.front.session_up)
    app = await rig.app(b"x")
    await until(lambda: {"a", "b"} <= set(rig.hub.pods))
    del rig.hub.lost["a"]
    peer = await rig.hub.next("a")
    peer.data(await peer.opened(), b"a")
    assert await receive(app, 1) == b"a"


async def test_a_missing_pod_makes_the_resolver_look_again(rig: Rig) -> None:
    rig.hub.refuse = GONE
    rig.front.serve([A])
    app = await rig.app(b"x")
    await until(lambda: rig.looks)
    rig.hub.refuse = None
    peer = await served(rig, B)
    peer.data(await peer.opened(), b"y")
    assert await receive(app, 1) == b"y"


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
    pod = rig.pod(A)
    assert all(session.streams == 0 for session in pod._sessions)
    assert rig.budget.take(64 * 1024 * 1024)


async def greeting(peer: Peer, app: socket.socket, text: bytes) -> None:
    """Take the connection at `peer`, say `text` there, and see that it arrives."""
    peer.data(await peer.opened(), text)
    assert await receive(app, len(text)) == text


async def both_served(rig: Rig, spread: Spread) -> tuple[Peer, Peer]:
    await rig.remake(spread)
    rig.front.serve([A, B])
    peers = await rig.hub.next("a"), await rig.hub.next("b")
    await until(lambda: rig.pod(A).good and rig.pod(B).good)
    return peers


async def test_round_robin_takes_turns_on_sessions_that_are_up_already(rig: Rig) -> None:
    peer_a, peer_b = await both_served(rig, "round-robin")
    await greeting(peer_a, await rig.app(), b"a")
    await greeting(peer_b, await rig.app(), b"b")


async def test_connections_that_wait_take_turns_as_well(rig: Rig) -> None:
    await rig.remake("round-robin")
    for _ in range(4):
        await rig.app(b"x")
    await until(lambda: rig.front.counters.waiting == 4)
    rig.front.serve([A, B])
    await until(lambda: rig.front.counters.waiting == 0)
    assert sorted(each.endpoint.label for each in rig.front.connections if each.endpoint) == [
        *"aabb"
    ]


async def test_least_connections_fills_up_where_some_have_ended(rig: Rig) -> None:
    peer_a, peer_b = await both_served(rig, "least-connections")
    at_a, at_b = await rig.app(), await rig.app()
    await greeting(peer_a, at_a, b"a")
    stream = await peer_b.opened()
    peer_b.end(stream)
    assert not await is_reset(at_b)
    at_b.close()
    await until(lambda: len(rig.front.connections) == 1)
    await greeting(peer_b, await rig.app(), b"b")


async def test_sticky_keeps_a_process_at_one_endpoint(rig: Rig) -> None:
    await both_served(rig, "sticky")
    for _ in range(6):
        await rig.app(b"x")
    await until(lambda: sum(each.endpoint is not None for each in rig.front.connections) == 6)
    assert len({each.endpoint.pod for each in rig.front.connections if each.endpoint}) == 1


async def test_sticky_goes_by_the_address_where_the_process_is_not_known(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.remake("sticky")
    rig.front._processes = Processes(tmp_path)
    with socket.socket() as sock:
        assert await rig.front.identify(sock, "192.168.1.5:4711") == "192.168.1.5"


async def test_a_terminating_endpoint_drains_while_new_connections_go_elsewhere(rig: Rig) -> None:
    peer_a, peer_b = await both_served(rig, "round-robin")
    old = await rig.app()
    stream = await peer_a.opened()
    rig.front.serve([B])
    await greeting(peer_b, await rig.app(), b"b")
    peer_a.data(stream, b"still here")
    assert await receive(old, 10) == b"still here"


async def test_a_pod_that_cannot_be_reached_is_passed_over(rig: Rig) -> None:
    await rig.remake("round-robin")
    peer = await served(rig, A)
    rig.hub.refuse = DOWN
    rig.front.serve([A, B])
    await until(lambda: rig.pod(B).error)
    first, second = await rig.app(), await rig.app()
    await greeting(peer, first, b"1")
    rig.hub.refuse = None
    rig.front.retry_now()
    await greeting(await rig.hub.next("a"), second, b"2")
