"""A work queue without a worker: each key is reconciled once per turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Key = tuple[str, str]


class Queue:
    """Runs `reconcile(namespace, name)` soon after `add`, however often it was added.

    Reconciling reads and writes the store and never waits. An error goes to the loop's exception
    handler; the next change of the object tries again.
    """

    def __init__(self, reconcile: Callable[[str, str], None]) -> None:
        self._reconcile = reconcile
        self._soon: dict[Key, asyncio.Handle] = {}
        self._later: dict[Key, asyncio.TimerHandle] = {}

    def add(self, namespace: str, name: str) -> None:
        key = (namespace, name)
        if key not in self._soon:
            self._soon[key] = asyncio.get_running_loop().call_soon(self._run, key)

    def add_later(self, namespace: str, name: str, delay_s: float) -> None:
        """Add after `delay_s`; of several for one key the last counts."""
        key = (namespace, name)
        if old := self._later.pop(key, None):
            old.cancel()
        self._later[key] = asyncio.get_running_loop().call_later(delay_s, self._due, key)

    def _due(self, key: Key) -> None:
        self._later.pop(key, None)
        self.add(*key)

    def _run(self, key: Key) -> None:
        self._soon.pop(key, None)
        self._reconcile(*key)

    def close(self) -> None:
        for handle in (*self._soon.values(), *self._later.values()):
            handle.cancel()
        self._soon.clear()
        self._later.clear()
