"""The API server's front door: sockets, TLS, and who gets a connection.

The first request head decides. A `pods/portforward` request goes on as reader and writer, so that
not one byte of what follows is lost; any other connection becomes aiohttp's, with the head it came
with. Faults that concern whole connections take effect here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from msgspec import Struct

from kfwd.sim.faults import Faults
from kfwd.sim.path import Path
from kfwd.sim.splice import reset_on_close
from kfwd.tasks import TaskSet

log = logging.getLogger(__name__)

HEAD_LIMIT = 64 * 1024
HANDSHAKE_S = 10.0
BACKLOG = 512
HANDSHAKES = 1_024
HEAD_S = 60.0

PORTFORWARD = re.compile(r"^/api/v1/namespaces/[^/]+/pods/[^/]+/portforward/?(\?|$)")
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"


class Head(Struct, frozen=True):
    """A request's first line and header lines, as received and in order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def lowered(self) -> dict[str, str]:
        """Headers by lower-case name; repeated ones joined by a comma."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found


def parse_head(data: bytes) -> Head | None:
    """The head in `data`, which ends with a blank line; None if it is not HTTP."""
    first, *lines = data.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    pairs = (line.partition(":") for line in lines if line)
    return Head(words[0], words[1], tuple((name.strip(), v.strip()) for name, _, v in pairs))


Streams = Callable[[Head, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FirstRequest(asyncio.Protocol):
    """Reads one request head, then gives the transport to whoever serves it."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream server's is a Transport
        self._deadline = asyncio.get_running_loop().call_later(HEAD_S, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                self._transport.write(_TOO_LARGE)
                self._transport.close()
            return
        self._deadline.cancel()
        head = parse_head(bytes(self._buffer[:end]))
        if head is not None and PORTFORWARD.match(head.target):
            self._front.stream(self._transport, head, bytes(self._buffer[end + 4 :]))
        else:
            self._front.http(self._transport, bytes(self._buffer))


class Front:
    """A listening socket. `http` makes aiohttp's protocol, `streams` serves port-forwards."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        http: Callable[[], asyncio.Protocol],
        streams: Streams,
        faults: Faults | None = None,
    ) -> None:
        self._tls = tls
        self._http = http
        self._streams = streams
        self._faults = faults
        self._path = Path(faults) if faults is not None else None
        self._tasks = TaskSet("front")
        self._listener: socket.socket | None = None
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._handshakes = asyncio.Semaphore(HANDSHAKES)
        self._unfollow = faults.on_change(self._follow) if faults is not None else None

    def listen(self, host: str, port: int) -> int:
        """Bind and accept; returns the port. Raises OSError."""
        self._listener = socket.create_server((host, port), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._tasks.spawn(self._accept(self._listener), "accept")
        return int(self._listener.getsockname()[1])

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._handshakes.acquire()
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError as error:
                # Out of descriptors or a client that left already: the listener itself is fine.
                self._handshakes.release()
                log.warning("accept: %s", error)
                await asyncio.sleep(0.05)
                continue
            self._tasks.spawn(self._admit(sock), "connection")

    async def _admit(self, sock: socket.socket) -> None:
        try:
            if self._refused():
                reset_on_close(sock)
                sock.close()
            else:
                await self._connect(sock)
        finally:
            self._handshakes.release()

    def _refused(self) -> bool:
        return self._faults is not None and self._faults.refuses_connections

    async def _connect(self, sock: socket.socket) -> None:
        """TLS on an accepted socket, with the delays of the way it came."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._faults is not None:
                faults = self._faults
                await faults.until(lambda: not faults.says_nothing)
            if self._path is not None:
                sock = self._path.shaped(sock)
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                partial(FirstRequest, self),
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=1.0,
            )
        except (OSError, asyncio.CancelledError) as error:
            sock.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        self._transports.add(transport)

    def http(self, transport: asyncio.Transport, data: bytes) -> None:
        """The connection becomes aiohttp's, which reads `data` first."""
        protocol = self._http()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def stream(self, transport: asyncio.Transport, head: Head, rest: bytes) -> None:
        """The connection becomes a reader, that has `rest` already, and a writer."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        reader.feed_data(rest)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self._tasks.spawn(self._serve(head, reader, writer), "portforward")

    async def _serve(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._streams(head, reader, writer)
        except OSError as error:
            log.debug("port-forward connection ended: %s", error)
        finally:
            writer.close()

    def _follow(self) -> None:
        if self._refused():
            self.cut()

    def cut(self) -> None:
        """End every connection at once."""
        for transport in list(self._transports):
            if not transport.is_closing():
                transport.abort()

    async def close(self) -> None:
        if self._unfollow is not None:
            self._unfollow()
        await self._tasks.close(timeout=0.5)
        if self._listener is not None:
            self._listener.close()
        self.cut()
        if self._path is not None:
            await self._path.close()


def peercert(transport: Any) -> dict[str, Any] | None:
    """The client's certificate, verified in the handshake."""
    found = transport.get_extra_info("peercert") if transport is not None else None
    return found or None
