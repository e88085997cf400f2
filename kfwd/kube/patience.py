"""Notices that something takes long, while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST_S = 3.0
"""When it is worth telling; again after twice as long, and so on."""


class Patience:
    """`changed` is called whenever `spent_s` changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.spent_s: float | None = None
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def during(self) -> Iterator[None]:
        """What is done in this block, one at a time."""
        self._wait(FIRST_S, FIRST_S)
        try:
            yield
        finally:
            assert self._timer is not None
            self._timer.cancel()
            if self.spent_s is not None:
                self._tell(None)

    def _wait(self, delay_s: float, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay_s, self._so_long, until_s)

    def _so_long(self, spent_s: float) -> None:
        self._wait(spent_s, 2 * spent_s)
        self._tell(spent_s)

    def _tell(self, spent_s: float | None) -> None:
        self.spent_s = spent_s
        self._changed()
