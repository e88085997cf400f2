"""Clients of a gateway, byte by byte over real sockets: HTTP, CONNECT, SOCKS5, and what is none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import NotReady
from kfwd.front.users import Users
from kfwd.wire.socks import ClientHandshake
from kfwd.wire.socks_server import FAILED, HOST_UNREACHABLE, NOT_ALLOWED, OK, REFUSED, reply
from tests.proxy.gateway_rig import GatewayRig, gatewayed
from tests.proxy.rig import Peer
from tests.until import until

HOST = b"Host: web.shop.localhost\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
async def rig() -> AsyncIterator[GatewayRig]:
    async with gatewayed() as rig:
        yield rig


async def socks(rig: GatewayRig, host: str, port: int) -> tuple[Peer, bytes]:
    """A client that asked by SOCKS5, and the answer it got."""
    handshake = ClientHandshake(host, port)
    client = await rig.client(handshake.start())
    client.send(handshake.receive(await client.exactly(2)))
    return client, await client.exactly(10)


async def test_a_plain_request_is_served(rig: GatewayRig) -> None:
    client = await rig.client(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n")
    server = await rig.backend()
    assert (await server.head()).startswith(b"GET /a HTTP/1.1\r\n")
    server.send(ANSWER)
    head, body = await client.answer()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b"hi"


async def test_bytes_of_a_server_that_speaks_first_come_through_connect(rig: GatewayRig) -> None:
    client = await rig.client(b"CONNECT web.shop:9090 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
    server = await rig.backend()
    server.send(b"220 hello")
    assert await client.exactly(9) == b"220 hello"
    client.send(b"EHLO me")
    assert await server.exactly(7) == b"EHLO me"


async def test_bytes_sent_right_behind_a_connect_are_the_servers(rig: GatewayRig) -> None:
    client = await rig.client(b"CONNECT web.shop:9090 HTTP/1.1\r\nHost: x\r\n\r\nhello")
    await client.head()
    server = await rig.backend()
    assert await server.exactly(5) == b"hello"


@pytest.mark.parametrize("host", ["web.shop.svc.cluster.local", "10.96.0.9", "10.0.0.2"])
async def test_socks_takes_names_and_addresses(rig: GatewayRig, host: str) -> None:
    client, answer = await socks(rig, host, 8080 if host[0] == "1" else 80)
    assert answer == reply(OK)
    client.send(b"\x00ping")
    server = await rig.backend()
    assert await server.exactly(5) == b"\x00ping"
    server.send(b"pong")
    assert await client.exactly(4) == b"pong"
    server.close()
    assert await client.rest() == b""


@pytest.mark.parametrize(
    ("host", "port", "code"),
    [
        ("example.com", 80, NOT_ALLOWED),
        ("127.0.0.1", 22, NOT_ALLOWED),
        ("::1", 22, NOT_ALLOWED),
        ("localhost", 8888, NOT_ALLOWED),
        ("169.254.169.254", 80, NOT_ALLOWED),
        ("out.shop.svc", 80, NOT_ALLOWED),
        ("foo.bar.com", 443, NOT_ALLOWED),
        ("web.shop", 7, REFUSED),
    ],
)
async def test_socks_reaches_the_cluster_alone(
    rig: GatewayRig, host: str, port: int, code: int
) -> None:
    client, answer = await socks(rig, host, port)
    assert answer == reply(code)
    assert await client.rest() == b""
    assert rig.waiting == 0


async def test_socks_says_when_nothing_is_ready(rig: GatewayRig) -> None:
    rig.directs.error = NotReady("no pod")
    client, answer = await socks(rig, "web.shop", 80)
    assert answer == reply(HOST_UNREACHABLE)
    assert await client.rest() == b""
    rig.reach.error = NotReady("not yet")
    _, answer = await socks(rig, "web.shop", 80)
    assert answer == reply(FAILED)


async def test_a_client_that_insists_on_a_login_is_told_so(rig: GatewayRig) -> None:
    client = await rig.client(b"\x05\x01\x02")
    assert await client.rest() == b"\x05\xff"


@pytest.mark.parametrize("how", ["connect", "socks"])
async def test_the_host_of_an_ingress_is_served_by_its_rules(rig: GatewayRig, how: str) -> None:
    if how == "socks":
        client, answer = await socks(rig, "foo.bar.com", 80)
        assert answer == reply(OK)
    else:
        client = await rig.client(b"CONNECT foo.bar.com:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.head()
    client.send(b"GET /foo/x HTTP/1.1\r\nHost: foo.bar.com\r\n\r\n")
    server = await rig.backend()
    assert (await server.head()).startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize("how", ["connect", "socks"])
async def test_each_request_in_a_connection_is_looked_at(rig: GatewayRig, how: str) -> None:
    if how == "socks":
        client, _ = await socks(rig, "web.shop", 80)
    else:
        client = await rig.client(b"CONNECT web.shop:80 HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.head()
    client.send(b"GET /1 HTTP/1.1\r\nHost: any.name\r\n\r\n")
    server = await rig.backend()
    assert (await server.head()).startswith(b"GET /1 ")
    server.send(ANSWER)
    await client.answer()
    client.send(
        b"GET /2 HTTP/1.1\r\nHost: any.name\r\nOrigin: http://evil.example\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    head, _ = await client.answer()
    assert head.startswith(b"HTTP/1.1 403 ")
    assert rig.waiting == 0


async def test_a_request_that_comes_late_in_a_connection_is_looked_at_all_the_same(
    rig: GatewayRig,
) -> None:
    client = await rig.client(b"CONNECT web.shop:80 HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.head()
    await rig.backend()  # the client kept silent: the connection is made
    client.send(b"POST / HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\nOrigin: null\r\n\r\n")
    head, _ = await client.answer()
    assert head.startswith(b"HTTP/1.1 403 ")


async def test_tls_gets_a_sentence(rig: GatewayRig) -> None:
    client = await rig.client(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"use http://" in answer


async def test_an_http2_preface_gets_a_sentence(rig: GatewayRig) -> None:
    client = await rig.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 505 ")
    assert b"use HTTP/1.1" in answer


async def test_socks4_is_rejected_in_its_own_words(rig: GatewayRig) -> None:
    client = await rig.client(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00")
    assert await client.rest() == b"\x00\x5b" + bytes(6)


async def test_a_client_that_says_nothing_and_leaves_is_forgotten(rig: GatewayRig) -> None:
    client = await rig.client()
    await until(lambda: rig.server.connections)
    client.close()
    await until(lambda: not rig.server.connections)


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="only Linux tells users")  # noqa: PTH110  # one look at import
@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"\x05\x01\x00"])
async def test_another_user_of_the_machine_is_served_nothing(first: bytes) -> None:
    async with gatewayed(Users(os.getuid() + 1)) as rig:
        client = await rig.client(first)
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"allow-users" in answer
        assert rig.waiting == 0


async def test_what_was_asked_is_logged_without_its_query(rig: GatewayRig) -> None:
    client, _ = await socks(rig, "example.com", 80)
    await client.rest()
    client = await rig.client(b"GET /proxy.pac?secret HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await client.answer()
    await until(lambda: len(rig.log.seen) == 2)
    asked, page = rig.log.seen
    assert (asked.method, asked.path, asked.status) == ("SOCKS", "example.com:80", 403)
    assert (page.method, page.path, page.status) == ("GET", "/proxy.pac", 200)
