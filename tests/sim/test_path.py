"""Distance and width, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from kfwd.sim.faults import Faults
from kfwd.sim.path import Path
from tests.calm import calm_s


class Shaped:
    """An echo server behind a path: what a client of it sees."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.path = Path(self.faults)

    async def connect(self) -> tuple[socket.socket, socket.socket]:
        """The client's socket and the server's."""
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            client = socket.create_connection(listener.getsockname())
            accepted, _ = await loop.sock_accept(listener)
        client.setblocking(False)
        accepted.setblocking(False)
        return client, self.path.shaped(accepted)


@pytest.fixture
async def shaped() -> AsyncIterator[Shaped]:
    shaped = Shaped()
    yield shaped
    await shaped.path.close()


class Span(NamedTuple):
    """Seconds, all of them and those that were no fault of the machine."""

    whole: float
    calm: float


async def timed(sending: socket.socket, receiving: socket.socket, size: int) -> Span:
    """How long until `size` bytes have arrived."""
    loop = asyncio.get_running_loop()
    started, calm = loop.time(), calm_s()

    async def receive() -> None:
        left = size
        while left:
            left -= len(await loop.sock_recv(receiving, left))

    await asyncio.gather(loop.sock_sendall(sending, bytes(size)), receive())
    return Span(loop.time() - started, calm_s() - calm)


async def test_without_faults_the_socket_itself_is_served(shaped: Shaped) -> None:
    client, server = await shaped.connect()
    with client, server:
        assert server.getpeername() == client.getsockname()


async def test_the_first_bytes_cost_a_round_trip_more_and_later_ones_half_of_one(
    shaped: Shaped,
) -> None:
    shaped.faults.merge(b'{"latency_ms": 200}')
    client, server = await shaped.connect()
    with client, server:
        assert (await timed(client, server, 10)).whole > 0.29
        for ends in ((server, client), (client, server)):
            span = await timed(*ends, 10)
            assert span.whole > 0.09
            assert span.calm < 0.29


async def test_bandwidth_bounds_the_rate_each_way(shaped: Shaped) -> None:
    shaped.faults.merge(b'{"bandwidth": 2000000}')
    client, server = await shaped.connect()
    with client, server:
        times = await asyncio.gather(timed(client, server, 400_000), timed(server, client, 400_000))
    for span in times:
        assert span.whole > 0.15
        assert span.calm < 2


async def test_a_reader_that_stalls_stops_the_sender(shaped: Shaped) -> None:
    shaped.faults.merge(b'{"latency_ms": 1}')
    client, server = await shaped.connect()
    with client, server, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await asyncio.get_running_loop().sock_sendall(client, bytes(64 << 20))


async def test_an_end_of_file_passes_and_the_other_way_stays_open(shaped: Shaped) -> None:
    shaped.faults.merge(b'{"latency_ms": 10}')
    loop = asyncio.get_running_loop()
    client, server = await shaped.connect()
    with client, server:
        await loop.sock_sendall(client, b"last words")
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := await loop.sock_recv(server, 100):
            received += data
        assert received == b"last words"
        assert (await timed(server, client, 5)).calm < 1


async def test_closing_one_end_ends_the_connection(shaped: Shaped) -> None:
    shaped.faults.merge(b'{"latency_ms": 1}')
    client, server = await shaped.connect()
    with client:
        server.close()
        assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
