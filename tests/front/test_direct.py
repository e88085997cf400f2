"""Connections straight to addresses: real servers, and what is seen of those that are not there."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import pytest

from kfwd.front import direct as direct_module
from kfwd.front.direct import Direct
from kfwd.kube import dial as dial_module
from kfwd.kube import window as window_module
from kfwd.model import Spread
from kfwd.resolve.direct import Address, DirectKind
from tests.front.rig import A, Rig, fill, is_reset
from tests.front.test_local import receive
from tests.until import until

RESET = struct.pack("ii", 1, 0)


class Server:
    """A server that a test drives; `close` makes its port refuse."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.sock = socket.create_server((host, port))
        self.sock.setblocking(False)
        self.port = int(self.sock.getsockname()[1])
        self.taken: list[socket.socket] = []

    def address(self, kind: DirectKind = "node-port") -> Address:
        return Address(kind=kind, host="127.0.0.1", port=self.port, node="n", pod=None)

    async def take(self, first: bytes) -> socket.socket:
        """The next connection that begins with `first`, past those that were only to see."""
        while True:
            async with asyncio.timeout(5):
                sock, _ = await asyncio.get_running_loop().sock_accept(self.sock)
            self.taken.append(sock)
            if await receive(sock, len(first)) == first:
                return sock

    def close(self) -> None:
        for sock in [self.sock, *self.taken]:
            sock.close()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made = [Server(), Server()]
    yield made
    for server in made:
        server.close()


@pytest.fixture
async def known() -> AsyncIterator[Direct]:
    direct = Direct("dev/web", lambda: None)
    yield direct
    assert await direct.close() == []


async def straight(rig: Rig, *servers: Server, spread: Spread = "first") -> None:
    """Serve the servers' addresses, before pod `a`, and wait until they are known to answer."""
    await rig.remake(spread)
    rig.front.serve([A], [server.address() for server in servers])
    await until(lambda: len(rig.front.direct.answering) == len(servers))


async def test_bytes_go_straight_both_ways_and_an_end_is_an_end(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"ping")
    there = await servers[0].take(b"ping")
    there.send(b"pong")
    assert await receive(app, 4) == b"pong"
    assert rig.front.ways == {"direct"}
    there.shutdown(socket.SHUT_WR)
    assert not await is_reset(app)
    app.close()
    await until(lambda: not rig.front.connections)
    counters = rig.front.counters
    assert (counters.sent, counters.received, counters.failed) == (4, 4, 0)
    assert rig.hub.dials == 0


async def test_local_end_of_file_reaches_the_server_which_may_still_answer(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"all of it")
    there = await servers[0].take(b"all of it")
    app.shutdown(socket.SHUT_WR)
    assert await receive(there, 1) == b""
    there.send(b"9 bytes")
    there.shutdown(socket.SHUT_WR)
    assert await receive(app, 10) == b"9 bytes"


async def test_a_reset_there_is_a_reset_here(rig: Rig, servers: list[Server]) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    there = await servers[0].take(b"x")
    there.send(b"half of")
    assert await receive(app, 7) == b"half of"
    there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    there.close()
    assert await is_reset(app)
    assert rig.front.counters.failed == 1
    assert rig.hub.dials == 0, "what a process may have taken is not sent again"


async def test_an_application_that_goes_away_resets_the_server(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    there = await servers[0].take(b"x")
    app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    app.close()
    assert await is_reset(there)


async def test_a_slow_application_holds_the_server_back(rig: Rig, servers: list[Server]) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    there = await servers[0].take(b"x")
    sent = await fill(there)
    (held,) = rig.front.connections
    assert held._local.buffered < 1_000_000  # type: ignore[attr-defined]  # of a LocalSocket
    assert len(await receive(app, sent)) == sent


async def test_a_slow_server_holds_the_application_back(rig: Rig, servers: list[Server]) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    there = await servers[0].take(b"x")
    sent = await fill(app)
    assert sent < 60_000_000
    app.shutdown(socket.SHUT_WR)
    assert len(await receive(there, sent + 1)) == sent


async def test_a_server_that_reads_nothing_for_long_keeps_its_connection(
    rig: Rig, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_module, "USER_TIMEOUT_MS", 200)
    monkeypatch.setattr(window_module, "LOOK_S", 0.05)
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    await servers[0].take(b"x")
    await fill(app)
    await asyncio.sleep(0.7)  # three times what the kernel would wait
    assert len(rig.front.connections) == 1


async def test_a_server_that_acknowledges_nothing_is_cut(
    rig: Rig, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_module, "LOOK_S", 0.01)
    monkeypatch.setattr(window_module, "TRIED_S", 0.0)
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    await servers[0].take(b"x")
    monkeypatch.setattr(window_module.Window, "_look", lambda _: (True, 14.0, False))
    app.send(b"y")
    assert await is_reset(app)


async def test_node_ports_take_turns_though_the_policy_is_first(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, *servers)
    for server in servers:
        await rig.app(b"x")
        await server.take(b"x")


async def test_a_balancer_that_answers_leaves_the_node_ports_alone(
    rig: Rig, servers: list[Server]
) -> None:
    front, back = servers
    rig.front.serve([], [front.address("load-balancer"), back.address()])
    await until(lambda: rig.front.direct.answering == (front.address("load-balancer"),))
    for _ in range(2):
        await rig.app(b"x")
        await front.take(b"x")


async def test_an_address_that_refuses_is_passed_over_with_the_same_bytes(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, *servers)
    servers[0].close()
    for number in range(2):
        await rig.app(b"POST %d" % number)
        await servers[1].take(b"POST %d" % number)
    assert rig.front.counters.failed == 0
    assert rig.front.direct.error is not None
    assert "connection refused" in rig.front.direct.error


async def test_where_no_address_answers_a_tunnel_serves_until_one_does(
    rig: Rig, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_module, "PROBE_MIN_S", 0.01)
    await straight(rig, servers[0])
    servers[0].close()
    by_tunnel = await rig.app(b"x")
    peer = await rig.hub.next("a")
    stream = await peer.opened()
    assert await peer.received(stream, 1) == b"x"
    assert rig.front.ways == {"tunnel"}
    servers.append(Server(servers[0].port))
    rig.front.retry_now()
    await until(lambda: rig.front.direct.answering)
    assert rig.front.ways == {"direct", "tunnel"}
    await rig.app(b"y")
    await servers[-1].take(b"y")
    peer.data(stream, b"still here")
    assert await receive(by_tunnel, 10) == b"still here"
    peer.end(stream)
    by_tunnel.close()
    await until(lambda: rig.front.ways == {"direct"})


async def test_a_new_connection_uses_the_new_address_and_the_old_one_stays(
    rig: Rig, servers: list[Server]
) -> None:
    await straight(rig, servers[0])
    old = await rig.app(b"old")
    there = await servers[0].take(b"old")
    rig.front.serve([A], [servers[1].address()])
    await rig.app(b"new")
    await servers[1].take(b"new")
    there.send(b"here")
    assert await receive(old, 4) == b"here"
    assert rig.hub.dials == 0, "nobody waits for a tunnel while an address is tried"


async def test_an_address_is_tried_again_but_not_more_than_every_few_seconds(
    known: Direct, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_module, "PROBE_MIN_S", 0.05)
    server = servers.pop()
    server.close()
    known.serve([server.address()])
    assert known.undecided
    await until(lambda: known.error and not known.undecided)
    place = known.place(server.address())
    for _ in range(50):
        known.retry_now()
        await asyncio.sleep(0)
    assert place._backoff.failures == 1
    servers.append(Server(server.port))
    await until(lambda: known.answering)


async def test_a_place_that_is_served_no_more_is_not_tried_again(
    known: Direct, servers: list[Server]
) -> None:
    server = servers.pop()
    server.close()
    known.serve([server.address()])
    place = known.place(server.address())
    await until(lambda: known.error)
    known.serve([])
    assert place._again is None
    assert known.error is None


async def test_closing_resets_what_is_open(rig: Rig, servers: list[Server]) -> None:
    await straight(rig, servers[0])
    app = await rig.app(b"x")
    there = await servers[0].take(b"x")
    assert await rig.front.close() == []
    assert await is_reset(app)
    assert await is_reset(there)
