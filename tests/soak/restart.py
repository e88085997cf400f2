"""A restart of the daemon under traffic: who notices, and how long the old process stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.daemon.handover.finish import FINISH_S
from tests.soak.figures import Figure
from tests.soak.short import application_ends, good

RATE = 200
"""Connections a second."""

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
    done, answers = loop.time(), await clients
    rate, failed = len(answers) / (done - begin), answers.count(False)
    figures = [
        Figure(name="connections during a restart", value=rate, unit="a second"),
        Figure(name="connections during a restart: failed", value=failed, most=0),
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


async def _connects(echo: int, over: asyncio.Event) -> list[bool]:
    """Whether each connection got its answer; as many as are due until `over`."""
    loop = asyncio.get_running_loop()
    begin, started = loop.time(), list[asyncio.Task[bool]]()
    while not over.is_set():
        while len(started) < (loop.time() - begin) * RATE:
            started.append(loop.create_task(good(application_ends(echo))))
        await asyncio.sleep(1 / RATE)
    return list(await asyncio.gather(*started))


async def _cut(reader: asyncio.StreamReader) -> float:
    """When it ended, by the loop's clock."""
    try:
        async with asyncio.timeout(2 * FINISH_S):
            await reader.read()
    except (OSError, TimeoutError):
        pass
    return asyncio.get_running_loop().time()
