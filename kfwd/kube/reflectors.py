"""The reflectors of one context, shared: one a kind and namespace, however many look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kfwd.kube.api import Api
from kfwd.kube.named import Named
from kfwd.kube.objects import Kind, T
from kfwd.kube.reflector import Pace, Reflector, Source
from kfwd.tasks import TaskSet

_Key = tuple[str, str | None, str | None]


class _Shared:
    """A running reflector and how many use it."""

    def __init__(self, reflector: Reflector[Any], task: asyncio.Task[None]) -> None:
        self.reflector = reflector
        self.task = task
        self.users = 0


class Reflectors:
    """Lends reflectors. One runs from its first user to its last."""

    def __init__(self, api: Api, context: str, *, pace: Pace | None = None) -> None:
        self._api = api
        self._pace = pace or Pace()
        self._tasks = TaskSet(f"reflectors/{context}")
        self._shared: dict[_Key, _Shared] = {}

    def __len__(self) -> int:
        return len(self._shared)

    @contextmanager
    def use(
        self, kind: Kind[T], namespace: str | None, name: str | None = None
    ) -> Iterator[Source[T]]:
        """A source of the objects of `kind` in `namespace` (None: all, or not namespaced).

        With `name` only that object is promised to be there: it may be all that we may see.
        """
        with self._lend(kind, namespace, None) as wide:
            if name is None:
                yield wide
                return
            named = Named(wide, lambda: self._lend(kind, namespace, name))
            try:
                yield named
            finally:
                named.close()

    def refresh(self) -> None:
        """Have all of them look again at once."""
        for shared in self._shared.values():
            shared.reflector.refresh()

    def restart(self) -> None:
        """Have all of them look again at once, and as if nothing had failed yet."""
        for shared in self._shared.values():
            shared.reflector.restart()

    async def close(self) -> list[str]:
        """Stop all. Returns the names of those that did not stop in time."""
        return await self._tasks.close()

    @contextmanager
    def _lend(
        self, kind: Kind[T], namespace: str | None, name: str | None
    ) -> Iterator[Reflector[T]]:
        key = (kind.path(), namespace, name)
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = self._start(kind, namespace, name)
        shared.users += 1
        try:
            yield shared.reflector
        finally:
            shared.users -= 1
            if not shared.users:
                del self._shared[key]
                shared.task.cancel()

    def _start(self, kind: Kind[T], namespace: str | None, name: str | None) -> _Shared:
        reflector = Reflector(self._api, kind, namespace, name, pace=self._pace)
        return _Shared(reflector, self._tasks.spawn(reflector.run(), str(reflector)))
