"""An entry's place in a context, which it may leave for one in another context.

What an entry is made of holds the seat and never the context itself, so that all of it goes along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.entries.behind import answers
from kfwd.entries.entry import Context
from kfwd.entries.states import Fault
from kfwd.kube.cluster import Cluster
from kfwd.model import Problem
from kfwd.tunnel.pod import PodSessions
from kfwd.tunnel.podref import PodRef
from kfwd.tunnel.pool import Sessions


class Seat:
    """A `Context` in place of the one it is in now."""

    def __init__(self, context: Context) -> None:
        self.pool: Sessions = _Pool(self)
        self.context = context
        self._heard: dict[object, tuple[Callable[[], None], Callable[[], None]]] = {}

    @property
    def name(self) -> str:
        return self.context.name

    @property
    def namespace(self) -> str | None:
        return self.context.namespace

    @property
    def fault(self) -> Fault | None:
        return self.context.fault

    @property
    def refused(self) -> Problem | None:
        return self.context.refused

    @property
    def current(self) -> Cluster | None:
        return self.context.current

    @property
    def server(self) -> str | None:
        """The API server, where it answered last."""
        return self.current.server.authority if answers(self) and self.current else None

    @property
    def latency_ms(self) -> float | None:
        """What `Cluster.latency_ms` is."""
        return self.current.latency_ms if self.current else None

    async def cluster(self) -> Cluster:
        """The cluster of the context it is in by then, as soon as there is one."""
        while (current := self.current) is None:
            changed = asyncio.Event()
            forget = self.on_change(changed.set)
            try:
                await changed.wait()
            finally:
                forget()
        return current

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when the context changes, or becomes another one."""
        key = object()
        self._heard[key] = (callback, self.context.on_change(callback))

        def forget() -> None:
            if (heard := self._heard.pop(key, None)) is not None:
                heard[1]()

        return forget

    def move(self, context: Context) -> None:
        """Be in another context from now on."""
        self.context = context
        for key, (callback, forget) in list(self._heard.items()):
            forget()
            self._heard[key] = (callback, context.on_change(callback))
        for callback, _ in list(self._heard.values()):
            callback()


class _Pool:
    """The sessions of the context that a seat is in."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    @property
    def transport(self) -> str | None:
        return self._seat.context.pool.transport

    def pod(self, ref: PodRef) -> PodSessions:
        return self._seat.context.pool.pod(ref)
