"""Clients for the tests of the simulated cluster: bare sockets, nothing of kfwd's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple


class Tcp(NamedTuple):
    """A connected socket as asyncio streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@contextlib.asynccontextmanager
async def connect(port: int) -> AsyncIterator[Tcp]:
    """A connection to a port of 127.0.0.1, closed at the end whatever happened to it."""
    tcp = Tcp(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield tcp
    finally:
        tcp.writer.transport.abort()
        with contextlib.suppress(OSError):
            await tcp.writer.wait_closed()
