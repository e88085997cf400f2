"""The life of a proxy: it listens for HTTP, and leads requests to an API server or to one app.

The listener is bound before anything else is looked at. What is behind it is the API server's
whole API, or the target's endpoints through tunnels, or the target through the API server's proxy;
requests wait while it is away.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from kfwd.api_doctor import Fact
from kfwd.api_model import ConnectionView
from kfwd.entries.behind import Behind, WholeApi
from kfwd.entries.behind_target import TargetBehind
from kfwd.entries.binding import Binding, FreePorts
from kfwd.entries.entry import Accepted, Context
from kfwd.entries.seat import Seat
from kfwd.entries.showing import Showing
from kfwd.entries.states import Facts
from kfwd.front.replay import Budget
from kfwd.front.users import Users
from kfwd.model import (
    Bytes,
    Connections,
    EntryCounters,
    EntryView,
    ForwardSpec,
    PortView,
    ProxySpec,
    Wanted,
    utcnow,
)
from kfwd.proxy.connection import HttpConnection
from kfwd.proxy.requests import RequestLog
from kfwd.proxy.server import HttpServer

BIND_AGAIN_S = 2.0
PORT_KEY = "listen"


class Proxy:
    """One proxy. `show` gets its view whenever that changes."""

    kind = "proxy"

    def __init__(
        self,
        wanted: Wanted,
        context: Context,
        *,
        budget: Budget,
        kept: FreePorts,
        show: Callable[[EntryView], None],
    ) -> None:
        spec = wanted.spec
        assert not isinstance(spec, ForwardSpec)
        self.accepted: set[Accepted] = set()
        self.requests = RequestLog() if spec.requests else None
        self._wanted = wanted
        self._spec = spec
        self._context = Seat(context)
        self._showing = Showing(wanted.id, self.facts, self.view, show)
        self._behind: Behind = self._made(budget)
        self._http = HttpServer(
            wanted.id,
            self._behind.handler,
            users=Users(os.getuid(), spec.allow_users),
            log=self.requests,
            on_accept=self._accepted,
            connect=self._connect,
        )
        self._binding = Binding(spec.port, spec.address, kept, PORT_KEY, self._http.bind)

    def _made(self, budget: Budget) -> Behind:
        spec, changed = self._spec, self._showing.changed
        assert isinstance(spec, ProxySpec)
        if spec.target is None:
            return WholeApi(spec, self._context)
        return TargetBehind(self._wanted, spec, self._context, budget=budget, changed=changed)

    def _connect(self, server: HttpServer, sock: socket.socket) -> HttpConnection:
        """What serves an accepted connection."""
        return HttpConnection(server, sock)

    def bind(self) -> None:
        if not self._wanted.paused:
            self._binding.bind()
        self._showing.judge()

    async def run(self) -> None:
        forget = self._context.on_change(self._context_changed)
        self._showing.changed()
        try:
            if self._wanted.paused:
                await asyncio.Event().wait()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._listen(), name=f"{self._wanted.id}/listen")
                both.create_task(self._behind.follow(), name=f"{self._wanted.id}/follow")
        finally:
            forget()

    async def close(self) -> list[str]:
        self._showing.end()
        return await self._http.close() + await self._behind.close()

    def move(self, context: Context, *, end: bool) -> list[asyncio.Task[None]]:
        left = self._behind.abandon(end=end)
        if end:
            self._http.cut()
        self._context.move(context)
        return left

    async def _listen(self) -> None:
        """Bind, for as long as it takes."""
        while not self._binding.bound:
            self._binding.bind()
            await self._binding.name_holder()
            self._showing.changed()
            if not self._binding.bound:
                await asyncio.sleep(BIND_AGAIN_S)

    def _context_changed(self) -> None:
        """The context failed or is back, or its kubeconfig names another cluster."""
        self._behind.context_changed()
        self._showing.changed()

    def _accepted(self) -> None:
        for tell in tuple(self.accepted):
            tell(self._binding.number or 0)

    def parts(self) -> tuple[Fact, ...]:
        self._showing.judge()
        return self._showing.parts

    def facts(self) -> Facts:
        port = self._behind.facts(bound=self._binding.bound, bind=self._binding.fault)
        seen = replace(port.seen, listen=self._binding.addresses)
        return Facts(
            ports=(replace(port, seen=seen),),
            paused=self._wanted.paused,
            config=self._behind.config,
            context=self._context.fault,
            refused=self._context.refused,
            looked=self._behind.looked,
            watch=self._behind.watch,
            server=self._context.server,
            latency_ms=self._context.latency_ms,
        )

    def view(self) -> EntryView:
        numbers = self.counters()
        return EntryView(
            id=self._wanted.id,
            kind=self.kind,
            name=self._spec.name,
            profile=self._wanted.profile,
            context=self._context.name,
            namespace=self._namespace or "",
            target=self._spec.target,
            ports=(PortView(listen=self._binding.addresses, remote=None, port=None),),
            state=self._showing.verdict.state,
            problem=self._showing.verdict.problem,
            via=self._behind.via,
            transport=self._behind.transport,
            endpoints=numbers.endpoints,
            connections=numbers.connections,
            bytes=numbers.bytes,
            reconnects=self._behind.reconnects,
            since=self._showing.since,
        )

    @property
    def _namespace(self) -> str | None:
        return self._spec.namespace or self._wanted.namespace or self._context.namespace

    def counters(self) -> EntryCounters:
        count = self._http.counters
        return EntryCounters(
            id=self._wanted.id,
            connections=Connections(
                open=count.open,
                waiting=self._behind.waiting,
                total=count.total,
                failed=count.failed,
            ),
            bytes=Bytes(received=count.received, sent=count.sent),
            endpoints=self._behind.endpoints,
        )

    @property
    def doors(self) -> tuple[HttpServer, ...]:
        return (self._http,)

    def connections(self) -> tuple[ConnectionView, ...]:
        now = asyncio.get_running_loop().time()
        return tuple(_shown(connection, now) for connection in self._http.connections)


def _shown(connection: HttpConnection, now: float) -> ConnectionView:
    return ConnectionView(
        client=connection.client.address,
        listen=connection.client.listen,
        pod=connection.exchange.where if connection.exchange else None,
        port=None,
        state="open",
        since=utcnow() - timedelta(seconds=round(now - connection.since)),
        bytes=Bytes(received=connection.received, sent=connection.sent),
    )
