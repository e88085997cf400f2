"""A forward with real listeners and sessions, over cluster objects that a test sets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from kfwd.entries.forward import Forward
from kfwd.entries.states import Fault, fault_of
from kfwd.errors import KfwdError
from kfwd.front.replay import Budget
from kfwd.kube.subscribers import Subscribers
from kfwd.model import (
    ContextRef,
    ContextState,
    EntryView,
    ForwardSpec,
    PortSpec,
    Problem,
    State,
    Wanted,
)
from kfwd.tasks import TaskSet
from kfwd.tunnel.pool import Pool
from tests.resolve.builders import pod, workload
from tests.tunnel.peer import Peers, peers
from tests.until import until


class Source:
    """Objects of one kind, as a reflector shows them."""

    def __init__(self) -> None:
        self.objects: Mapping[str, Any] = {}
        self.synced = False
        self.problem: KfwdError | None = None
        self.mode = "watch"
        self.refreshes = 0
        self._subscribers = Subscribers()

    def set(self, *objects: Any, problem: KfwdError | None = None) -> None:
        self.objects = {each.name: each for each in objects}
        self.synced, self.problem = True, problem
        self._subscribers.wake()

    def fail(self, problem: KfwdError) -> None:
        self.problem = problem
        self._subscribers.wake()

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._subscribers.add(wake)

    def refresh(self) -> None:
        self.refreshes += 1

    async def ready(self) -> None:
        """Nobody waits for this here."""


class Reflectors:
    """Sources by kind, and who uses them."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.used: list[tuple[str, str, str | None]] = []

    def __getitem__(self, kind: str) -> Source:
        return self.sources.setdefault(kind, Source())

    @contextmanager
    def use(self, kind: Any, namespace: str, name: str | None = None) -> Iterator[Source]:
        use = (kind.name, namespace, name)
        self.used.append(use)
        try:
            yield self[kind.name]
        finally:
            self.used.remove(use)


class Server:
    authority = "api.example:6443"


class Cluster:
    state = ContextState.OK
    latency_ms: float | None = 3.0

    def __init__(self) -> None:
        self.server: Any = Server()
        self.reflectors = Reflectors()


class Context:
    """A context whose cluster comes, fails and changes as a test says."""

    name = "dev"

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.namespace: str | None = "shop"
        self.fault: Fault | None = None
        self.refused: Problem | None = None
        self.current: Any = None
        self._subscribers = Subscribers()
        self._opened = asyncio.Event()

    def open(self, cluster: Cluster) -> None:
        self.current = cluster
        self._opened.set()
        self._subscribers.wake()

    def fail(self, error: KfwdError | None) -> None:
        self.fault = fault_of(error, cause=self.name) if error else None
        self._subscribers.wake()

    async def cluster(self) -> Any:
        await self._opened.wait()
        return self.current

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._subscribers.add(callback)


class Kept(dict[str, int]):
    """Free ports that were chosen before, and sockets that are bound already."""

    def __init__(self, **ports: int) -> None:
        super().__init__(**ports)
        self.inherited: dict[str, socket.socket] = {}

    def keep(self, key: str, port: int) -> None:
        self[key] = port


class Rig:
    """One forward, what is behind it, and every view it showed."""

    def __init__(self, hub: Peers, pool: Pool) -> None:
        self.hub = hub
        self.context = Context(pool)
        self.cluster = Cluster()
        self.kept = Kept()
        self.views: list[EntryView] = []
        self.forwards: list[Forward] = []
        self._tasks = TaskSet("rig")

    def make(self, *ports: PortSpec, paused: bool = False, **spec: Any) -> Forward:
        ports = ports or (PortSpec(local=0, remote="http"),)
        fields = {"name": "web", "target": "deploy/web", "address": ("127.0.0.1",), **spec}
        wanted = Wanted(
            profile="dev",
            spec=ForwardSpec(ports=ports, **fields),
            context=ContextRef(kubeconfig=("/kube",), name="dev"),
            paused=paused,
        )
        context: Any = self.context
        return Forward(wanted, context, budget=Budget(), kept=self.kept, show=self.views.append)

    def run(self, forward: Forward) -> Forward:
        forward.bind()
        self.views.append(forward.view())
        self._tasks.spawn(forward.run(), "forward")
        self.forwards.append(forward)
        return forward

    async def close(self) -> None:
        """End every forward, as the supervisor does."""
        assert await self._tasks.close() == []
        for forward in self.forwards:
            assert await forward.close() == []

    @property
    def pods(self) -> Source:
        return self.cluster.reflectors["pods"]

    def ready(self, *names: str) -> None:
        """The cluster is known and has a Deployment `web` with these pods, all of them ready."""
        self.cluster.reflectors["deployments"].set(
            workload("web", selector={"matchLabels": {"app": "web"}})
        )
        self.pods.set(*(pod(name) for name in names))
        if self.context.current is None:
            self.context.open(self.cluster)

    async def state(self, state: State) -> EntryView:
        """The view once the forward is in a state."""
        await until(lambda: self.views and self.views[-1].state is state)
        return self.views[-1]

    async def problem(self, code: str) -> EntryView:
        """The view once a problem is shown."""
        await until(lambda: self._code() == code)
        return self.views[-1]

    def _code(self) -> str | None:
        shown = self.views[-1].problem if self.views else None
        return shown.code if shown else None


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    async with peers() as hub:
        pool = Pool("dev", hub)
        rig = Rig(hub, pool)
        try:
            yield rig
        finally:
            await rig.close()
            assert await pool.close() == []
