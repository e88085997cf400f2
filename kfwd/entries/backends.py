"""What a gateway has tunnels to: made when they are first asked for, closed when they are idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.errors import NotReady
from kfwd.front.forwarder import Front
from kfwd.proxy.kept_upstreams import KeptUpstreams
from kfwd.proxy.tunnel_upstreams import TunnelUpstream, TunnelUpstreams
from kfwd.proxy.upstream import Client, Upstream, Upstreams
from kfwd.resolve import services
from kfwd.resolve.endpoints import Resolution, resolve
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import ToPod, ToService
from kfwd.resolve.target import Target

IDLE_S = 60.0
"""How long tunnels without a connection are kept for the next request."""

HOLD_S = 10.0
"""How long a request waits for a place whose pods are coming."""

BACKENDS_MAX = 256

Destination = ToService | ToPod


class Backend:
    """One port of a service or pod, and the tunnels to it."""

    def __init__(self, place: Destination, front: Front) -> None:
        self.place = place
        self.front = front
        self.resolution = Resolution()
        self.used_at = asyncio.get_running_loop().time()
        self.kept = KeptUpstreams(front)
        self._fresh = TunnelUpstreams(front)
        self._hopeless = True

    @property
    def busy(self) -> bool:
        """Whether a connection is open, be it one that waits for another request."""
        return self.front.counters.open > 0

    def follow(self, known: Landscape) -> None:
        """Serve what the place stands for now."""
        place, before = self.place, self.resolution
        facts = known.facts(place.namespace)
        kind = "services" if isinstance(place, ToService) else "pods"
        target = Target(kind, place.name)
        self.resolution = resolve(target, place.port, facts, place.namespace)
        self._hopeless = not (self.resolution.heals and _is_coming(place, known))
        self.front.serve(self.resolution.endpoints)
        if self.resolution.endpoints != before.endpoints:
            self.front.retry_now()

    async def connect(self, client: Client, *, fresh: bool, reuse: bool) -> TunnelUpstream:
        """A connection to a ready endpoint. Raises `NotReady` where there is none in time."""
        self.used_at = asyncio.get_running_loop().time()
        await self._ready()
        source = self.kept if reuse else self._fresh
        return await source.connect(client, fresh=fresh)

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(HOLD_S):
                while not self.front.endpoints:
                    if self._hopeless:
                        raise self._nothing()
                    await asyncio.shield(self.front.changed())
        except TimeoutError:
            raise self._nothing() from None

    def _nothing(self) -> NotReady:
        problem = self.resolution.problem
        if problem is None:
            return NotReady(f"{self.place.name} has no ready endpoint")
        return NotReady(problem.text, hint=problem.hint)

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        self.resolution = Resolution()
        self._hopeless = False
        self.kept.close()
        return self.front.abandon(end=end)

    async def close(self) -> list[str]:
        self.kept.close()
        return await self.front.close()


def _is_coming(place: Destination, known: Landscape) -> bool:
    """Whether there is a pod that may become ready."""
    facts = known.facts(place.namespace)
    if facts.pods is None:
        return True
    if isinstance(place, ToPod):
        return place.name in facts.pods
    service = (facts.services or {}).get(place.name)
    return service is not None and bool(services.selected(service, facts.pods))


class Route(Upstreams):
    """The way to a place, for the requests of one kind."""

    def __init__(self, backends: Backends, place: Destination, *, reuse: bool) -> None:
        self._backends = backends
        self._place = place
        self._reuse = reuse

    async def connect(self, client: Client, *, fresh: bool) -> Upstream:
        backend = self._backends.at(self._place)
        return await backend.connect(client, fresh=fresh, reuse=self._reuse)


class Backends:
    """All places that are in use. `make` makes the front of one."""

    def __init__(self, make: Callable[[Destination], Front]) -> None:
        self._make = make
        self._known: Landscape | None = None
        self._backends: dict[Destination, Backend] = {}
        self._closing: list[Backend] = []

    @property
    def fronts(self) -> list[Front]:
        return [backend.front for backend in self._backends.values()]

    def at(self, place: Destination) -> Backend:
        """The tunnels to a place. Raises `NotReady` when there are too many others."""
        if (backend := self._backends.get(place)) is None:
            self._make_room()
            backend = self._backends[place] = Backend(place, self._make(place))
            if self._known is not None:
                backend.follow(self._known)
        return backend

    def _make_room(self) -> None:
        if len(self._backends) < BACKENDS_MAX:
            return
        idle = [backend for backend in self._backends.values() if not backend.busy]
        if not idle:
            raise NotReady(f"{BACKENDS_MAX} services are in use through this gateway already")
        self._let_go(min(idle, key=lambda backend: backend.used_at))

    def follow(self, known: Landscape) -> None:
        """The cluster changed; `known` is valid until it is given anew."""
        self._known = known
        for backend in self._backends.values():
            backend.follow(known)

    def abandon(self, *, end: bool) -> list[asyncio.Task[None]]:
        """Forget the cluster; returns what is still open to it."""
        self._known = None
        return [task for backend in self._backends.values() for task in backend.abandon(end=end)]

    def retry_now(self) -> None:
        for front in self.fronts:
            front.retry_now()

    async def tidy(self) -> list[str]:
        """Close what nobody has used for a while; names of tasks that did not stop in time."""
        now = asyncio.get_running_loop().time()
        for backend in list(self._backends.values()):
            if not backend.busy and now - backend.used_at >= IDLE_S:
                self._let_go(backend)
        closing, self._closing = self._closing, []
        return [name for backend in closing for name in await backend.close()]

    def _let_go(self, backend: Backend) -> None:
        del self._backends[backend.place]
        self._closing.append(backend)

    async def close(self) -> list[str]:
        for backend in list(self._backends.values()):
            self._let_go(backend)
        return await self.tidy()
