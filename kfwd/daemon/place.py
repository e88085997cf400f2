"""Where clients look for the daemon: it is there again when somebody has removed that.

A user's runtime folder goes with the last session, though a daemon may live on, and cleaners of
`/tmp` take what is old. A daemon without its socket could not be asked nor stopped, and one without
its lock would not keep a second one from its ports.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from kfwd.daemon.api.server import Server
from kfwd.daemon.daemon import Daemon
from kfwd.daemon.lock import Control, Lock, bind_control
from kfwd.errors import KfwdError
from kfwd.paths import prepare_folder

log = logging.getLogger(__name__)

LOOK_S = 2.0


class Place:
    """The control socket and the lock as they lie on disk."""

    def __init__(self, daemon: Daemon, server: Server, lock: Lock, control: Control) -> None:
        self._daemon = daemon
        self._server = server
        self._lock = lock
        self._control = control

    async def keep(self) -> None:
        """Look every `LOOK_S`, for ever; what is gone is made anew as soon as it can be."""
        path, said = self._daemon.paths.socket, ""
        seen = await asyncio.to_thread(_identity, path)
        while True:
            await asyncio.sleep(LOOK_S)
            if await asyncio.to_thread(_identity, path) == seen:
                continue
            try:
                await self._make()
            except (KfwdError, OSError) as error:
                if said != str(error):
                    log.warning("%s was removed and cannot be made anew: %s", path, error)
                said = str(error)
            else:
                seen, said = await asyncio.to_thread(_identity, path), ""

    async def _make(self) -> None:
        """The lock first, as at the start; not while the daemon is handed over."""
        async with self._daemon.changes.lock:
            if not self._lock.mine:
                return
            prepare_folder(self._daemon.paths.runtime)
            self._lock.renew()
            fresh = bind_control(self._daemon.paths.socket)
            await self._server.pause()
            await self._server.start(fresh)
            self._control.sock.close()
            self._control.sock = fresh
        log.warning("%s was removed: made anew", self._daemon.paths.socket)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
