"""What a pod's container wrote: the last lines, and those to come for who follows.

Part of the probe's image: the standard library only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

KEPT = 5_000


class Line(NamedTuple):
    """One line, counted from 1 over the life of the container."""

    number: int
    at: datetime
    text: str


class PodLog:
    """Lines in order, at most `kept` of them; `echo` is given each one as well.

    `last` is the number of the newest one.
    """

    def __init__(
        self,
        kept: int = KEPT,
        echo: Callable[[str], object] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lines: deque[Line] = deque(maxlen=kept)
        self._echo = echo
        self._clock = clock
        self.last = 0
        self._more = asyncio.Event()
        self._ended = False

    def write(self, text: str) -> None:
        self.last += 1
        self._lines.append(Line(self.last, self._clock(), text))
        self._more.set()
        if self._echo is not None:
            self._echo(text + "\n")

    def end(self) -> None:
        """The container has ended: those who follow get what is left and no more."""
        self._ended = True
        self._more.set()

    def lines(self, after: int = 0) -> list[Line]:
        """The kept lines whose number is greater than `after`."""
        return [line for line in self._lines if line.number > after]

    async def following(self, after: int) -> list[Line]:
        """The lines after number `after`, once there are some; none when the log has ended."""
        while not (found := self.lines(after)) and not self._ended:
            self._more.clear()
            await self._more.wait()
        return found
