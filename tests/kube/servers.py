"""Servers on loopback for tests: proxies that pass bytes on, TLS with a CA of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import trustme

from kfwd.tasks import TaskSet

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FAR = datetime(2040, 1, 1, tzinfo=UTC)


@contextlib.asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on 127.0.0.1; yields its port. Its connections end with it."""
    tasks, writers = TaskSet("server"), set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        tasks.spawn(handle(reader, writer), "connection")

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for _ in range(8):  # a connection that nobody waited for is accepted in the next turns
            await asyncio.sleep(0)
        server.close()
        await tasks.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def deaf(until: asyncio.Event) -> Handler:
    """A server that reads nothing until then, and then all."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await until.wait()
        writer.transport.resume_reading()
        await reader.read()

    return handler


def answer(body: bytes = b"ok", status: str = "200 OK", seen: list[bytes] | None = None) -> Handler:
    """An HTTP server that gives one answer to every request and keeps their heads."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(head)
            length = f"Content-Length: {len(body)}"
            writer.write(f"HTTP/1.1 {status}\r\n{length}\r\n\r\n".encode() + body)

    return handle


class Through:
    """What a proxy was asked, and where it goes instead: names in tests lead nowhere."""

    def __init__(self, port: int, login: tuple[str, str] | None = None) -> None:
        self.port = port
        self.login = login
        self.asked: list[tuple[str, int]] = []

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.port)
        tasks = TaskSet("relay")
        try:
            tasks.spawn(_pump(back_reader, writer), "back")
            await _pump(reader, back_writer)
        finally:
            await tasks.close()
            back_writer.transport.abort()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A CONNECT proxy; 407 without the login it wants."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, authority, _ = head.split(" ", 2)
        host, _, port = authority.rpartition(":")
        assert method == "CONNECT"
        self.asked.append((host, int(port)))
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode()).decode()
            if f"Proxy-Authorization: Basic {token}\r\n" not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
        writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        await self.relay(reader, writer)

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A SOCKS5 proxy that answers byte by byte."""
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 2 if self.login else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, wanted]))
        if self.login:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            secret = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), secret.decode()) == self.login
            writer.write(bytes([1, not good]))
            if not good:
                return
        _, _, _, kind = await reader.readexactly(4)
        host = await self._socks_host(reader, kind)
        self.asked.append((host, int.from_bytes(await reader.readexactly(2))))
        for byte in b"\x05\x00\x00\x03\x04host\x00\x50":
            writer.write(bytes([byte]))
            await writer.drain()
        await self.relay(reader, writer)

    async def _socks_host(self, reader: asyncio.StreamReader, kind: int) -> str:
        if kind == 3:
            return (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        packed = await reader.readexactly({1: 4, 4: 16}[kind])
        return ".".join(map(str, packed)) if kind == 1 else packed.hex(":", 2)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


class Authority:
    """A CA and what it signs. Keys are the CA's default; dates can be past."""

    def __init__(self) -> None:
        self.ca = trustme.CA()
        self.pem = self.ca.cert_pem.bytes()

    def server(self, name: str = "127.0.0.1", **dates: datetime) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        self.ca.issue_cert(name, **dates).configure_cert(context)
        return context

    def client(self, name: str = "ann", **dates: datetime) -> tuple[bytes, bytes]:
        """Certificate and key, PEM."""
        leaf = self.ca.issue_cert(f"{name}@example.test", common_name=name, **dates)
        return leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()


def ago(**period: float) -> datetime:
    return datetime.now(UTC) - timedelta(**period)
