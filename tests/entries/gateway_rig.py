"""A gateway entry with a real listener and real sessions, over objects that a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from kfwd.entries.gateway import Gateway
from kfwd.errors import Forbidden, KfwdError
from kfwd.front.replay import Budget
from kfwd.kube.objects import Kind
from kfwd.model import ContextRef, ContextState, EntryView, GatewaySpec, State, Wanted
from kfwd.tasks import TaskSet
from kfwd.tunnel.pool import Pool
from tests.entries.rig import Context, Kept, Server, Source
from tests.proxy.rig import Peer
from tests.resolve.builders import member, piece, pod, service
from tests.tunnel.peer import Peers, peers
from tests.until import until

KINDS = (
    *("pods", "services", "endpointslices", "ingresses"),
    *("httproutes", "gateways", "referencegrants", "namespaces"),
)


class WideSource(Source):
    """Keys have the namespace where the source spans all of them."""

    def __init__(self, *, wide: bool) -> None:
        super().__init__()
        self._wide = wide

    def set(self, *objects: Any, problem: KfwdError | None = None) -> None:
        super().set(*objects, problem=problem)
        self.objects: Mapping[str, Any] = {self._key(each): each for each in objects}
        self._subscribers.wake()

    def _key(self, item: Any) -> str:
        return f"{item.metadata.namespace}/{item.name}" if self._wide else str(item.name)


class WideReflectors:
    """Sources by kind and namespace (None: all)."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str | None], WideSource] = {}
        self.used: list[tuple[str, str | None]] = []

    def of(self, kind: str, namespace: str | None = None) -> WideSource:
        key = (kind, namespace)
        return self._sources.setdefault(key, WideSource(wide=namespace is None))

    @contextmanager
    def use(
        self, kind: Kind[Any], namespace: str | None, name: str | None = None
    ) -> Iterator[WideSource]:
        self.used.append((kind.name, namespace))
        try:
            yield self.of(kind.name, namespace)
        finally:
            self.used.remove((kind.name, namespace))

    def empty(self, *but: str) -> None:
        """Every kind is read, and there is nothing of it, but for these."""
        for kind in KINDS:
            if kind not in but:
                self.of(kind).set()


class Cluster:
    state = ContextState.OK
    latency_ms: float | None = 3.0

    def __init__(self) -> None:
        self.server = Server()
        self.reflectors = WideReflectors()


class GatewayRig:
    def __init__(self, hub: Peers, pool: Pool) -> None:
        self.hub = hub
        self.context = Context(pool)
        self.cluster = Cluster()
        self.views: list[EntryView] = []
        self._tasks = TaskSet("rig")
        self._gateways: list[Gateway] = []
        self._clients: list[Peer] = []

    def run(self, *, paused: bool = False, **spec: Any) -> Gateway:
        wanted = Wanted(
            profile="dev",
            spec=GatewaySpec(port=0, **spec),
            context=ContextRef(kubeconfig=("/kube",), name="dev"),
            paused=paused,
        )
        context: Any = self.context
        gateway = Gateway(wanted, context, budget=Budget(), kept=Kept(), show=self.views.append)
        gateway.bind()
        self.views.append(gateway.view())
        self._tasks.spawn(gateway.run(), "gateway")
        self._gateways.append(gateway)
        return gateway

    def ready(self, *names: str) -> None:
        """The cluster is known and has a service `web` with these pods, all of them ready."""
        reflectors = self.cluster.reflectors
        reflectors.empty("pods", "services", "endpointslices")
        reflectors.of("services").set(service("web"))
        self.pods(*names)
        if self.context.current is None:
            self.open()

    def pods(self, *names: str) -> None:
        """These pods are behind the service from now on."""
        reflectors = self.cluster.reflectors
        reflectors.of("pods").set(*(pod(name) for name in names))
        reflectors.of("endpointslices").set(piece(*(member(name) for name in names)))

    def open(self) -> None:
        cluster: Any = self.cluster
        self.context.open(cluster)

    def forbid(self, *kinds: str, namespace: str | None = None) -> None:
        for kind in kinds:
            self.cluster.reflectors.of(kind, namespace).fail(Forbidden(f"no {kind} for you"))

    async def state(self, state: State) -> EntryView:
        await until(lambda: self.views and self.views[-1].state is state)
        return self.views[-1]

    async def client(self, gateway: Gateway, target: str, host: str) -> Peer:
        """A client that asked for something."""
        listen = gateway.view().ports[0].listen[0]
        port = int(listen.rpartition(":")[2])
        peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
        self._clients.append(peer)
        peer.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return peer

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        assert await self._tasks.close() == []
        for gateway in self._gateways:
            assert await gateway.close() == []
        assert self.cluster.reflectors.used == []


@asynccontextmanager
async def gatewayed() -> AsyncIterator[GatewayRig]:
    async with peers() as hub:
        pool = Pool("dev", hub)
        rig = GatewayRig(hub, pool)
        try:
            yield rig
        finally:
            await rig.close()
            assert await pool.close() == []
