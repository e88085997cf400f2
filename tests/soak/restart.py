"""A restart of the daemon under traffic: who notices, and how long the old process stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.daemon.handover.finish import FINISH_S
from tests.soak.figures import Figure

RATE = 200
"""Connects a second."""

NEAR_S = 3.0
"""The old process begins to wait a little before the command is done, and ends a little later."""


async def restart(echo: int, again: Callable[[], None], wait: bool) -> list[Figure]:
    """`again` replaces the daemon and blocks; with `wait` a connection is left open until it is
    cut, and the time that took is a figure too.
    """
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", echo)
    writer.write(b"x")
    await reader.readexactly(1)
    begin, over = loop.time(), asyncio.Event()
    clients = loop.create_task(_connects(echo, over))
    try:
        await asyncio.to_thread(again)
    finally:
        over.set()
    done, (made, refused) = loop.time(), await clients
    figures = [
        Figure(name="connects during a restart", value=made / (done - begin), unit="a second"),
        Figure(name="connects during a restart: refused", value=refused, most=0),
    ]
    if wait:
        figures.append(_kept(await _cut(reader) - done))
    writer.close()
    return figures


def _kept(seconds: float) -> Figure:
    return Figure(
        name="what an open connection has after a restart",
        value=seconds,
        unit="s",
        least=FINISH_S - NEAR_S,
        most=FINISH_S + NEAR_S,
    )


async def _connects(port: int, over: asyncio.Event) -> tuple[int, int]:
    """As many as are due until `over`, and how many of them were refused."""
    loop = asyncio.get_running_loop()
    begin, made, refused = loop.time(), 0, 0
    while not over.is_set():
        while made < (loop.time() - begin) * RATE:
            refused += not await _connect(port)
            made += 1
        await asyncio.sleep(1 / RATE)
    return made, refused


async def _connect(port: int) -> bool:
    """Whether it was accepted; with the waiting room full it may be reset at once."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:
        return True
    writer.transport.abort()
    return True


async def _cut(reader: asyncio.StreamReader) -> float:
    """When it ended, by the loop's clock."""
    try:
        async with asyncio.timeout(2 * FINISH_S):
            await reader.read()
    except (OSError, TimeoutError):
        pass
    return asyncio.get_running_loop().time()
