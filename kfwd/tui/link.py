"""The TUI's connection to the daemon: attach, follow, attach again to the next one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from enum import Enum

from kfwd.backoff import Backoff
from kfwd.client import feeds, live
from kfwd.client.calls import Client
from kfwd.errors import DaemonUnreachable, KfwdError
from kfwd.model import AnyEvent

RESTART_S = 5.0
"""How long a daemon that went away is taken to be restarting."""
FIRST_S = 0.05
CAP_S = 1.0


class Standing(Enum):
    """How things are between us and the daemon."""

    CONNECTING = "connecting"
    LIVE = "live"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    REFUSED = "refused"


class Link:
    """Follows the daemon's events for ever; `run` is the life of it.

    `took` gets the events, `moved` is called when `standing` has changed. `trouble` says why the
    daemon refuses, in words.
    """

    def __init__(
        self,
        client: Client,
        took: Callable[[list[AnyEvent]], None],
        moved: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.standing = Standing.CONNECTING
        self.trouble = ""
        self._client = client
        self._took = took
        self._moved = moved
        self._clock = clock
        self._lost: float | None = None
        self._again = asyncio.Event()

    async def run(self) -> None:
        backoff = Backoff(first=FIRST_S, cap=CAP_S)
        while True:
            standing = await self._attached(backoff)
            self._stand(standing)
            self._again.clear()
            try:
                async with asyncio.timeout(backoff.failed(self._clock())):
                    await self._again.wait()
            except TimeoutError:
                continue

    def hurry(self) -> None:
        """Try at once: a daemon has just been started."""
        self._lost = None
        self._again.set()

    async def _attached(self, backoff: Backoff) -> Standing:
        """One connection from beginning to end; how things are after it."""
        try:
            async with aclosing(live.follow(self._client, feeds.events())) as found:
                async for events in found:
                    backoff.succeeded(self._clock())
                    self._took(events)
                    self._stand(Standing.LIVE)
        except DaemonUnreachable:
            return self._gone()
        except KfwdError as error:
            self.trouble = error.text
            return Standing.REFUSED
        self._lost = self._clock()
        return Standing.RESTARTING

    def _gone(self) -> Standing:
        """A daemon we had may be restarting; one that never was is not there."""
        if self._lost is not None and self._clock() - self._lost < RESTART_S:
            return Standing.RESTARTING
        return Standing.STOPPED

    def _stand(self, standing: Standing) -> None:
        if standing is not self.standing:
            self.standing = standing
            self._moved()
