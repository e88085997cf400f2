"""Wait for what has no event of its own: the state of the thing under test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

WAIT_S = 5.0


async def until(condition: Callable[[], object], timeout: float = WAIT_S) -> None:
    """Let the loop turn until `condition` holds."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  # internal state has no event to wait for
            await asyncio.sleep(0)
