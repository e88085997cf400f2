"""Everything local of one forwarded port: its listeners, the waiting room, and its connections.

A front is told what is behind it (`serve`) and tells what it sees (`problem`, `session_up`). It
knows no targets, profiles or contexts.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from kfwd.errors import KfwdError, NotReady
from kfwd.front.connection import Connection
from kfwd.front.direct import Direct
from kfwd.front.door import Door
from kfwd.front.local import Local, Peer
from kfwd.front.process import Processes
from kfwd.front.replay import Budget
from kfwd.front.spread import Spreader
from kfwd.front.standing import Standing, about_pod
from kfwd.front.warm import Warm
from kfwd.model import Problem, Spread
from kfwd.resolve.direct import Address, Destination
from kfwd.resolve.endpoints import Endpoint
from kfwd.tunnel.pool import Sessions
from kfwd.tunnel.stream import Opener

WAITING_MAX = 512


class Front(Door[Connection]):
    """One forwarded port. `bind` before `serve`; `close` ends it for good.

    `direct` has the addresses around the API server, where those are wanted.

    `on_change` is called when what the properties say may have changed, `look_again` when a pod
    turned out to be gone before the watch said so, `on_accept` for each accepted connection.
    """

    def __init__(
        self,
        name: str,
        pool: Sessions,
        *,
        budget: Budget,
        hold_s: float,
        on_change: Callable[[], None],
        look_again: Callable[[], None],
        on_accept: Callable[[], None] = lambda: None,
        spread: Spread = "first",
    ) -> None:
        super().__init__(f"front {name}")
        self.name = name
        self.budget = budget
        self.hold_s = hold_s
        self.look_again = look_again
        self.problem: Problem | None = None
        self._heard_of: str | None = None
        self._on_change = on_change
        self._on_accept = on_accept
        self._log = logging.LoggerAdapter(logging.getLogger(__name__), {"entry": name})
        self._endpoints: tuple[Endpoint, ...] = ()
        self._change: asyncio.Future[None] | None = None
        self._standing = Standing()
        self._warm = Warm(pool, changed=self._session_changed, came_up=self._changed)
        self.direct = Direct(name, self._direct_changed)
        self._spreader = Spreader(spread)
        self._rotation = Spreader("round-robin")
        self._processes = Processes()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """What is behind it, in the order in which connections go there."""
        return self._standing.order(self._endpoints)

    @property
    def session_up(self) -> bool:
        """Whether a session to an endpoint that may be chosen is up, or the last one was good."""
        return self._warm.good

    @property
    def session_error(self) -> KfwdError | None:
        """Why there is no session to any endpoint that may be chosen."""
        return self._warm.error

    @property
    def answers(self) -> bool:
        """Whether a process took the last connection, at a place that may still be chosen."""
        return self.problem is None and self._heard_of in self._places

    @property
    def ping_s(self) -> float | None:
        """From a PING on a session to its answer, where one was asked."""
        return self._warm.ping_s

    @property
    def transport(self) -> str | None:
        """What carries the sessions."""
        return self._warm.transport

    @property
    def reconnects(self) -> int:
        return self._warm.reconnects

    @property
    def ways(self) -> set[str]:
        """`direct`, `tunnel`, or both while connections stay on the one that is left."""
        open_ = {_way(each.endpoint) for each in self._served if each.state == "open"}
        if self.direct.answering:
            return open_ | {"direct"}
        return open_ | {"tunnel"} if self._tunnelled else open_

    def serve(self, endpoints: Sequence[Endpoint], addresses: Sequence[Address] = ()) -> None:
        """What is behind the listeners from now on, best first; nothing: connections wait.

        Where any of the addresses answers connections go there, else to an endpoint. Those that are
        open stay where they are.
        """
        if tuple(endpoints) == self._endpoints and tuple(addresses) == self.direct.addresses:
            return
        self._endpoints = tuple(endpoints)
        self.direct.serve(addresses)
        self._standing.forget(endpoints)
        self._spreader.forget((*endpoints, *addresses))
        self._rotation.forget(addresses)
        if self._heard_of not in self._places:
            self.problem = None
        self._direct_changed()

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        """Nothing is behind it until it is told anew: what was served is left for something else.

        Returns the tasks of connections that are open to what was; `end` cuts them off.
        """
        self.problem = None
        self.serve(())
        left = [task for each, task in self._served.items() if each.state == "open"]
        if end:
            for task in left:
                task.cancel()
        return left

    def retry_now(self) -> None:
        """The world changed: do not wait for a back-off."""
        self._warm.retry_now()
        self.direct.retry_now()

    async def close(self) -> list[str]:
        self._warm.keep(())
        return await super().close() + await self.direct.close()

    async def identify(self, sock: socket.socket | None, client: str) -> str:
        """Who is connected, as far as choosing asks: the local process, else the address."""
        if self._spreader.policy != "sticky" or sock is None:
            return client
        pid = await asyncio.to_thread(self._processes.of, sock)
        return f"pid {pid}" if pid is not None else client.rpartition(":")[0]

    def choose(self, avoid: Collection[str], client: str = "") -> Destination | None:
        """Where a new connection goes: not to one of the pods (by UID) in `avoid`."""
        if addresses := self.direct.answering:
            # Any node leads to the same pods: staying at the first would only wear that one out.
            rotates = self._stays and addresses[0].kind == "node-port"
            spreader = self._rotation if rotates else self._spreader
            return spreader.choose(addresses, client=client, load=self._load)
        endpoints = [each for each in self._tunnelled if each.uid not in avoid]
        fit = endpoints if self._stays else self._warm.fit(endpoints)
        return self._spreader.choose(fit, client=client, load=self._load)

    def has_other(self, avoid: Collection[str]) -> bool:
        """Whether there is an endpoint that is not in `avoid`."""
        return any(each.uid not in avoid for each in self._endpoints)

    def leaving(self, destination: Destination) -> bool:
        """Whether it is a pod that ends, or that is not behind the listeners any more."""
        if isinstance(destination, Address):
            return False
        return all(each.terminating for each in self._endpoints if each.uid == destination.uid)

    def opener(self, destination: Destination) -> Opener:
        """What opens connections to it."""
        if isinstance(destination, Address):
            return self.direct.place(destination)
        return self._warm.pod(destination)

    @property
    def _tunnelled(self) -> tuple[Endpoint, ...]:
        """The endpoints, unless it is not known yet whether an address answers."""
        return () if self.direct.undecided else self.endpoints

    @property
    def _places(self) -> set[str]:
        """The UIDs of all that may be chosen."""
        pods = {endpoint.uid for endpoint in self._endpoints}
        return pods | {address.uid for address in self.direct.addresses}

    @property
    def _stays(self) -> bool:
        """Whether every connection goes to the first endpoint."""
        return self._spreader.policy == "first"

    def _load(self) -> Counter[str]:
        """Connections by the endpoint they are at or wait for."""
        aims = (connection.aim for connection in self._served)
        return Counter(aim.uid for aim in aims if aim is not None)

    def changed(self) -> asyncio.Future[None]:
        """Done when the endpoints change, or a session to one of them is up again."""
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
            return self.direct.error or "no ready endpoint"
        error = self.session_error
        return error.text if error is not None else "no session became free"

    def reached(self, destination: Destination | None) -> None:
        """A connection reached a process there."""
        before = self.answers
        self.problem = None
        self._heard_of = destination.uid if destination is not None else None
        if self.answers is not before:
            self._on_change()

    def refused(self, endpoint: Destination) -> None:
        """Every ready endpoint refused, `endpoint` last."""
        self._heard_of = endpoint.uid
        if self.problem is None:
            self.problem = Problem(
                code="port-refused",
                severity="warning",
                text=f"nothing listens on port {endpoint.port} in {endpoint.label}",
                hint="check the container's port, or wait until it has started",
            )
            self._on_change()

    def failed(self, connection: Connection, reason: str) -> None:
        """A connection ended in a way its application must notice."""
        self.counters.failed += 1
        where = connection.endpoint.label if connection.endpoint else "no pod"
        self._log.warning("connection to %s ended: %s", where, reason)

    def passed_over(self, destination: Destination, reason: str) -> None:
        """A connection was not taken there and goes elsewhere."""
        self._log.info("%s is passed over: %s", destination.label, reason)

    def join(
        self, local: Callable[[Peer], Local], client: str, listen: str
    ) -> tuple[Connection, Callable[[], object]]:
        """Serve a local side that did not come through the listeners.

        Returns its connection, and what resets that at once.
        """
        connection = Connection(self, local, client, listen)
        return connection, self._start(connection).cancel

    def _connected(self, sock: socket.socket) -> Connection:
        return Connection.of(self, sock)

    def _told(self) -> None:
        self._on_accept()

    def _gone(self, connection: Connection) -> None:
        super()._gone(connection)
        if (_way(connection.endpoint) == "direct") != bool(self.direct.answering):
            self._on_change()  # perhaps the last that went the other way

    def _session_changed(self) -> None:
        """Leave a pod that gives no session for another one, which may be on another node."""
        first = self._tunnelled[:1]
        failed = self._stays and not self._warm.good and about_pod(self._warm.error)
        if failed and first and self._standing.pass_over(first[0], self._endpoints):
            self.passed_over(first[0], str(self._warm.error))
            self._direct_changed()
        else:
            self._on_change()

    def _direct_changed(self) -> None:
        """Keep sessions only for connections that do not go straight to an address."""
        endpoints = () if self.direct.answering else self._tunnelled
        self._warm.keep(endpoints[:1] if self._stays else endpoints)
        self._changed()

    def _changed(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        self._change = None
        self._on_change()


def _way(destination: Destination | None) -> str:
    return "direct" if isinstance(destination, Address) else "tunnel"
