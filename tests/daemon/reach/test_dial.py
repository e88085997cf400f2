"""Connections of trials, and pages over them, with real sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable

import pytest

from kfwd.daemon.reach.dial import Dialler, NoName, Page, page
from kfwd.daemon.reach.limits import Limits, OutOfBounds
from kfwd.errors import ProtocolError, Unreachable
from kfwd.kube.dial import Resolver
from tests.daemon.reach.rig import LOOPBACK
from tests.kube.servers import serving

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(text: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text)

    return serve


async def asked(port: int, *headers: tuple[str, str]) -> Page:
    async with Dialler(LOOPBACK).connected("127.0.0.1", port) as (sock, latency_ms):
        assert 0 <= latency_ms < 1000
        return await page(sock, None, None, "/foo", headers)


async def test_a_page_is_asked_for_by_the_name_it_has() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nbody that nobody reads")

    async with serving(serve) as port:
        answer = await asked(port, ("Host", "foo.bar.com"))
    assert (answer.head.status, answer.body) == (200, b"")
    assert seen[0].startswith(b"GET /foo HTTP/1.1\r\nHost: foo.bar.com\r\n")


@pytest.mark.parametrize(
    "head", [b"Content-Length: 4\r\n\r\n", b"Content-Length: 999\r\n\r\n", b"\r\n"]
)
async def test_what_a_refusal_says_is_read_as_far_as_it_comes(head: bytes) -> None:
    async with serving(answering(b"HTTP/1.1 503 X\r\n" + head + b"gone")) as port:
        assert (await asked(port)).body == b"gone"


@pytest.mark.parametrize("text", [b"220 mail ready\r\n\r\n", b"x" * 200_000])
async def test_what_is_no_http_is_said_to_be_none(text: bytes) -> None:
    async with serving(answering(text)) as port:
        with pytest.raises(ProtocolError, match="does not speak HTTP"):
            await asked(port)


async def test_a_server_that_hangs_up_gives_no_answer() -> None:
    async with serving(answering(b"")) as port:
        with pytest.raises(asyncio.IncompleteReadError):
            await asked(port)


async def test_a_port_that_nobody_listens_on_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        async with Dialler(LOOPBACK).connected("127.0.0.1", port):
            pass
    assert caught.value.errno == errno.ECONNREFUSED


async def test_names_of_this_machine_need_no_dns() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        async with Dialler(LOOPBACK).connected("web.shop.localhost", place[1]) as (sock, _):
            assert sock.getpeername() == place


async def test_what_is_out_of_bounds_is_neither_looked_up_nor_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def found(self: Resolver, host: str, port: int) -> list[object]:
        return [(socket.AF_INET, ("8.8.8.8", port))]

    for host in ("8.8.8.8", "foo.bar.com"):
        with pytest.raises(OutOfBounds):
            async with Dialler(LOOPBACK).connected(host, 80):
                pass
    monkeypatch.setattr(Resolver, "addresses", found)
    with pytest.raises(OutOfBounds):
        async with Dialler(LOOPBACK).connected("localhost", 80):
            pass


async def test_a_name_that_is_not_known_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(self: Resolver, host: str, port: int) -> list[object]:
        raise Unreachable("not known", code="dns-failed")

    monkeypatch.setattr(Resolver, "addresses", unknown)
    with pytest.raises(NoName, match=r"no DNS: the name foo\.bar\.com is not known here"):
        async with Dialler(Limits()).connected("foo.bar.com", 80):
            pass
