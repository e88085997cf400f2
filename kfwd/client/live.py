"""The daemon's streams for a program with an event loop. `stream.py` is the blocking one."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncGenerator
from functools import partial
from typing import TypeVar

import msgspec

from kfwd.client import http
from kfwd.client.calls import Client
from kfwd.client.feeds import SILENCE_S, Feed
from kfwd.errors import ProtocolError
from kfwd.tasks import in_thread

E = TypeVar("E")

CONNECT_S = 5.0
READ = 256 * 1024
"""Bytes at a time: a daemon with many entries says much at once."""


async def follow(client: Client, feed: Feed[E]) -> AsyncGenerator[list[E], None]:
    """What the lines say, as many at a time as have come.

    Ends where the stream was cut off or fell silent. Raises `DaemonUnreachable` when no daemon
    answers, another `KfwdError` when it refuses. The caller closes the iterator (`aclosing`).
    """
    connect = partial(client.connect, CONNECT_S)
    try:
        connection = await in_thread(connect, "connect", discard=socket.socket.close)
    except TimeoutError:
        return
    connection.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        writer.write(http.encode("GET", feed.target))
        await _accepted(client, reader)
        rest, body = b"", http.Chunks()
        while not body.ended:
            *lines, rest = (rest + body.feed(await _read(reader))).split(b"\n")
            if len(rest) > http.MAX_BODY:
                raise ProtocolError("the daemon sent a line that is too long")
            if found := [event for line in lines if (event := feed.read(line)) is not None]:
                yield found
    except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError):
        return  # a timeout is an OSError too
    finally:
        writer.close()


async def _accepted(client: Client, reader: asyncio.StreamReader) -> None:
    """Read the head of the answer. Raises what an answer of failure means."""
    async with asyncio.timeout(CONNECT_S):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("the daemon's answer has too many headers") from error
        status, headers = http.read_head(io.BytesIO(head))
        client.note_version(headers)
        if status >= 400:
            length = headers.get("content-length", "")
            size = min(int(length), http.MAX_BODY) if length.isdigit() else 0
            raise client.error(status, await reader.readexactly(size))


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What has come. Raises `OSError` where nothing does for too long, or nothing more will."""
    async with asyncio.timeout(SILENCE_S):
        if data := await reader.read(READ):
            return data
    raise ConnectionResetError("the answer was cut off")
