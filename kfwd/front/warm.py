"""Sessions kept up to the pods that a new connection may get, so that it need not wait for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kfwd.errors import KfwdError
from kfwd.resolve.endpoints import Endpoint
from kfwd.tunnel.pod import PodSessions
from kfwd.tunnel.podref import PodRef
from kfwd.tunnel.pool import Sessions

PODS_MAX = 64
"""Pods with a session kept for one port; the others are dialled when they are chosen."""


class Warm:
    """`changed` is called when what the properties say may have changed, `came_up` in its place
    when there is a session again to a pod that had none.
    """

    def __init__(
        self, pool: Sessions, *, changed: Callable[[], None], came_up: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._changed = changed
        self._came_up = came_up
        self._kept: dict[str, _Kept] = {}
        self._reconnects = 0

    @property
    def good(self) -> bool:
        """Whether a session to any of them is up, or the last one was good."""
        return any(each.pod.good for each in self._kept.values())

    @property
    def error(self) -> KfwdError | None:
        """Why there is no session to any of them."""
        if self.good:
            return None
        return next((each.pod.error for each in self._kept.values() if each.pod.error), None)

    @property
    def transport(self) -> str | None:
        """What carries the sessions."""
        known = (each.pod.transport for each in self._kept.values())
        return next((transport for transport in known if transport), None)

    @property
    def ping_s(self) -> float | None:
        """The quickest answer to a PING from any of them."""
        known = (each.pod.ping_s for each in self._kept.values())
        return min((ping for ping in known if ping is not None), default=None)

    @property
    def reconnects(self) -> int:
        return self._reconnects + sum(each.reconnects for each in self._kept.values())

    def pod(self, endpoint: Endpoint) -> PodSessions:
        return self._pool.pod(PodRef(endpoint.namespace, endpoint.pod, endpoint.uid))

    def keep(self, endpoints: Sequence[Endpoint]) -> None:
        """Keep a session to each of these (the first 64 of them), and to no other."""
        wanted = {each.uid: each for each in endpoints[:PODS_MAX]}
        for uid in self._kept.keys() - wanted.keys():
            kept = self._kept.pop(uid)
            self._reconnects += kept.reconnects
            kept.let_go()
        for uid, endpoint in wanted.items():
            if uid not in self._kept:
                self._kept[uid] = _Kept(self.pod(endpoint), self._tell)

    def fit(self, endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
        """Those without a session that fails, unless that leaves none."""
        return [each for each in endpoints if not self._fails(each)] or endpoints

    def retry_now(self) -> None:
        """The world changed: do not wait for a back-off."""
        for kept in self._kept.values():
            kept.pod.retry_now()

    def _fails(self, endpoint: Endpoint) -> bool:
        kept = self._kept.get(endpoint.uid)
        return kept is not None and not kept.pod.good and kept.pod.error is not None

    def _tell(self, came_up: bool) -> None:
        (self._came_up if came_up else self._changed)()


class _Kept:
    """A pod that is watched. `tell` gets whether a session to it came up."""

    def __init__(self, pod: PodSessions, tell: Callable[[bool], None]) -> None:
        self.pod = pod
        self._tell = tell
        self._was_good = pod.good
        self._before = pod.reconnects
        self.let_go = pod.watch(self._changed)

    @property
    def reconnects(self) -> int:
        """Since it is watched."""
        return self.pod.reconnects - self._before

    def _changed(self) -> None:
        was_good, self._was_good = self._was_good, self.pod.good
        self._tell(self._was_good and not was_good)
