"""What survives a restart: what is up, what it was pinned to, and what was learned.

The file is JSON, replaced whole: written beside, fsynced, renamed, and the folder fsynced, so that
a crash leaves the old one or the new one. A file that cannot be read is set aside, never deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from kfwd import decoding, whole_file
from kfwd.backoff import Backoff
from kfwd.errors import NOT_JSON
from kfwd.model import ContextRef, Problem, ProfileSpec, Wanted
from kfwd.tunnel.transports import Known

HANGS_S = 2.0
"""How long a write may hold up an end; a disk that takes longer may never answer."""


class UpProfile(Struct, frozen=True, kw_only=True):
    """A profile that is up: the last valid reading of its file, and the context it is pinned to.

    `moved` is the context that its entries were switched to meanwhile.
    """

    spec: ProfileSpec
    context: ContextRef
    moved: ContextRef | None = None

    @property
    def current(self) -> ContextRef:
        """Where its entries are."""
        return self.moved or self.context


class Saved(Struct, kw_only=True):
    """The state file. `ports` are the free ports chosen, by entry id and then by remote port."""

    version: Literal[1] = 1
    profiles: dict[str, UpProfile] = field(default_factory=dict)
    adhoc: dict[str, Wanted] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    ports: dict[str, dict[str, int]] = field(default_factory=dict)
    transports_known: dict[str, Known] = field(default_factory=dict)


def encode(saved: Saved) -> bytes:
    """The file's bytes, indented: people look into it."""
    return msgspec.json.format(msgspec.json.encode(saved, order="deterministic"), indent=1)


def load(path: Path) -> tuple[Saved | None, Problem | None]:
    """What was saved. None if there is no file or, with a problem, no file that can be read."""
    try:
        return decoding.decode(path.read_bytes(), Saved), None
    except FileNotFoundError:
        return None, None
    except (*NOT_JSON, OSError) as error:
        return None, _set_aside(path, error)


def _set_aside(path: Path, error: Exception) -> Problem:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    kept = "it stays where it is"
    with contextlib.suppress(OSError):
        path.rename(aside)
        kept = f"it is kept as {aside}"
    reason = error.strerror if isinstance(error, OSError) else error
    return Problem(
        code="state-unreadable",
        severity="warning",
        text=f"the state file {path} cannot be read ({reason}); {kept}, profiles were started anew",
        hint="ad-hoc entries must be added again with `kfwd add`",
    )


def write(path: Path, data: bytes) -> None:
    """Replace `path` by `data` so that a crash leaves one or the other. Raises `OSError`."""
    whole_file.replace(path, data, 0o600)
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Saver:
    """Writes what changed, in a thread, one write at a time, however many changes there were.

    A write that fails (a full disk) raises a problem and is tried again; nothing else stops.
    `failing` says whether the last one did.
    """

    def __init__(
        self,
        path: Path,
        take: Callable[[], bytes],
        report: Callable[[Problem | None], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._path = path
        self._take = take
        self._report = report
        self._backoff = backoff or Backoff(first=1.0)
        self._changed = asyncio.Event()
        self._wanted = 0
        self._tried = 0
        self._left = False
        self._writing: asyncio.Future[None] | None = None
        self.failing = False
        self._waiting: dict[asyncio.Future[None], int] = {}

    def changed(self) -> None:
        """Note that what `take` returns is not what is on disk."""
        self._wanted += 1
        self._changed.set()

    async def saved(self) -> None:
        """Wait until everything up to now has been written, or a write of it has failed."""
        if self._tried < self._wanted:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[waiter] = self._wanted
            try:
                await waiter
            finally:
                self._waiting.pop(waiter, None)

    async def run(self) -> None:
        """Write whenever something changed; ends only by cancellation."""
        while True:
            await self._changed.wait()
            delay = await self.write()
            if delay is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._changed.wait()
                self._changed.set()

    def leave(self) -> None:
        """Write no more: the file is another process's."""
        self._left = True

    async def write(self) -> float | None:
        """Write once. Returns None, or the seconds to wait before trying again."""
        self._changed.clear()
        wanted = self._wanted
        now = asyncio.get_running_loop().time
        try:
            if not self._left:
                await self._whole(asyncio.to_thread(write, self._path, self._take()))
        except OSError as error:
            self.failing = True
            self._report(_not_saved(self._path, error))
            return self._backoff.failed(now())
        else:
            self.failing = False
            self._report(None)
            self._backoff.succeeded(now())
            return None
        finally:
            self._release(wanted)

    async def close(self) -> None:
        """Write what is left, but not beside a write that hangs, and wait for no disk that does."""
        if self._writing is None or self._writing.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HANGS_S):
                    await self.write()

    async def _whole(self, writing: Coroutine[Any, Any, None]) -> None:
        """Await a write to its end, also when cancelled: of two at once the older could come last.

        From then on `HANGS_S` is enough.
        """
        self._writing = asyncio.ensure_future(writing)  # noqa: TID251  # awaited right here
        try:
            await asyncio.shield(self._writing)
        except asyncio.CancelledError:
            done, _ = await asyncio.wait([self._writing], timeout=HANGS_S)
            with contextlib.suppress(OSError):
                for task in done:
                    task.result()
            raise

    def _release(self, tried: int) -> None:
        self._tried = tried
        for waiter, goal in self._waiting.items():
            if goal <= tried and not waiter.done():
                waiter.set_result(None)


def _not_saved(path: Path, error: OSError) -> Problem:
    return Problem(
        code="state-not-saved",
        severity="warning",
        text=f"what is up could not be saved to {path}: {error.strerror or error}",
        hint="everything keeps running; once the file can be written it is saved by itself",
    )
