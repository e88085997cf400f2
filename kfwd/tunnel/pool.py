"""All sessions of one context, by pod, and the bounds that hold across pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from kfwd.backoff import Backoff
from kfwd.errors import KfwdError, SessionLost
from kfwd.tasks import TaskSet
from kfwd.tunnel import channels
from kfwd.tunnel.channels import Channel
from kfwd.tunnel.dial import Dialled
from kfwd.tunnel.pod import PodSessions
from kfwd.tunnel.podref import PodRef, SessionCut
from kfwd.tunnel.session import Session

SESSIONS_MAX = 512
TIDY_S = 15.0


class Dials(Protocol):
    """The way to a new session (`Dialer`)."""

    @property
    def transport(self) -> str | None: ...

    async def dial(self, namespace: str, pod: str, port: int | None) -> Dialled | None: ...


class Sessions(Protocol):
    """Where those who connect get sessions from (`Pool`)."""

    @property
    def transport(self) -> str | None: ...

    def pod(self, ref: PodRef) -> PodSessions: ...


class Pool:
    """One a context. `close()` ends every session; nothing may be opened after it.

    `on_cut` is told of each session that ends against our will.
    """

    def __init__(
        self,
        name: str,
        dialer: Dials,
        on_cut: Callable[[SessionCut], None] = lambda cut: None,
    ) -> None:
        self.tasks = TaskSet(f"pool {name}")
        self.on_cut = on_cut
        self._dialer = dialer
        self._pods: dict[PodRef, PodSessions] = {}
        self._tidy: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Sessions that are up or being dialled."""
        return sum(len(pod) for pod in self._pods.values())

    @property
    def transport(self) -> str | None:
        """The transport that worked last in this context."""
        return self._dialer.transport

    def pod(self, ref: PodRef) -> PodSessions:
        """The sessions to a pod. Forgotten when nobody watches, waits or is connected."""
        if self._closed:
            raise SessionLost("the context is closed")
        if ref not in self._pods:
            self._pods[ref] = PodSessions(ref, self, Backoff())
            self._schedule_tidy(TIDY_S)
        return self._pods[ref]

    @property
    def full(self) -> bool:
        """Whether no session may be dialled unless one ends."""
        return self._closed or len(self) >= SESSIONS_MAX

    def admits(self, pod: PodSessions) -> bool:
        """Whether one more session may be dialled; if need be a free one of another pod ends."""
        if self.full and not self._closed:
            self._evict(pod)
        return not self.full

    async def connect(
        self, ref: PodRef, pod: PodSessions, port: int | None
    ) -> Session | Channel | None:
        """Dial for a connection to `port`, or for none yet. Returns and raises what `Dialer.dial`
        does: a `Channel` goes to that port alone.
        """
        dialled = await self._dialer.dial(ref.namespace, ref.name, port)
        if dialled is None:
            return None
        if self._closed:
            dialled.pipe.abort()
            raise SessionLost("the context is closed")
        if port is not None and dialled.transport == channels.TRANSPORT:
            return Channel(dialled.pipe, dialled.rest, port, pod)
        session = Session(dialled.pipe, dialled.transport, pod)
        session.start(dialled.rest)
        if not session.alive:
            session.close()
            raise SessionLost("the session ended as soon as it was up")
        return session

    def room_made(self) -> None:
        """A session ended or became free: others may be waiting for its place."""
        if not self._closed and any(pod.waiting for pod in self._pods.values()):
            asyncio.get_running_loop().call_soon(self._assign_waiting)

    def way_changed(self) -> None:
        """The machine slept or the network changed: trust nothing that was up, wait for nothing."""
        for pod in list(self._pods.values()):
            pod.way_changed()

    def tidy_soon(self) -> None:
        """Forget unused pods in the next turn of the loop."""
        self._schedule_tidy(0.0)

    async def close(self, error: KfwdError | None = None) -> list[str]:
        """End all sessions and dials; names of the tasks that did not stop in time."""
        self._closed = True
        if self._tidy is not None:
            self._tidy.cancel()
        for pod in self._pods.values():
            pod.close(error or SessionLost("the daemon closes this context"))
        return await self.tasks.close()

    def _assign_waiting(self) -> None:
        for pod in list(self._pods.values()):
            if pod.waiting and not self._closed:
                pod.assign()

    def _evict(self, for_pod: PodSessions) -> bool:
        others = (pod for pod in self._pods.values() if pod is not for_pod)
        return for_pod.give_up_finished() or any(pod.give_up_free() for pod in others)

    def _schedule_tidy(self, delay: float) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._tidy is not None:
            if self._tidy.when() <= loop.time() + delay:
                return
            self._tidy.cancel()
        self._tidy = loop.call_later(delay, self._tidy_now)

    def _tidy_now(self) -> None:
        self._tidy = None
        now = asyncio.get_running_loop().time()
        for ref, pod in list(self._pods.items()):
            pod.tidy(now)
            if pod.idle:
                pod.close(SessionLost("no longer used"))
                del self._pods[ref]
        if self._pods:
            self._schedule_tidy(TIDY_S)
