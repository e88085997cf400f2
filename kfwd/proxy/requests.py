"""The requests that an entry has seen lately, for those who asked for that to be kept.

Never a body, a header or a query: those hold what must not be in a log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from kfwd.api_model import RequestView

KEPT = 1000


class RequestLog:
    """The newest requests of one entry, oldest first, and whoever follows them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._seen: deque[RequestView] = deque(maxlen=kept)
        self._followers: set[Callable[[RequestView], None]] = set()

    @property
    def seen(self) -> tuple[RequestView, ...]:
        return tuple(self._seen)

    def note(self, request: RequestView) -> None:
        self._seen.append(request)
        for tell in tuple(self._followers):
            tell(request)

    def follow(self, tell: Callable[[RequestView], None]) -> Callable[[], None]:
        """Have `tell` called for each request from now on; returns what ends that."""
        self._followers.add(tell)
        return lambda: self._followers.discard(tell)
