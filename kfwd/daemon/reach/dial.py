"""Connections that only want to know whether they come about, and one page over them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from msgspec import Struct

from kfwd.daemon.reach.limits import Limits
from kfwd.errors import ProtocolError, Unreachable
from kfwd.kube.dial import Resolver
from kfwd.wire import upgrade as http

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024


class NoName(Unreachable):
    """A host name that leads nowhere from here."""


class Dialler:
    """Connects to hosts within `limits`. The caller bounds the time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._resolver = Resolver()

    @asynccontextmanager
    async def connected(self, host: str, port: int) -> AsyncIterator[tuple[socket.socket, float]]:
        """A connected socket and the milliseconds that took. Raises `NoName`, `OSError`."""
        loop = asyncio.get_running_loop()
        error: OSError = OSError(f"{host} has no address")
        for family, place in await self._places(host, port):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                started = loop.time()
                await loop.sock_connect(sock, place)
            except OSError as failed:
                sock.close()
                error = failed
                continue
            except BaseException:
                sock.close()
                raise
            with sock:
                yield sock, (loop.time() - started) * 1000
            return
        raise error

    async def _places(
        self, host: str, port: int
    ) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
        self._limits.check(host)
        if host == "localhost" or host.endswith(".localhost"):
            host = "127.0.0.1"
        try:
            found = await self._resolver.addresses(host, port)
        except Unreachable as error:
            raise NoName(f"no DNS: the name {host} is not known here") from error
        for _, place in found:
            self._limits.check(str(place[0]))
        return found


class Page(Struct, frozen=True):
    """The answer to a GET: its head, up to 16 KiB of the body of one that says no, and how long it
    took to come.
    """

    head: http.Head
    body: bytes
    latency_ms: float


async def page(
    sock: socket.socket,
    context: ssl.SSLContext | None,
    server_hostname: str | None,
    path: str,
    headers: Iterable[tuple[str, str]],
) -> Page:
    """Ask for a page on a connected socket, which stays the caller's.

    Raises `OSError`, `ProtocolError`, `asyncio.IncompleteReadError`.
    """
    reader, writer = await asyncio.open_connection(
        sock=sock.dup(),
        ssl=context,
        server_hostname=server_hostname if context else None,
        limit=MAX_HEAD,
    )
    try:
        started = asyncio.get_running_loop().time()
        fields = [*headers, ("User-Agent", "kfwd"), ("Connection", "close")]
        writer.write(http.request("GET", path, fields))
        head = await _head(reader)
        latency_ms = (asyncio.get_running_loop().time() - started) * 1000
        body = await _words(reader, head) if head.status >= 400 else b""
        return Page(head, body, latency_ms)
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> http.Head:
    try:
        return http.parse_head(await reader.readuntil(b"\r\n\r\n"))
    except (asyncio.LimitOverrunError, ProtocolError):
        raise ProtocolError("it does not speak HTTP") from None


async def _words(reader: asyncio.StreamReader, head: http.Head) -> bytes:
    """What a refusal says, as far as it comes and is short."""
    length = head.headers.get("content-length", "")
    size = min(int(length), MAX_BODY) if length.isdecimal() else MAX_BODY
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial
