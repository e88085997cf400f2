"""Upgrades through the proxy subresources, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from kfwd.sim.proxy_upgrade import is_upgrade
from tests.sim.proxyworld import BASE, POD, WEB, World, proxied


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with proxied(tmp_path) as found:
        yield found


async def request(world: World, path: str, *more: str) -> tuple[bytes, bytes]:
    """(head, what follows up to the end) of the answer to a request to upgrade."""
    lines = [f"GET {path} HTTP/1.1", "Host: api", f"Authorization: {world.token}", *more]
    lines += ["Connection: keep-alive, Upgrade", "Upgrade: own", "", ""]
    async with world.raw() as (reader, writer):
        writer.write("\r\n".join(lines).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        return head, await reader.read()


@pytest.mark.parametrize("base", [WEB, POD])
async def test_a_websocket_works_both_ways(world: World, base: str) -> None:
    async with world.http.ws_connect(f"{base}/ws") as socket:
        for size in (1, 70_000, 1_000_000):
            await socket.send_bytes(b"x" * size)
            assert await socket.receive_bytes() == b"x" * size
        await socket.send_str("text")
        assert await socket.receive_str() == "text"
    assert socket.close_code == 1000


async def switching(world: World) -> asyncio.Future[bytes]:
    """Let the pod switch protocols and echo one message; the future has the head it got."""
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\n\r\nfirst")
        writer.write(await reader.read(100))
        writer.close()

    await world.instead(serve)
    return seen


async def test_the_head_goes_on_as_it_came_without_query_and_credentials(world: World) -> None:
    seen = await switching(world)
    lines = (
        f"GET {WEB}/ws%20x/?a=1 HTTP/1.1\r\nHost: api\r\nAuthorization: {world.token}\r\n"
        "Connection: Upgrade\r\nUpgrade: own\r\nX-Own: 1\r\n\r\n"
    )
    async with world.raw() as (reader, writer):
        writer.write(lines.encode())
        answer = await reader.readuntil(b"first")
        assert answer == b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\n\r\nfirst"
        writer.write(b"second")
        assert await reader.read() == b"second"
    line, *headers = (await seen).decode().rstrip("\r\n").split("\r\n")
    assert line == "GET /ws%20x HTTP/1.1"
    assert sorted(headers) == [
        "Connection: Upgrade",
        "Host: api",
        "Upgrade: own",
        "X-Forwarded-For: 127.0.0.1",
        "X-Own: 1",
    ]


async def test_a_pod_that_does_not_switch_is_an_internal_error(world: World) -> None:
    head, body = await request(world, f"{WEB}/")
    assert head.startswith(b"HTTP/1.1 500 ")
    status = json.loads(body)
    assert status["message"] == "invalid upgrade response: status code 200"
    assert "reason" not in status


async def test_a_pod_that_refuses_has_the_last_word(world: World) -> None:
    head, body = await request(world, f"{WEB}/ws")
    assert head.startswith(b"HTTP/1.1 426 ")
    assert body == b"a WebSocket is served here\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 101", "unexpected EOF"),
        (b"SSH-2.0-x\r\n\r\n", 'malformed HTTP response "SSH-2.0-x"'),
    ],
)
async def test_a_pod_that_speaks_no_http_is_an_internal_error(
    world: World, answer: bytes, message: str
) -> None:
    await world.answering(answer)
    _, body = await request(world, f"{WEB}/ws")
    assert json.loads(body)["message"] == message


async def test_a_pod_that_cannot_be_dialled_is_an_internal_error(world: World) -> None:
    [pod] = world.cluster.store.objects("pods")
    head, body = await request(world, f"{BASE}/pods/p:9999/proxy/ws")
    refused = f"dial tcp {pod['status']['podIP']}:9999: connect: connection refused"
    assert json.loads(body)["message"] == f"error dialing backend: {refused}"
    assert head.startswith(b"HTTP/1.1 500 ")
    _, body = await request(world, f"{BASE}/pods/https:p:8080/proxy/ws")
    assert "first record does not look like a TLS handshake" in json.loads(body)["message"]


async def test_an_upgrade_needs_the_verb_of_its_method(world: World) -> None:
    world.cluster.faults.merge(b'{"forbid": ["get services/proxy"]}')
    head, body = await request(world, f"{WEB}/ws")
    assert head.startswith(b"HTTP/1.1 403 ")
    assert 'cannot get resource "services/proxy"' in json.loads(body)["message"]


async def test_a_client_that_leaves_ends_the_pods_connection(world: World) -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        with contextlib.suppress(OSError):
            await reader.read()
        ended.set()
        writer.close()

    await world.instead(serve)
    async with world.raw() as (reader, writer):
        lines = f"GET {WEB}/ HTTP/1.1\r\nHost: x\r\nAuthorization: {world.token}\r\n"
        writer.write(f"{lines}Connection: Upgrade\r\nUpgrade: own\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_pod_that_ends_closes_the_websocket(world: World) -> None:
    async with world.http.ws_connect(f"{WEB}/ws") as socket:
        world.cluster.store.delete("pods", "demo", "p")
        message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}


def test_an_upgrade_is_told_by_its_connection_header() -> None:
    assert is_upgrade([("connection", "keep-alive, UPGRADE")])
    assert not is_upgrade([("Upgrade", "websocket")])
