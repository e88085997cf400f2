from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache

import pytest

from kfwd.sim.faults import Faults
from kfwd.sim.front import HEAD_LIMIT, Front, Head, parse_head, peercert
from kfwd.sim.tls import Authority

UPGRADE = b"POST /api/v1/namespaces/demo/pods/a/portforward HTTP/1.1\r\nHost: x\r\n\r\n"
PLAIN = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


@cache
def authority() -> Authority:
    return Authority()


class Http(asyncio.Protocol):
    """Stands for aiohttp's: answers with the bytes it got."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"http:" + data)


async def streams(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stands for the node's: says what it was asked for and echoes what follows."""
    writer.write(f"stream:{head.method} {head.lowered()['host']}:".encode())
    writer.write(await reader.readexactly(4))
    await writer.drain()


class Door:
    """A front on a free port, with clients."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.front = Front(authority().server_context(), Http, streams, self.faults)
        self.port = self.front.listen("127.0.0.1", 0)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cadata=authority().pem.decode())
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    yield found
    await found.front.close()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a client's connection, whatever its server did to it."""
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server ends the connection, with a reset or without."""
    async with asyncio.timeout(5):
        try:
            while await reader.read(100):
                pass
        except OSError:
            return True
    return True


async def test_a_plain_request_and_those_after_it_are_http(door: Door) -> None:
    reader, writer = await door.connect()
    for part in (PLAIN[:10], PLAIN[10:]):
        writer.write(part)
        await writer.drain()
    assert await reader.readexactly(5 + len(PLAIN)) == b"http:" + PLAIN
    writer.write(b"next")
    assert await reader.readexactly(9) == b"http:next"
    await closed(writer)


async def test_a_port_forward_gets_every_byte_behind_its_head(door: Door) -> None:
    reader, writer = await door.connect()
    writer.write(UPGRADE + b"ab")
    await writer.drain()
    writer.write(b"cd")
    assert await reader.read() == b"stream:POST x:abcd"
    await closed(writer)


async def test_a_head_without_an_end_is_refused(door: Door) -> None:
    reader, writer = await door.connect()
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT)
    assert (await reader.readline()).startswith(b"HTTP/1.1 431")
    await closed(writer)


async def test_a_server_that_is_down_resets_new_and_open_connections(door: Door) -> None:
    reader, writer = await door.connect()
    writer.write(PLAIN)
    await reader.readexactly(5)
    door.faults.merge(b'{"api_down": true}')
    assert await ended(reader)
    await closed(writer)
    with pytest.raises(OSError):  # noqa: PT011 - a reset in the handshake has several texts
        await door.connect()
    door.faults.merge(b'{"api_down": false}')
    _, writer = await door.connect()
    await closed(writer)


async def test_a_frozen_server_accepts_and_says_nothing_until_it_thaws(door: Door) -> None:
    door.faults.merge(b'{"freeze": "all"}')
    raw_reader, raw_writer = await asyncio.open_connection("127.0.0.1", door.port)
    handshake = asyncio.get_running_loop().create_task(door.connect())
    done, _ = await asyncio.wait([handshake], timeout=0.1)
    assert not done
    door.faults.merge(b'{"freeze": ""}')
    _, writer = await handshake
    await closed(writer)
    await closed(raw_writer)
    assert raw_reader


async def test_a_client_that_speaks_no_tls_hurts_nobody(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
    await closed(writer)
    _, writer = await door.connect()
    await closed(writer)


def test_a_head_keeps_order_and_joins_repeated_names() -> None:
    head = parse_head(b"GET /a?b HTTP/1.1\r\nA: 1\r\nb:2 \r\na: 3")
    assert head == Head("GET", "/a?b", (("A", "1"), ("b", "2"), ("a", "3")))
    assert head.lowered() == {"a": "1, 3", "b": "2"}
    assert parse_head(b"\x16\x03\x01") is None


def test_without_a_certificate_there_is_no_peer() -> None:
    assert peercert(None) is None
