"""Faults on upgrades and on sessions that are up."""

from __future__ import annotations

import asyncio

import pytest

from tests.sim.kubelet import TUNNEL, Kubelet, kubelet, read_head, websocket_headers
from tests.sim.spdyclient import SpdyClient


async def refused(server: Kubelet, headers: dict[str, str] | None = None) -> str:
    """The status line an upgrade gets, empty if the connection ends without one."""
    method = "POST" if headers is None else "GET"
    async with server.request(method, "?ports=9000", headers) as tcp:
        try:
            return (await read_head(tcp)).splitlines()[0]
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return ""


async def test_an_upgrade_can_be_refused_by_transport() -> None:
    async with kubelet(refuse_upgrade=502, refuse_transports=["websocket"]) as server:
        assert await refused(server, websocket_headers(TUNNEL)) == "HTTP/1.1 502 Bad Gateway"
        assert await refused(server) == "HTTP/1.1 101 Switching Protocols"
        legacy = websocket_headers("v4.channel.k8s.io")
        assert await refused(server, legacy) == "HTTP/1.1 101 Switching Protocols"


async def test_a_transport_can_be_dropped_without_an_answer() -> None:
    async with kubelet(drop_transports=["spdy"]) as server:
        assert await refused(server) == ""
        assert "101" in await refused(server, websocket_headers(TUNNEL))


async def test_an_upgrade_can_be_delayed() -> None:
    async with kubelet(delay_upgrade_ms=120) as server, server.request() as tcp:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await read_head(tcp)
        assert loop.time() - started > 0.1


async def test_a_frozen_server_answers_an_upgrade_when_it_thaws() -> None:
    async with kubelet(freeze="sessions") as server, server.request() as tcp:
        head = asyncio.gather(read_head(tcp))
        await asyncio.sleep(0.1)
        assert not head.done()
        server.faults.merge(b'{"freeze": ""}')
        assert "101" in (await head)[0]


async def test_a_frozen_session_neither_reads_nor_writes_and_loses_nothing() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9000, "0")
        client.data(data, b"before")
        await client.until(("data", data))
        server.faults.merge(b'{"freeze": "sessions"}')
        client.data(data, b"while frozen")
        client.ping(1)
        assert await client.silent(0.15)
        server.faults.merge(b'{"freeze": ""}')
        frames = await client.until(("data", data))
        assert frames[-1] == ("data", data, b"while frozen")


async def test_a_session_that_sends_much_stops_when_frozen_and_goes_on_after() -> None:
    total = 20 << 20
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9002, "0")
        client.data(data, f"{total}\n".encode())
        await client.until(("data", data))
        server.faults.merge(b'{"freeze": "sessions"}')
        frozen_at = await received_until_silent(client)
        server.faults.merge(b'{"freeze": ""}')
        assert 0 < await received_until_silent(client) <= total - frozen_at


async def received_until_silent(client: SpdyClient) -> int:
    """Bytes that come until nothing does for a while."""
    received = 0
    while True:
        try:
            frame = await client.next(0.15)
        except TimeoutError:
            return received
        received += len(frame[2]) if frame[0] == "data" else 0


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_cutting_ends_every_session_without_a_word(how: str) -> None:
    async with kubelet() as server, server.spdy() as first, server.spdy() as second:
        first.open(1, 9000, "0")
        await first.until(("reply", 3))
        assert server.sessions.cut(how) == 2  # type: ignore[arg-type]  # from a table
        assert await first.next() == ("end",)
        assert await second.next() == ("end",)


async def test_a_cut_by_reset_is_one_on_the_wire() -> None:
    async with kubelet() as server, server.request() as tcp:
        await read_head(tcp)
        server.sessions.cut("reset")
        with pytest.raises(ConnectionResetError):
            await tcp.reader.read()


async def test_a_session_is_counted_as_long_as_it_is_open() -> None:
    async with kubelet() as server:
        async with server.spdy():
            assert len(server.sessions) == 1
        async with asyncio.timeout(5):
            while len(server.sessions):  # noqa: ASYNC110 - the server's side of a close
                await asyncio.sleep(0.005)


async def test_a_client_that_left_before_the_101_leaves_nothing() -> None:
    async with kubelet(delay_upgrade_ms=50) as server:
        async with server.request() as tcp:
            tcp.writer.transport.abort()
        await asyncio.sleep(0.1)
        assert len(server.sessions) == 0
