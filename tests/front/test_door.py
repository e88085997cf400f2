"""Listeners and connections that another process can have."""

from __future__ import annotations

import asyncio
import socket

import pytest

from kfwd.errors import KfwdError
from tests.front.rig import A, Rig, served
from tests.front.test_local import receive
from tests.until import until


async def test_a_door_that_pauses_leaves_connections_to_the_kernel(rig: Rig) -> None:
    rig.front.pause()
    await rig.app()
    await asyncio.sleep(0.02)
    assert rig.front.connections == ()
    rig.front.resume()
    await until(lambda: rig.front.counters.waiting == 1)


async def test_a_connection_that_waits_unread_is_released_and_served_again(rig: Rig) -> None:
    app = await rig.app(b"unread")
    await until(lambda: rig.front.counters.waiting == 1)
    (sock,) = rig.front.release()
    await until(lambda: rig.front.connections == ())
    assert (rig.front.counters.waiting, rig.front.counters.failed) == (0, 0)
    rig.front.adopt(sock)
    rig.front.serve([A])
    peer = await rig.hub.next("a")
    stream = await peer.opened()
    assert await peer.received(stream, 6) == b"unread"
    peer.data(stream, b"late")
    assert await receive(app, 4) == b"late"


async def test_a_connection_that_ends_just_then_is_not_released(rig: Rig) -> None:
    await rig.app()
    await until(lambda: rig.front.counters.waiting == 1)
    (connection,) = rig.front.connections
    connection.abort()
    assert rig.front.release() == []


async def test_a_connection_that_is_open_stays_when_the_listeners_go(rig: Rig) -> None:
    peer = await served(rig, A)
    app = await rig.app(b"x")
    stream = await peer.opened()
    assert rig.front.release() == []
    rig.front.leave()
    peer.data(stream, b"late")
    assert await receive(app, 4) == b"late"
    assert len(rig.front.lives) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", rig.port))


async def test_a_door_that_was_left_binds_nothing(rig: Rig) -> None:
    rig.front.leave()
    with pytest.raises(KfwdError) as caught:
        rig.front.bind(["127.0.0.1"], 0)
    assert caught.value.code == "daemon-replaced"


async def test_inherited_sockets_are_taken_where_they_listen(rig: Rig) -> None:
    await rig.front.close()
    rig.front = rig.make()
    number = rig.port
    before = [*rig.front.sockets]
    inherited = {f"127.0.0.1:{number}": before[0].dup()}
    inherited["127.0.0.1:1"] = other = socket.socket()
    rig.front.leave()
    rig.front = type(rig.front)(
        "dev/web",
        rig.pool,
        budget=rig.budget,
        hold_s=1.0,
        on_change=lambda: None,
        look_again=lambda: None,
    )
    assert rig.front.bind(["127.0.0.1"], number, inherited) == (f"127.0.0.1:{number}",)
    assert inherited == {"127.0.0.1:1": other}
    await rig.app()
    await until(lambda: rig.front.counters.waiting == 1)
    other.close()
