"""The highest of a changing count over the last while. Pure."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0


class Peak:
    """Remembers only counts that may still become the peak, so its memory is bounded by them."""

    def __init__(self, window: float = WINDOW_S) -> None:
        self._window = window
        self._falling: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> None:
        """The count is `count` from `now` on (seconds of a monotonic clock)."""
        since = now
        while self._falling and self._falling[-1][1] < count:
            since, _ = self._falling.pop()  # lower than this one: only its place matters
        if not self._falling or self._falling[-1][1] > count:
            self._falling.append((since, count))

    def get(self, now: float) -> int:
        """The highest count of the last `window` seconds."""
        while len(self._falling) > 1 and self._falling[1][0] <= now - self._window:
            self._falling.popleft()
        return self._falling[0][1] if self._falling else 0
