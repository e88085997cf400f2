"""How many dials to one pod are worth having under way at once. Pure.

A dial costs the server, and this process, milliseconds of work. Once that is what dials wait for,
more of them at once only take longer each, and hold up what is open: connections that end soon
leave their sessions to those that wait before a dial is done. So the time that a dial takes
decides, as the round trip does for TCP Vegas: twice that of the quickest was one too many.
"""

from __future__ import annotations

LEAST, FEW, MOST = 2, 4, 16

APART_S = 0.005
"""How far apart dials may follow each other: what one costs a server (protocol notes L.8)."""

HELD_UP_S = 0.25
"""A dial that takes longer waits for something else, and is no reason for others to wait."""


class Pace:
    """Told when dials begin and end, says whether another one may begin."""

    def __init__(self) -> None:
        self.limit = MOST
        self._best: float | None = None
        self._begun: list[float] = []

    def admits(self, now: float) -> bool:
        return sum(now - begun < HELD_UP_S for begun in self._begun) < self.limit

    def began(self, now: float) -> None:
        self._begun.append(now)

    def ended(self, begun: float, now: float, *, good: bool) -> None:
        """The dial of that time is over; `good`: it came to a session."""
        self._begun.remove(begun)
        if good:
            self._took(now - begun)

    def restart(self) -> None:
        """The way there may be another one."""
        self.limit, self._best = MOST, None

    def _took(self, seconds: float) -> None:
        if self._best is None:
            self._best = seconds
            self.limit = max(FEW, min(MOST, int(seconds / APART_S)))
            return
        crowded = seconds > 2 * self._best
        self._best = min(self._best, seconds)
        self.limit = max(LEAST, self.limit - 1) if crowded else min(MOST, self.limit + 1)
