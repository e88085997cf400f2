"""A stream of the daemon, read in the background for as long as somebody looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from kfwd.backoff import Backoff
from kfwd.client import live
from kfwd.client.calls import Client
from kfwd.client.feeds import Feed
from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet

E = TypeVar("E")

FIRST_S = 0.1
CAP_S = 3.0


class Following(Generic[E]):
    """One stream at a time, opened again when it breaks.

    `took` gets what came, and whether a stream begins with it: what was told before may no longer
    be so. `failed` gets why there is no stream now.
    """

    def __init__(
        self,
        client: Client,
        tasks: TaskSet,
        took: Callable[[list[E], bool], None],
        failed: Callable[[KfwdError], None],
    ) -> None:
        self._client = client
        self._tasks = tasks
        self._took = took
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def follow(self, feed: Feed[E]) -> None:
        """Leave what was followed for this."""
        self.stop()
        self._task = self._tasks.spawn(self._run(feed), "following")

    def stop(self) -> None:
        """Nothing more comes, from now on."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, feed: Feed[E]) -> None:
        backoff = Backoff(first=FIRST_S, cap=CAP_S)
        while True:
            try:
                await self._once(feed, backoff)
            except KfwdError as error:
                self._failed(error)
            await asyncio.sleep(backoff.failed(time.monotonic()))

    async def _once(self, feed: Feed[E], backoff: Backoff) -> None:
        begins = True
        async with aclosing(live.follow(self._client, feed)) as found:
            async for events in found:
                backoff.succeeded(time.monotonic())
                self._took(events, begins)
                begins = False
