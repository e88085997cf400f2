from __future__ import annotations

import asyncio
import socket
import ssl

import aiohttp
import pytest

from kfwd.errors import Unreachable
from kfwd.kube import connector, tls
from kfwd.kube.connector import SocketConnector, TlsTerms
from kfwd.kube.dial import Route, open_socket
from tests.kube.servers import Authority, Handler, answer, serving, silence

AUTHORITY = Authority()


def session(port: int, context: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
    """A session whose every connection goes to `port` on loopback."""

    async def open_it(host: str, _: int) -> socket.socket:
        return await open_socket(Route("127.0.0.1", port))

    async def terms(host: str) -> TlsTerms:
        return TlsTerms(context or tls.server_context(AUTHORITY.pem, "here"), "127.0.0.1")

    return aiohttp.ClientSession(connector=SocketConnector(open_it, terms))


def counted(handler: Handler, count: list[int]) -> Handler:
    """`handler`, with an entry in `count` for every connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count.append(1)
        await handler(reader, writer)

    return handle


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Starts an answer and never ends it, as a watch does."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await reader.read()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_plain_and_encrypted_requests_go_where_the_socket_leads(scheme: str) -> None:
    context = AUTHORITY.server() if scheme == "https" else None
    async with serving(answer(b"hello"), context) as port, session(port) as client:
        response = await client.get(f"{scheme}://api.test/x")
        assert await response.read() == b"hello"


async def test_a_connection_is_used_again() -> None:
    count: list[int] = []
    handler = counted(answer(), count)
    async with serving(handler, AUTHORITY.server()) as port, session(port) as client:
        for _ in range(3):
            response = await client.get("https://api.test/")
            await response.read()
    assert len(count) == 1


async def test_a_watch_keeps_a_small_buffer() -> None:
    async with serving(endless, AUTHORITY.server()) as port, session(port) as client:
        response = await client.get("https://api.test/")
        assert response.connection is not None
        transport = response.connection.transport
        assert len(transport._ssl_protocol._ssl_buffer) == connector.TLS_READ  # type: ignore[union-attr]
        response.close()


async def test_there_is_no_limit_to_open_connections() -> None:
    count: list[int] = []
    async with serving(counted(endless, count)) as port, session(port) as client:
        responses = [await client.get("http://api.test/") for _ in range(120)]
        assert len(count) == 120
        for response in responses:
            response.close()


async def test_a_requests_own_tls_context_wins() -> None:
    stranger = tls.server_context(Authority().pem, "elsewhere")
    async with serving(answer(), AUTHORITY.server()) as port, session(port, stranger) as client:
        own = tls.server_context(AUTHORITY.pem, "here")
        async with client.get("https://api.test/", ssl=own) as response:
            assert await response.read() == b"ok"


async def test_a_handshake_that_fails_says_why() -> None:
    async with serving(answer(), Authority().server()) as port, session(port) as client:
        with pytest.raises(Unreachable, match="not known here") as caught:
            await client.get("https://api.test:6443/")
    assert caught.value.code == "tls-failed"
    assert "api.test:6443" in caught.value.text


async def test_a_handshake_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "HANDSHAKE_S", 0.2)
    async with serving(silence) as port, session(port) as client:
        with pytest.raises(Unreachable, match=r"did not end within 0\.2 s"):
            await client.get("https://api.test/")


async def test_a_request_cancelled_in_its_handshake_leaves_no_socket() -> None:
    async with serving(silence) as port, session(port) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.get("https://api.test/")


async def test_a_socket_is_never_closed_under_its_transport() -> None:
    """A request is cancelled ever later; the socket that comes next must be its own alone."""
    loop = asyncio.get_running_loop()
    async with serving(answer(), AUTHORITY.server()) as port, session(port) as client:
        for turns in range(40):
            request = asyncio.ensure_future(client.get("https://api.test/"))  # noqa: TID251
            for _ in range(turns):
                await asyncio.sleep(0)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            with socket.socket() as other:
                other.setblocking(False)
                await loop.sock_connect(other, ("127.0.0.1", port))
