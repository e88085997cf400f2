"""Very many short connections, and some that the pod refuses: what is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.chaos.world import Usage
from tests.soak.figures import Figure

AT_ONCE = 16
RSS_MB, FILES, THREADS = 8.0, 48, 4
"""What may be more afterwards: the allocator's holes, and the free sessions that are kept (rule 2:
at most 8 an endpoint).
"""
ASK, ANSWER = b"16\n", 16
ECHO = b"0123456789abcdef"
ANSWER_S = 20.0


async def _pod_ends(port: int) -> bool:
    """The pod says something and closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(ASK)
        return len(await reader.read()) == ANSWER
    finally:
        writer.transport.abort()


async def _application_ends(port: int) -> bool:
    """The application has its answer and goes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(ECHO)
        return await reader.readexactly(len(ECHO)) == ECHO
    finally:
        writer.close()


async def _many(count: int, source: int, echo: int) -> tuple[int, float]:
    """How many failed, and the seconds it took."""
    loop = asyncio.get_running_loop()
    left, failed, begin = iter(range(count)), 0, loop.time()

    async def work() -> None:
        nonlocal failed
        for number in left:
            one = _pod_ends(source) if number % 2 else _application_ends(echo)
            failed += not await _good(one)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return failed, loop.time() - begin


async def _good(one: Awaitable[bool]) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await one
    except (OSError, EOFError, TimeoutError):
        return False


async def short(
    count: int, source: int, echo: int, usage: Callable[[], Usage], at_rest: Callable[[], bool]
) -> list[Figure]:
    """`count` connections after a warm-up, and what the daemon holds more than before."""
    await _many(min(count // 2, 2000), source, echo)
    await _until(at_rest)
    before = await asyncio.to_thread(usage)
    failed, seconds = await _many(count, source, echo)
    await _until(at_rest)
    after = await asyncio.to_thread(usage)
    of = f"{count:,} short connections"
    files, threads = after.files - before.files, after.threads - before.threads
    return [
        Figure(name=of, value=count / seconds, unit="a second"),
        Figure(name=f"{of}: failed", value=failed, most=0),
        Figure(name=f"{of}: memory", value=after.rss_mb - before.rss_mb, unit="MB", most=RSS_MB),
        Figure(name=f"{of}: descriptors", value=files, most=FILES),
        Figure(name=f"{of}: threads", value=threads, most=THREADS),
    ]


async def refusals(count: int, refused: int, echo: int, slow_s: float) -> list[Figure]:
    """A refused port with bytes already sent wedges a session's worker (protocol notes L.2).

    No connection after it may meet that worker: each is answered at once, within `slow_s`.
    """
    loop, slowest, failed = asyncio.get_running_loop(), 0.0, 0
    for _ in range(count):
        await _good(_application_ends(refused))
        begin = loop.time()
        failed += not await _good(_application_ends(echo))
        slowest = max(slowest, loop.time() - begin)
    return [
        Figure(name=f"connections that failed after {count} refused ones", value=failed, most=0),
        Figure(name="slowest of them", value=slowest, unit="s", most=slow_s),
    ]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  # another process's
            await asyncio.sleep(0.1)
