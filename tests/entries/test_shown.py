"""Where connections go, as it is shown."""

from __future__ import annotations

import socket
from typing import Any

from kfwd.entries import shown
from kfwd.model import EndpointView
from kfwd.resolve.direct import Address
from tests.front.rig import A, B, Rig, served
from tests.front.test_direct import Server
from tests.until import until


def told(rig: Rig) -> tuple[str | None, list[EndpointView]]:
    return shown.via([rig.front]), list(shown.endpoints([rig.front]))


def pod(name: str, **fields: Any) -> EndpointView:
    return EndpointView(**{"pod": name, "address": None, "ready": True, "open": 0, **fields})


async def test_with_nothing_behind_there_is_no_way(front_rig: Rig) -> None:
    assert told(front_rig) == (None, [])


async def test_pods_are_shown_while_tunnels_lead_there(front_rig: Rig) -> None:
    peer = await served(front_rig, A)
    await front_rig.app()
    await peer.opened()
    assert told(front_rig) == ("tunnel", [pod("a", open=1)])
    front_rig.front.serve([B])
    assert told(front_rig) == ("tunnel", [pod("b"), pod("a", ready=False, open=1)])


async def test_addresses_take_the_place_of_pods_and_both_are_mixed(front_rig: Rig) -> None:
    server = Server()
    try:
        peer = await served(front_rig, A)
        app = await front_rig.app()
        stream = await peer.opened()
        dead = Address(kind="node-port", host="127.0.0.1", port=_refusing(), node="n2")
        front_rig.front.serve([A], [server.address(), dead])
        await until(lambda: front_rig.front.direct.answering)
        await until(lambda: front_rig.front.direct.error)
        addresses = [
            EndpointView(pod=None, address=server.address().uid, ready=True, open=0),
            EndpointView(pod=None, address=dead.uid, ready=False, open=0),
        ]
        assert told(front_rig) == ("mixed", [*addresses, pod("a", ready=False, open=1)])
        peer.end(stream)
        app.close()
        await until(lambda: not front_rig.front.connections)
        assert told(front_rig) == ("direct", addresses)
    finally:
        server.close()


async def test_ports_that_go_different_ways_are_mixed(front_rig: Rig) -> None:
    server = Server()
    other = front_rig.make()
    try:
        await served(front_rig, A)
        other.serve([], [server.address()])
        await until(lambda: other.direct.answering)
        assert shown.via([front_rig.front, other]) == "mixed"
    finally:
        await other.close()
        server.close()


def _refusing() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
