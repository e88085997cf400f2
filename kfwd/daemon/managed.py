"""A daemon under a service manager: says when it is ready, hands over, lives and stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Mapping

from kfwd.daemon.daemon import Daemon
from kfwd.daemon.fd_store import FdStore
from kfwd.errors import DaemonReplaced
from kfwd.service.notify import Notifier, reloading, watchdog_s
from kfwd.tasks import TaskSet

BEATS = 3
"""Signs of life within the time in which one is wanted."""


class Managed:
    """`ready`, then the rest, then `close`. Nothing of it does anything without a manager.

    `names` are those under which it may keep listeners of the process before.
    """

    def __init__(self, env: Mapping[str, str], names: Iterable[str] = ()) -> None:
        self._names = names
        self._notifier = Notifier(env.get("NOTIFY_SOCKET"))
        self._watchdog_s = watchdog_s(env, os.getpid())
        self._tasks = TaskSet("managed")
        self._left = False
        self._stopped = False

    def stop(self, daemon: Daemon) -> None:
        """The manager wants the daemon stopped, perhaps to start it again."""
        self._stopped = True
        daemon.stopping.set()

    def comes_again(self, daemon: Daemon) -> bool:
        """Whether listeners are left to the manager: unless a person had the daemon stopped."""
        asked = daemon.stopping.is_set() and not self._stopped
        return self._notifier.heard and not asked

    async def ready(self, daemon: Daemon) -> None:
        """Everything is bound and answers. This process is the one to watch from now on, and its
        listeners are to be kept.
        """
        pid = os.getpid()
        await self._notifier.say(f"MAINPID={pid}", "READY=1", f"STATUS=serving as pid {pid}")
        if not self._notifier.heard:
            return
        store = FdStore(self._notifier, daemon.doors, self._names)
        daemon.on_listeners = store.changed
        self._tasks.spawn(store.run(), "keep listeners")
        if self._watchdog_s is not None:
            self._tasks.spawn(self._live(self._watchdog_s / BEATS), "watchdog")

    @contextlib.asynccontextmanager
    async def reloading(self, what: str) -> AsyncIterator[None]:
        """While files are read, or another process is started to go on."""
        await self._notifier.say(*reloading(), f"STATUS={what}")
        try:
            yield
        finally:
            if not self._left:
                await self._notifier.say("READY=1", f"STATUS=serving as pid {os.getpid()}")

    def reload_soon(self, daemon: Daemon) -> None:
        """Have the daemon read every file again."""
        self._tasks.spawn(self._reload(daemon), "reload")

    def leave(self, pid: int) -> None:
        """Another process, `pid`, speaks to the service manager from now on.

        It says so itself too, but may not be known for one of the service before this one vouches.
        """
        self._left = True
        self._notifier.tell(f"MAINPID={pid}", "READY=1")
        self._notifier.close()

    async def stopping(self) -> None:
        """Say so. What the manager has kept it may need for the next process."""
        await self._tasks.close()
        await self._notifier.say("STOPPING=1", "STATUS=stopping")

    async def close(self) -> None:
        await self._tasks.close()
        self._notifier.close()

    async def _reload(self, daemon: Daemon) -> None:
        with contextlib.suppress(DaemonReplaced):
            async with self.reloading("reading files"):
                await daemon.reload_all()

    async def _live(self, every_s: float) -> None:
        while True:
            self._notifier.tell("WATCHDOG=1")
            await asyncio.sleep(every_s)
