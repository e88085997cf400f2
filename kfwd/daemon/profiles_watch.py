"""Notices that profile files changed, by looking: it works on every file system.

Rules of this file. Looking is done in a thread: a file server that hangs must not stop the
daemon. A change counts when two looks in a row see the same, so a file is not read
while an editor writes it. A file that is gone counts as deleted after 2 s: editors write beside and
rename.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from msgspec import Struct

from kfwd.errors import DaemonReplaced
from kfwd.profiles.store import Fingerprint, fingerprint

LOOK_S = 0.5
DELETED_S = 2.0


class Change(Struct, frozen=True):
    """A profile whose file is new to us, or `deleted`."""

    name: str
    deleted: bool = False


class Watch:
    """Compares looks at the folder. Pure; the clock (seconds) is a parameter."""

    def __init__(self) -> None:
        self._known: dict[str, object] = {}
        self._last: Fingerprint = {}
        self._gone_since: dict[str, float] = {}

    def look(self, now: float, seen: Fingerprint, up: Collection[str]) -> list[Change]:
        """What changed of the profiles that are up. The first settled look at one is a change."""
        last, self._last = self._last, seen
        for name in set(self._known) - set(up):
            self._forget(name)
        changes = [self._look_at(name, now, seen.get(name), last.get(name)) for name in sorted(up)]
        return [change for change in changes if change is not None]

    def _look_at(self, name: str, now: float, seen: object, last: object) -> Change | None:
        if seen is None:
            since = self._gone_since.setdefault(name, now)
            return Change(name, deleted=True) if now - since >= DELETED_S else None
        self._gone_since.pop(name, None)
        if seen != last or seen == self._known.get(name):
            return None
        self._known[name] = seen
        return Change(name)

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._gone_since.pop(name, None)


async def watch_profiles(
    folder: Path,
    up: Callable[[], Collection[str]],
    act: Callable[[Sequence[Change]], Awaitable[None]],
) -> None:
    """Look twice a second and act on what changed.

    What another daemon is to act on is left to that.
    """
    watch, now = Watch(), asyncio.get_running_loop().time
    while True:
        seen = await asyncio.to_thread(fingerprint, folder)
        if changes := watch.look(now(), seen, up()):
            with contextlib.suppress(DaemonReplaced):
                await act(changes)
        await asyncio.sleep(LOOK_S)
