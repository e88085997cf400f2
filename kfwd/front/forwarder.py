"""Everything local of one forwarded port: its listeners, the waiting room, and its connections.

A front is told what is behind it (`serve`) and tells what it sees (`problem`, `session_up`). It
knows no targets, profiles or contexts.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from kfwd.errors import KfwdError, NotReady
from kfwd.front.connection import Connection
from kfwd.front.counters import Counters
from kfwd.front.listener import Listener, bind_all
from kfwd.front.replay import Budget
from kfwd.model import Problem
from kfwd.resolve.endpoints import Endpoint
from kfwd.tasks import TaskSet
from kfwd.tunnel.pod import PodRef, PodSessions
from kfwd.tunnel.pool import Pool

WAITING_MAX = 512


class Front:
    """One forwarded port. `bind` before `serve`; `close` ends it for good.

    `on_change` is called when what the properties say may have changed, `look_again` when a pod
    turned out to be gone before the watch said so, `on_accept` for each accepted connection.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        *,
        budget: Budget,
        hold_s: float,
        on_change: Callable[[], None],
        look_again: Callable[[], None],
        on_accept: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.budget = budget
        self.hold_s = hold_s
        self.look_again = look_again
        self.counters = Counters()
        self.problem: Problem | None = None
        self._pool = pool
        self._on_change = on_change
        self._on_accept = on_accept
        self._log = logging.LoggerAdapter(logging.getLogger(__name__), {"entry": name})
        self._tasks = TaskSet(f"front {name}")
        self._listener: Listener | None = None
        self._connections: set[Connection] = set()
        self._endpoints: tuple[Endpoint, ...] = ()
        self._change: asyncio.Future[None] | None = None
        self._kept: PodSessions | None = None
        self._was_good = False
        self._reconnects = 0
        self._let_go: Callable[[], None] = lambda: None

    def bind(self, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        """Listen; returns where, for example `127.0.0.1:8080`. Port 0 is a free one.

        Raises `PortInUse` and other `KfwdError`s of `listener.bind_all`.
        """
        self._listener = Listener(bind_all(addresses, port), self._accepted)
        return self._listener.addresses

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens."""
        return self._listener.addresses if self._listener else ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return self._endpoints

    @property
    def session_up(self) -> bool:
        """Whether a session to the chosen endpoint is up, or the last one was good."""
        return self._kept is not None and self._kept.good

    @property
    def session_error(self) -> KfwdError | None:
        """Why there is no session to the chosen endpoint."""
        return self._kept.error if self._kept is not None and not self._kept.good else None

    @property
    def transport(self) -> str | None:
        """What carries the sessions to the chosen endpoint."""
        return self._kept.transport if self._kept is not None else None

    @property
    def reconnects(self) -> int:
        return self._reconnects + (self._kept.reconnects if self._kept is not None else 0)

    @property
    def connections(self) -> tuple[Connection, ...]:
        return tuple(self._connections)

    def serve(self, endpoints: Sequence[Endpoint]) -> None:
        """What is behind the listeners from now on, best first; nothing: connections wait.

        Connections that are open stay where they are.
        """
        if tuple(endpoints) == self._endpoints:
            return
        self._endpoints = tuple(endpoints)
        self._keep(self.pod(self._endpoints[0]) if self._endpoints else None)
        self._changed()

    def retry_now(self) -> None:
        """The world changed: do not wait for a back-off."""
        if self._kept is not None:
            self._kept.nudge()

    async def close(self) -> list[str]:
        """Unbind and end every connection; names of the tasks that did not stop in time."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._keep(None)
        return await self._tasks.close()

    def choose(self, avoid: Collection[str]) -> Endpoint | None:
        """The endpoint for a new connection, not one of the pods (by UID) in `avoid`."""
        return next((each for each in self._endpoints if each.uid not in avoid), None)

    def pod(self, endpoint: Endpoint) -> PodSessions:
        return self._pool.pod(PodRef(endpoint.namespace, endpoint.pod, endpoint.uid))

    def changed(self) -> asyncio.Future[None]:
        """Done when the endpoints change, or a session to the chosen one is up again."""
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        return self._change

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A place in the waiting room. Raises `NotReady` when it is full."""
        if self.counters.waiting >= WAITING_MAX:
            raise NotReady(f"{WAITING_MAX} connections wait already")
        self.counters.waiting += 1
        try:
            yield
        finally:
            self.counters.waiting -= 1

    def nothing_behind(self) -> str:
        """Why a connection was held for nothing."""
        if not self._endpoints:
            return "no ready endpoint"
        error = self.session_error
        return error.text if error is not None else "no session became free"

    def good(self, connection: Connection) -> None:
        """A connection reached a process."""
        if self.problem is not None:
            self.problem = None
            self._on_change()

    def refused(self, connection: Connection, text: str) -> None:
        """Every ready endpoint refused."""
        endpoint = connection.endpoint
        assert endpoint is not None
        if self.problem is None or self.problem.code != "port-refused":
            self.problem = Problem(
                code="port-refused",
                severity="warning",
                text=f"nothing listens on port {endpoint.port} in {endpoint.pod}",
                hint="check the container's port, or wait until it has started",
            )
            self._on_change()

    def failed(self, connection: Connection, reason: str) -> None:
        """A connection ended in a way its application must notice."""
        self.counters.failed += 1
        pod = connection.endpoint.pod if connection.endpoint else "no pod"
        self._log.warning("connection to %s ended: %s", pod, reason)

    def _accepted(self, sock: socket.socket) -> None:
        connection = Connection(self, sock)
        self.counters.total += 1
        self.counters.open += 1
        self._connections.add(connection)
        task = self._tasks.spawn(connection.run(), f"connection {self.counters.total}")
        task.add_done_callback(lambda _: self._gone(connection))
        self._on_accept()

    def _gone(self, connection: Connection) -> None:
        connection.abort()  # a task that is cancelled before its first step cleans up nothing
        self._connections.discard(connection)
        self.counters.open -= 1

    def _keep(self, pod: PodSessions | None) -> None:
        """Keep a session to the chosen endpoint, and to no other."""
        if pod is self._kept:
            return
        if self._kept is not None:
            self._reconnects += self._kept.reconnects
        self._let_go()
        self._kept, self._let_go = pod, lambda: None
        if pod is not None:
            self._was_good = pod.good
            self._let_go = pod.watch(self._kept_changed)

    def _kept_changed(self) -> None:
        """Sessions to the chosen endpoint came or went; those who wait for one may try again."""
        was_good, self._was_good = self._was_good, self.session_up
        if self._was_good and not was_good:
            self._changed()
        else:
            self._on_change()

    def _changed(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        self._change = None
        self._on_change()
