"""When to try again: capped exponential delays with full jitter. Pure; the clock is a parameter."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.1
CAP_S = 10.0
HEALTHY_S = 30.0


class Backoff:
    """Delays for one thing that fails now and then.

    The n-th delay is drawn evenly from (0, min(cap, first * 2**n)]. Health must last `healthy`
    seconds before the count starts again, so that something that works for a moment and fails
    keeps its long delays.
    """

    def __init__(
        self,
        *,
        first: float = FIRST_S,
        cap: float = CAP_S,
        healthy: float = HEALTHY_S,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._cap = cap
        self._healthy = healthy
        self._uniform = uniform
        self._failures = 0
        self._up_since: float | None = None

    @property
    def failures(self) -> int:
        """Failures in a row since health was last proven."""
        return self._failures

    def restart(self) -> None:
        """Count from the beginning: what failed so far says nothing about the next try."""
        self._failures = 0

    def succeeded(self, now: float) -> None:
        """Note that the thing works at `now` (seconds of a monotonic clock)."""
        if self._up_since is None:
            self._up_since = now

    def failed(self, now: float) -> float:
        """Note a failure at `now` and return the seconds to wait before the next try."""
        if self._up_since is not None and now - self._up_since >= self._healthy:
            self._failures = 0
        self._up_since = None
        ceiling = min(self._cap, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return self._uniform(ceiling / 10, ceiling)
