"""A proxy entry over real sockets: before it clients, behind it pods or an API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kfwd.entries.proxy import Proxy
from kfwd.front.replay import Budget
from kfwd.model import ContextRef, ContextState, EntryView, ProxySpec, State, Wanted
from kfwd.tasks import TaskSet
from kfwd.tunnel.pool import Pool
from tests.entries.rig import Cluster, Context, Kept, Source
from tests.proxy.rig import Context_ as ApiServer
from tests.proxy.rig import Peer, get
from tests.resolve.builders import pod
from tests.tunnel.peer import Peers, peers
from tests.until import until


class Known(Cluster):
    """A cluster with objects and an API server, in a state that a test sets."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.state = ContextState.OK
        api = ApiServer(f"http://127.0.0.1:{port}")
        self.server, self.credentials, self.report = api.server, api.credentials, api.report


class ProxyRig:
    def __init__(self, hub: Peers, pool: Pool, port: int) -> None:
        self.hub = hub
        self.context = Context(pool)
        self.cluster = Known(port)
        self.kept = Kept()
        self.views: list[EntryView] = []
        self.proxies: list[Proxy] = []
        self.arrived: asyncio.Queue[Peer] = asyncio.Queue()
        self.peers: list[Peer] = []
        self._tasks = TaskSet("rig")

    def run(self, *, paused: bool = False, **spec: Any) -> Proxy:
        wanted = Wanted(
            profile="dev",
            spec=ProxySpec(name="app", **{"port": 0, **spec}),
            context=ContextRef(kubeconfig=("/kube",), name="dev"),
            paused=paused,
        )
        context: Any = self.context
        show = self.views.append
        proxy = Proxy(wanted, context, budget=Budget(), kept=self.kept, show=show)
        proxy.bind()
        show(proxy.view())
        self.proxies.append(proxy)
        self._tasks.spawn(proxy.run(), "proxy")
        return proxy

    @property
    def pods(self) -> Source:
        return self.cluster.reflectors["pods"]

    def ready(self, *names: str) -> None:
        """The cluster is known and has these pods, ready."""
        self.pods.set(*(pod(name) for name in names))
        if self.context.current is None:
            self.context.open(self.cluster)

    async def state(self, state: State, code: str | None = None) -> EntryView:
        """The view once it shows this."""

        def shown() -> bool:
            view = self.views[-1]
            return view.state is state and (view.problem.code if view.problem else None) == code

        await until(shown)
        return self.views[-1]

    async def client(self, proxy: Proxy, path: str = "/") -> Peer:
        """A client that has asked for a page."""
        host, _, port = proxy.view().ports[0].listen[0].rpartition(":")
        peer = Peer(*await asyncio.open_connection(host, int(port)))
        self.peers.append(peer)
        peer.send(get(path, "Connection: close"))
        return peer

    async def server(self) -> Peer:
        """The next connection that the API server gets."""
        async with asyncio.timeout(5):
            return await self.arrived.get()

    async def close(self) -> None:
        assert await self._tasks.close() == []
        for proxy in self.proxies:
            assert await proxy.close() == []
        for peer in self.peers:
            peer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[ProxyRig]:
    made: list[ProxyRig] = []

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        made[0].peers.append(peer)
        made[0].arrived.put_nowait(peer)

    async with peers() as hub:
        pool = Pool("dev", hub)
        behind = await asyncio.start_server(accepted, "127.0.0.1", 0)
        rig = ProxyRig(hub, pool, int(behind.sockets[0].getsockname()[1]))
        made.append(rig)
        try:
            yield rig
        finally:
            await rig.close()
            behind.close()
            await behind.wait_closed()
            assert await pool.close() == []
            await asyncio.sleep(0)
