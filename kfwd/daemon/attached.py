"""Entries that end with a process: each lives as long as a request holds on to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kfwd.api_model import ATTACH_WITHIN_S
from kfwd.model import Wanted


class Attached:
    """Ad-hoc entries that no state file knows. `end` is called when nothing holds one any more."""

    def __init__(self, end: Callable[[str], None], within_s: float = ATTACH_WITHIN_S) -> None:
        self.entries: dict[str, Wanted] = {}
        self._end = end
        self._within_s = within_s
        self._holders: Counter[str] = Counter()
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    def expect(self, wanted: Wanted) -> None:
        """Add an entry; somebody must hold it soon."""
        self.entries[wanted.id] = wanted
        self._cancel(wanted.id)
        loop = asyncio.get_running_loop()
        self._deadlines[wanted.id] = loop.call_later(self._within_s, self._expire, wanted.id)

    def inherit(self, wanted: Wanted) -> None:
        """Add an entry whose holder is with another process until `expect` says otherwise."""
        self.entries[wanted.id] = wanted

    def discard(self, id: str) -> None:
        self.entries.pop(id, None)
        self._cancel(id)

    @contextmanager
    def hold(self, id: str) -> Iterator[None]:
        """Keep the entry for as long as this lasts. Entries of other kinds are not affected."""
        self._holders[id] += 1
        self._cancel(id)
        try:
            yield
        finally:
            self._holders[id] -= 1
            if not self._holders[id]:
                del self._holders[id]
                self._expire(id)

    def leave(self) -> tuple[Wanted, ...]:
        """All of them, that end no more with their holders: another process has them."""
        entries = tuple(self.entries.values())
        self.entries.clear()
        self.close()
        return entries

    def close(self) -> None:
        for id in list(self._deadlines):
            self._cancel(id)

    def _expire(self, id: str) -> None:
        self._deadlines.pop(id, None)
        if id in self.entries and not self._holders[id]:
            self._end(id)

    def _cancel(self, id: str) -> None:
        if deadline := self._deadlines.pop(id, None):
            deadline.cancel()
