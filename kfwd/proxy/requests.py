"""The requests that an entry has seen lately, for those who asked for that to be kept.

Never a body, a query or a header but Host: those hold what must not be in a log.
"""

from __future__ import annotations

import asyncio
from collections import deque

from kfwd.api_model import RequestView

KEPT = 1000
WAITING_MAX = 1000
"""Requests that may wait for one follower; the oldest are dropped, for they are only lines."""


class RequestLog:
    """The newest requests of one entry, oldest first, and whoever follows them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._seen: deque[RequestView] = deque(maxlen=kept)
        self._followers: set[Follower] = set()

    @property
    def seen(self) -> tuple[RequestView, ...]:
        return tuple(self._seen)

    def note(self, request: RequestView) -> None:
        self._seen.append(request)
        for follower in tuple(self._followers):
            follower.push(request)

    def follow(self) -> Follower:
        """Every request from now on; the caller closes it."""
        follower = Follower(self)
        self._followers.add(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        self._followers.discard(follower)


class Follower:
    """Requests as they come. Iteration ends when it is closed."""

    def __init__(self, log: RequestLog) -> None:
        self._log = log
        self._waiting: deque[RequestView] = deque(maxlen=WAITING_MAX)
        self._ready = asyncio.Event()
        self._over = False

    def push(self, request: RequestView) -> None:
        self._waiting.append(request)
        self._ready.set()

    def close(self) -> None:
        self._over = True
        self._ready.set()
        self._log.leave(self)

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> RequestView:
        while not self._over:
            self._ready.clear()
            if self._waiting:
                return self._waiting.popleft()
            await self._ready.wait()
        raise StopAsyncIteration
