"""TLS under a socket that speaks whatever it likes."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl

import pytest

from kfwd.kube import tls
from kfwd.kube.tls_socket import secured
from tests.kube.servers import Authority, Handler, echo, serving
from tests.until import WAIT_S

KNOWN = Authority()


async def through(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    return await secured(sock, tls.server_context(KNOWN.pem, "of the proxy"), "127.0.0.1")


async def test_tls_within_tls_carries_every_byte_both_ways() -> None:
    other = Authority()
    async with serving(echo, other.server()) as inner:

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", inner)

            async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(1 << 16):
                    target.write(data)
                    await target.drain()
                target.close()

            await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer))

        async with serving(relay, KNOWN.server()) as port:
            reader, writer = await asyncio.open_connection(
                sock=await through(port),
                ssl=tls.server_context(other.pem, "of the server"),
                server_hostname="127.0.0.1",
            )
            data = bytes(range(256)) * 20_000
            writer.write(data)
            async with asyncio.timeout(20):
                back = await reader.readexactly(len(data))
            assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
            writer.close()
            await writer.wait_closed()


def ended(done: asyncio.Event) -> Handler:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        done.set()

    return wait


async def test_closing_the_socket_closes_the_connection_to_the_proxy() -> None:
    done = asyncio.Event()
    async with serving(ended(done), KNOWN.server()) as port:
        sock = await through(port)
        sock.close()
        async with asyncio.timeout(WAIT_S):
            await done.wait()


async def test_the_end_of_that_connection_is_an_end_of_file() -> None:
    async def goodbye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")

    async with serving(goodbye, KNOWN.server()) as port:
        with await through(port) as sock:
            loop, said = asyncio.get_running_loop(), b""
            async with asyncio.timeout(WAIT_S):
                while piece := await loop.sock_recv(sock, 100):
                    said += piece
            assert said == b"last words"


async def test_a_reader_that_stalls_stops_the_sender() -> None:
    sent, stopped = 0, asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(0)
        try:
            while True:
                writer.write(bytes(1 << 16))
                async with asyncio.timeout(0.5):
                    await writer.drain()
                sent += 1 << 16
        except TimeoutError:
            stopped.set()

    async with serving(flood, KNOWN.server()) as port:
        with await through(port):
            async with asyncio.timeout(20):
                await stopped.wait()
    assert sent < 16 << 20


async def test_a_failed_handshake_leaves_nothing_open() -> None:
    async with serving(echo, Authority().server()) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await through(port)
