"""The kinds of connections that a path may freeze under, and how long one lives."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from msgspec import Struct

from kfwd.tasks import either
from tests.frozen.world import POD, PORTS

PIECE = 64 * 1024
LONG = 1 << 40
OPEN_S = 30.0


def http(request: str, *headers: str) -> bytes:
    return "\r\n".join([f"{request} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


class Kind(Struct, frozen=True, kw_only=True):
    """`opening` is sent at once and, with `answered`, a first answer awaited; then `feed` is sent
    again and again, `every_s` seconds apart.
    """

    what: str
    port: str
    opening: bytes
    answered: bool = False
    feed: bytes = b""
    every_s: float = 0.0
    count: int = 8


KINDS = (
    Kind(what="at rest", port="echo", opening=b"x", answered=True),
    Kind(what="waiting for an answer", port="http", opening=http("GET /slow?ms=90000")),
    Kind(what="an event now and then", port="http", opening=http("GET /sse"), answered=True),
    Kind(
        what="a byte each way now and then",
        port="echo",
        opening=b"x",
        answered=True,
        feed=b"x",
        every_s=2.0,
    ),
    Kind(what="download", port="http", opening=http(f"GET /bytes/{LONG}"), answered=True, count=4),
    Kind(what="upload", port="counted", opening=b"%d\n" % LONG, feed=bytes(PIECE), count=4),
    Kind(what="API proxy, waiting", port="api", opening=http(f"GET {POD}/slow?ms=90000")),
    Kind(what="API proxy, events", port="api", opening=http(f"GET {POD}/sse"), answered=True),
    Kind(
        what="API proxy, download",
        port="api",
        opening=http(f"GET {POD}/bytes/{LONG}"),
        answered=True,
        count=4,
    ),
    Kind(
        what="API proxy, upload",
        port="api",
        opening=http(f"POST {POD}/sha", f"Content-Length: {LONG}"),
        feed=bytes(PIECE),
        count=4,
    ),
    Kind(
        what="watch",
        port="api",
        opening=http("GET /api/v1/namespaces/demo/pods?watch=1&resourceVersion=0"),
        answered=True,
    ),
)


async def begun(kind: Kind) -> socket.socket:
    """A connection of this kind; the caller's to close. Raises `OSError`, `TimeoutError`."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    try:
        sock.setblocking(False)
        async with asyncio.timeout(OPEN_S):
            await loop.sock_connect(sock, ("127.0.0.1", PORTS[kind.port]))
            await loop.sock_sendall(sock, kind.opening)
            if kind.answered and not await loop.sock_recv(sock, PIECE):
                raise ConnectionError(f"{kind.what}: ended at once")
    except BaseException:
        sock.close()
        raise
    return sock


async def lived(kind: Kind, sock: socket.socket) -> float:
    """When it ended, by the loop's clock."""
    with sock:
        await either(_read(sock), _feed(kind, sock))
    return asyncio.get_running_loop().time()


async def _read(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(sock, PIECE):
            pass


async def _feed(kind: Kind, sock: socket.socket) -> None:
    if not kind.feed:
        await asyncio.get_running_loop().create_future()
    with contextlib.suppress(OSError):
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, kind.feed)
            await asyncio.sleep(kind.every_s)
