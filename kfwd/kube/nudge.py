"""Asked to look again at once: cuts a wait short, but not more often than once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GAP_S = 1.0


class Nudge:
    """Nudges that come while nothing can be cut are kept, as one, for the next wait."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._due: float | None = None
        self._served_at = float("-inf")
        self._wait: asyncio.Timeout | None = None

    def give(self) -> None:
        """Cut the wait now, or once the last nudge was served `gap_s` seconds ago."""
        if self._due is None:
            self._due = max(asyncio.get_running_loop().time(), self._served_at + self._gap_s)
        self._cut()

    def answer(self) -> None:
        """A look begins: whoever asked for one before now is served by it."""
        if self._due is not None:
            self._due, self._served_at = None, asyncio.get_running_loop().time()

    @asynccontextmanager
    async def cutting(self) -> AsyncIterator[None]:
        """A wait in which a nudge ends the body. One task at a time."""
        try:
            async with asyncio.timeout(None) as self._wait:
                self._cut()
                yield
        except TimeoutError:
            if self._wait is None or not self._wait.expired():
                raise
        finally:
            self._wait = None

    def _cut(self) -> None:
        if self._wait is not None and self._due is not None and not self._wait.expired():
            self._wait.reschedule(self._due)
