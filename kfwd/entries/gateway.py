"""The life of a gateway: a proxy whose requests say themselves where in the cluster they go."""

from __future__ import annotations

import asyncio
import logging
import socket

from kfwd.entries import shown
from kfwd.entries.backends import HOLD_S, IDLE_S, Backends, Destination, Route
from kfwd.entries.behind import Behind, answers
from kfwd.entries.entry import Context
from kfwd.entries.outlook import Outlook, outlook
from kfwd.entries.proxy import Proxy
from kfwd.entries.showing import Showing
from kfwd.entries.states import Fault, PortFacts, Seen
from kfwd.errors import NotReady
from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.model import EndpointView, Wanted
from kfwd.proxy.connection import HttpConnection
from kfwd.proxy.decision import Handler
from kfwd.proxy.gateway import Gateway as Decider
from kfwd.proxy.gateway_connection import GatewayConnection
from kfwd.proxy.server import HttpServer
from kfwd.proxy.upstream import Upstreams
from kfwd.resolve.landscape import Landscape

LOOK_WITHIN_S = 30.0
"""How long a request waits for the first look at the cluster."""

log = logging.getLogger(__name__)


class Gateway(Proxy):
    """One gateway."""

    kind = "gateway"

    def _made(self, budget: Budget) -> Behind:
        self._cluster = ClusterBehind(self._wanted, self._context, self._showing, budget=budget)
        return self._cluster

    def _connect(self, server: HttpServer, sock: socket.socket) -> HttpConnection:
        return GatewayConnection(server, sock, self._cluster.decider)


class ClusterBehind:
    """A whole cluster behind a listener: what is in it, and tunnels to what is asked for."""

    config: Fault | None = None

    def __init__(
        self, wanted: Wanted, context: Context, showing: Showing, *, budget: Budget
    ) -> None:
        self.decider = Decider(self)
        self._wanted = wanted
        self._context = context
        self._showing = showing
        self._budget = budget
        self._backends = Backends(self._front)
        self._outlook: Outlook | None = None
        self._look = asyncio.Event()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _front(self, place: Destination) -> Front:
        return Front(
            self._wanted.id,
            self._context.pool,
            budget=self._budget,
            hold_s=HOLD_S,
            on_change=self._showing.changed,
            look_again=self._look_again,
        )

    @property
    def handler(self) -> Handler:
        return self.decider

    @property
    def name(self) -> str:
        return self._context.name

    @property
    def problems(self) -> tuple[str, ...]:
        found = (self._context.fault, self.watch)
        return tuple(fault.problem.text for fault in found if fault is not None)

    async def landscape(self) -> Landscape:
        if not self._first.done():
            await asyncio.wait([self._first], timeout=LOOK_WITHIN_S)
        if not self._first.done() or self._outlook is None:
            fault = self._context.fault
            raise NotReady(fault.problem.text if fault else "the cluster has not answered yet")
        return self._outlook.landscape

    def upstreams(self, place: Destination, *, reuse: bool) -> Upstreams:
        return Route(self._backends, place, reuse=reuse)

    @property
    def looked(self) -> bool:
        return self._first.done()

    @property
    def watch(self) -> Fault | None:
        return self._outlook.fault if self._outlook is not None and self.looked else None

    @property
    def via(self) -> str | None:
        return shown.via(self._backends.fronts)

    @property
    def transport(self) -> str | None:
        return self._context.pool.transport

    @property
    def waiting(self) -> int:
        return sum(front.counters.waiting for front in self._backends.fronts)

    @property
    def reconnects(self) -> int:
        return sum(front.reconnects for front in self._backends.fronts)

    @property
    def endpoints(self) -> tuple[EndpointView, ...]:
        return shown.endpoints(self._backends.fronts)

    def facts(self, *, bound: bool, bind: Fault | None) -> PortFacts:
        ready = self.looked and self.watch is None
        return PortFacts(
            bound=bound,
            bind=bind,
            usable=self.looked,
            ready=ready,
            proven=answers(self._context),
            seen=Seen(by="cluster"),
        )

    def context_changed(self) -> None:
        if self._context.fault is None:
            self._backends.retry_now()
        self._look.set()

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        self._outlook = None
        self._first = asyncio.get_running_loop().create_future()
        return self._backends.abandon(end=end)

    async def follow(self) -> None:
        """Look at the cluster, and keep the tunnels pointed at what is there."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow(), name=f"{self._wanted.id}/look")
            both.create_task(self._tidy(), name=f"{self._wanted.id}/tidy")

    async def _follow(self) -> None:
        while True:
            cluster = await self._context.cluster()
            own = self._wanted.spec.namespace or self._wanted.namespace
            namespace = own or self._context.namespace or "default"
            with outlook(cluster.reflectors, namespace, self._look.set) as seen:
                while cluster is self._context.current:
                    self._look.clear()
                    self._saw(seen)
                    self._showing.changed()
                    await self._look.wait()

    def _saw(self, seen: Outlook) -> None:
        seen.settle()
        if seen.looked:
            self._outlook = seen
            self._backends.follow(seen.landscape)
            if not self._first.done():
                self._first.set_result(None)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(IDLE_S / 4)
            before = len(self._backends.fronts)
            if stuck := await self._backends.tidy():
                log.error("did not stop in time: %s", ", ".join(stuck))
            if len(self._backends.fronts) != before:
                self._showing.changed()

    def _look_again(self) -> None:
        if self._outlook is not None:
            self._outlook.refresh()

    async def close(self) -> list[str]:
        return await self._backends.close()
