"""Two connections as one, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator

import pytest

from kfwd.sim.pattern import blocks, sha256
from kfwd.sim.probe import Probe
from kfwd.sim.splice import End, splice
from tests.until import until

MIB = 1024 * 1024


class Joined:
    """A client whose connections are spliced to a port of a probe."""

    def __init__(self) -> None:
        self.probe = Probe("p")
        self.ends: list[End] = []
        self._sockets: list[asyncio.StreamWriter] = []

    async def connect(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            streams = await asyncio.open_connection(*server.getsockname())
            accepted, _ = server.accept()
        self._sockets.append(streams[1])
        self.ends += await splice(accepted, ("127.0.0.1", self.probe.ports[port]))
        return streams

    async def close(self) -> None:
        for end in self.ends:
            end.transport.abort()
        for writer in self._sockets:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await self.probe.kill()


@pytest.fixture
async def joined() -> AsyncIterator[Joined]:
    found = Joined()
    await found.probe.start()
    yield found
    await found.close()


async def test_bytes_pass_both_ways_and_the_end_of_file_with_them(joined: Joined) -> None:
    reader, writer = await joined.connect(9004)
    for block in blocks(3 * MIB):
        writer.write(block)
        await writer.drain()
    writer.write_eof()
    assert await reader.read() == f"{3 * MIB} {sha256(3 * MIB)}\n".encode()


async def test_a_server_that_speaks_first_and_closes_is_heard_to_the_end(joined: Joined) -> None:
    reader, writer = await joined.connect(9002)
    writer.write(b"5000000\n")
    digest = hashlib.sha256(await reader.read())
    assert digest.hexdigest() == sha256(5_000_000)


async def test_a_reset_of_the_server_is_one_for_the_client(joined: Joined) -> None:
    reader, _ = await joined.connect(9005)
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(100)


async def test_a_client_that_stops_reading_stops_the_server(joined: Joined) -> None:
    reader, writer = await joined.connect(9002)
    writer.write(b"200000000\n")
    await reader.readexactly(MIB)
    inner = joined.ends[1]
    await until(lambda: not inner.transport.is_reading())
    assert len(await reader.readexactly(20 * MIB)) == 20 * MIB


async def test_where_nothing_listens_the_client_is_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = server.getsockname()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
    with pytest.raises(ConnectionRefusedError):
        await splice(accepted, nobody)
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)
