"""Handshakes: protocol notes J.2 rows 1-4, 25, 26 and 28, in bytes."""

from __future__ import annotations

import re

import pytest
from msgspec import json

from tests.sim.kubelet import SPDY, TUNNEL, kubelet, read_answer, read_head, websocket_headers
from tests.sim.spdyclient import SpdyClient


async def test_the_101_has_four_headers_and_nothing_follows_it() -> None:
    async with kubelet() as server, server.request() as tcp:
        head = await read_head(tcp)
        assert re.fullmatch(
            r"HTTP/1\.1 101 Switching Protocols\r\n"
            r"Connection: Upgrade\r\nUpgrade: SPDY/3\.1\r\n"
            r"X-Stream-Protocol-Version: portforward\.k8s\.io\r\n"
            r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n\r\n",
            head,
        )
        assert await SpdyClient(*tcp).silent(0.1)


async def test_bytes_sent_before_the_101_are_lost() -> None:
    async with kubelet(delay_upgrade_ms=50) as server, server.request() as tcp:
        client = SpdyClient(*tcp)
        client.ping(1)
        await tcp.writer.drain()
        await read_head(tcp)
        client.ping(3)
        assert await client.next() == ("ping", 3)


async def test_without_a_stream_protocol_the_answer_is_400() -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    async with kubelet() as server, server.request(headers=headers) as tcp:
        head, body = await read_answer(tcp)
    assert head.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "Content-Type: text/plain; charset=utf-8" in head
    assert body == (
        "unable to upgrade: header X-Stream-Protocol-Version does not exist"
        " in request with 3 headers\n"
    )


async def test_an_unknown_stream_protocol_is_403_and_tells_the_known_one() -> None:
    headers = SPDY | {"X-Stream-Protocol-Version": "v9.k8s.io"}
    async with kubelet() as server, server.request(headers=headers) as tcp:
        head, body = await read_answer(tcp)
    assert head.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert "X-Accepted-Stream-Protocol-Versions: portforward.k8s.io\r\n" in head
    assert body == (
        "unable to upgrade: unable to negotiate protocol:"
        " client supports [v9.k8s.io], server accepts [portforward.k8s.io]\n"
    )


async def test_the_first_known_stream_protocol_of_a_list_is_taken() -> None:
    headers = SPDY | {"X-Stream-Protocol-Version": "v9.k8s.io, portforward.k8s.io"}
    async with kubelet() as server, server.request(headers=headers) as tcp:
        assert (await read_head(tcp)).startswith("HTTP/1.1 101 ")


async def test_without_connection_upgrade_the_api_server_says_so_in_a_status() -> None:
    headers = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}
    async with kubelet() as server, server.request(headers=headers) as tcp:
        head, body = await read_answer(tcp)
    assert "Content-Type: application/json" in head
    status = json.decode(body)
    assert (status["kind"], status["code"], status["reason"], status["message"]) == (
        "Status",
        400,
        "BadRequest",
        "Upgrade request required",
    )


async def test_an_upgrade_to_something_else_is_400() -> None:
    async with kubelet() as server, server.request(headers=SPDY | {"Upgrade": "h2c"}) as tcp:
        head, body = await read_answer(tcp)
    assert head.startswith("HTTP/1.1 400 ")
    assert body.startswith("unable to upgrade: missing upgrade headers in request: ")


async def test_the_tunnels_101_has_its_headers_in_gorillas_order_and_no_date() -> None:
    headers = websocket_headers(TUNNEL)
    async with kubelet() as server, server.request("GET", headers=headers) as tcp:
        assert await read_head(tcp) == (
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"
            "\r\n"
        )


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (f"{TUNNEL}, v4.channel.k8s.io", TUNNEL),
        (f"v4.channel.k8s.io, {TUNNEL}", TUNNEL),
        ("v4.base64.channel.k8s.io, v4.channel.k8s.io", "v4.base64.channel.k8s.io"),
    ],
)
async def test_a_websocket_that_offers_several_protocols_gets_one(
    protocol: str, expected: str
) -> None:
    async with kubelet() as server:
        headers = websocket_headers(protocol)
        async with server.request("GET", "?ports=9000", headers) as tcp:
            assert f"Sec-WebSocket-Protocol: {expected}\r\n" in await read_head(tcp)


async def test_a_server_without_tunnel_asks_for_a_port() -> None:
    headers = websocket_headers(TUNNEL)
    async with kubelet(tunnel=False) as server, server.request("GET", headers=headers) as tcp:
        head, body = await read_answer(tcp)
    assert head.startswith("HTTP/1.1 400 ")
    assert body == 'query parameter "port" is required\n'


async def test_a_tunnel_for_another_protocol_gets_the_streaming_servers_403() -> None:
    async with kubelet() as server:
        headers = websocket_headers("SPDY/3.1+other.k8s.io")
        async with server.request("GET", headers=headers) as tcp:
            head, body = await read_answer(tcp)
    assert head.startswith("HTTP/1.1 403 ")
    assert "client supports [other.k8s.io]" in body


@pytest.mark.parametrize(
    ("method", "change", "status"),
    [
        ("POST", {}, 405),
        ("GET", {"Sec-WebSocket-Version": "8"}, 400),
        ("GET", {"Sec-WebSocket-Key": "short"}, 400),
    ],
)
async def test_a_bad_websocket_handshake_is_refused(
    method: str, change: dict[str, str], status: int
) -> None:
    headers = websocket_headers(TUNNEL) | change
    async with kubelet() as server, server.request(method, headers=headers) as tcp:
        assert (await read_head(tcp)).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?ports=0", 400, 'port "0" must be > 0'),
        ("?ports=70000", 400, 'port "70000" must be > 0'),
        ("?ports=http", 400, "cannot convert to []int32"),
        ("", 400, 'query parameter "port" is required'),
    ],
)
async def test_the_legacy_protocol_needs_ports_that_are_numbers(
    query: str, status: int, words: str
) -> None:
    async with kubelet() as server:
        headers = websocket_headers("v4.channel.k8s.io")
        async with server.request("GET", query, headers) as tcp:
            head, body = await read_answer(tcp)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert words in body


async def test_an_unknown_websocket_protocol_is_a_bare_403() -> None:
    async with kubelet() as server:
        headers = websocket_headers("v9.channel.k8s.io")
        async with server.request("GET", "?ports=80", headers) as tcp:
            assert await read_answer(tcp) == (
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n",
                "",
            )


async def test_a_websocket_without_a_protocol_gets_an_empty_one() -> None:
    headers = websocket_headers("")
    del headers["Sec-WebSocket-Protocol"]
    async with kubelet() as server, server.request("GET", "?ports=9000", headers) as tcp:
        assert "Sec-WebSocket-Protocol: \r\n" in await read_head(tcp)
