"""A front: its listeners, its waiting room, and what it says of itself."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.front import forwarder as forwarder_module
from tests.front.rig import REFUSED, A, B, Rig, is_reset, served
from tests.front.test_local import receive
from tests.tunnel.peer import GONE
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
    pod = rig.front.pod(A)
    assert all(session.streams == 0 for session in pod._sessions)
    assert rig.budget.take(64 * 1024 * 1024)
