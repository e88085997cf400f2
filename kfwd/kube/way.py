"""The way to a server, which may change under those who are just trying it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Way:
    """Attempts that began before the way changed are begun anew: they might wait for nothing."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Timeout] = set()

    def changed(self) -> None:
        now = asyncio.get_running_loop().time()
        for attempt in self._under_way:
            if not attempt.expired():
                attempt.reschedule(now)

    async def attempt(self, make: Callable[[], Awaitable[T]]) -> T:
        """What `make()` gives. It may be cancelled and called again; the caller sets a deadline."""
        while True:
            cut = asyncio.timeout(None)
            try:
                async with cut:
                    self._under_way.add(cut)
                    return await make()
            except TimeoutError:
                if not cut.expired():
                    raise
            finally:
                self._under_way.discard(cut)
