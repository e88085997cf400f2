from __future__ import annotations

import socket
import struct

import pytest

from tests.proxy.rig import Rig, get
from tests.until import until

CONNECT = get("a:80", method="CONNECT")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def test_bytes_pass_both_ways_until_the_server_ends(rig: Rig) -> None:
    client = await rig.client(CONNECT + b"early")
    server = await rig.backend()
    assert await client.head() == ESTABLISHED
    assert await server.exactly(5) == b"early"
    server.send(b"hello")
    assert await client.exactly(5) == b"hello"
    client.send(get("/is not looked at"))
    assert await server.exactly(len(get("/is not looked at")))
    server.close()
    assert await client.rest() == b""


async def test_a_server_that_cannot_be_reached_is_an_answer(rig: Rig) -> None:
    await rig.close_backend()
    client = await rig.client(CONNECT)
    head, body = await client.answer()
    assert b" 500 " in head
    assert b"refused" in body


async def test_a_client_that_leaves_takes_the_server_s_connection_along(rig: Rig) -> None:
    client = await rig.client(CONNECT)
    server = await rig.backend()
    await client.head()
    client.close()
    assert await server.rest() == b""
    await until(lambda: not rig.server.connections)


async def test_a_reset_stays_a_reset(rig: Rig) -> None:
    client = await rig.client(CONNECT)
    server = await rig.backend()
    await client.head()
    sock: socket.socket = server.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_who_does_not_read_stops_who_writes(rig: Rig) -> None:
    size = 32 * 1024 * 1024
    client = await rig.client(CONNECT)
    server = await rig.backend()
    await client.head()
    client.send(b"x" * size)
    connection = next(iter(rig.server.connections))
    await until(lambda: not connection._local._reading)
    assert rig.server.counters.sent < 24 * 1024 * 1024
    assert len(await server.exactly(size)) == size
