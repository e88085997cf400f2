"""One object by its name: from its namespace's reflector while that may list and watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Generic

from kfwd.errors import Forbidden, KfwdError
from kfwd.kube.objects import T
from kfwd.kube.reflector import Mode, Reflector
from kfwd.kube.subscribers import Subscribers, Wake


class Named(Generic[T]):
    """A source of a single object that needs no right on its whole namespace.

    While `wide`, the namespace's reflector, is forbidden to list or watch, a reflector of that one
    object takes its place: `narrow()` lends it. Whichever works is shown.
    """

    def __init__(
        self, wide: Reflector[T], narrow: Callable[[], AbstractContextManager[Reflector[T]]]
    ) -> None:
        self._wide = wide
        self._borrow = narrow
        self._narrow: Reflector[T] | None = None
        self._borrowed = ExitStack()
        self._subscribers = Subscribers()
        self._unsubscribe = wide.subscribe(self._changed)
        self._choose()

    @property
    def _source(self) -> Reflector[T]:
        return self._narrow or self._wide

    @property
    def objects(self) -> Mapping[str, T]:
        return self._source.objects

    @property
    def synced(self) -> bool:
        return self._source.synced

    @property
    def problem(self) -> KfwdError | None:
        return self._source.problem

    @property
    def mode(self) -> Mode:
        return self._source.mode

    def subscribe(self, wake: Wake) -> Callable[[], None]:
        return self._subscribers.add(wake)

    def refresh(self) -> None:
        self._source.refresh()

    async def ready(self) -> None:
        await self._wide.ready()
        await self._source.ready()

    def close(self) -> None:
        self._unsubscribe()
        self._borrowed.close()
        self._narrow = None

    def _changed(self) -> None:
        self._choose()
        if self._narrow is None:
            self._subscribers.wake()

    def _choose(self) -> None:
        forbidden = isinstance(self._wide.problem, Forbidden)
        if forbidden and self._narrow is None:
            self._narrow = self._borrowed.enter_context(self._borrow())
            self._borrowed.callback(self._narrow.subscribe(self._subscribers.wake))
        elif self._narrow is not None and self._wide.problem is None:
            self._narrow = None
            self._borrowed.close()
