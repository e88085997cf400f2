"""Changes of what is wanted: one at a time, each to its end, then to disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kfwd.daemon.state import Saver
from kfwd.errors import DaemonReplaced, KfwdError
from kfwd.tasks import TaskSet

T = TypeVar("T")

SAVE_WAIT_S = 2.0
"""How long an answer waits for its change to reach the disk; after that it is sent all the same."""


class Changes:
    """Once `over`, another process is the daemon and has to be asked."""

    def __init__(self, tasks: TaskSet, saver: Saver) -> None:
        self.over = False
        self.lock = asyncio.Lock()
        self._tasks = tasks
        self._saver = saver

    async def run(self, change: Callable[[], Awaitable[T]]) -> T:
        """Carry a change out, even if whoever asked for it hangs up."""
        result = await asyncio.shield(self._tasks.spawn(self._alone(change), "change"))
        if isinstance(result, KfwdError):
            raise result
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAVE_WAIT_S):
                await self._saver.saved()
        return result

    def check(self) -> None:
        """Raise `DaemonReplaced` once it is over."""
        if self.over:
            raise DaemonReplaced("the daemon was just replaced", hint="ask again")

    async def _alone(self, change: Callable[[], Awaitable[T]]) -> T | KfwdError:
        try:
            async with self.lock:
                self.check()
                return await change()
        except KfwdError as error:
            return error
