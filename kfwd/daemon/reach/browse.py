"""A cluster as people browse it: its namespaces, and the objects of one, live."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any

from kfwd.api_model import NamespaceList, ObjectsPage, ObjectView
from kfwd.errors import KfwdError
from kfwd.kube import objects
from kfwd.kube.cluster import Cluster
from kfwd.kube.objects import Kind
from kfwd.kube.reflector import Source
from kfwd.kube.route_objects import INGRESSES
from kfwd.resolve import catalog
from kfwd.resolve.catalog import Readiness

PAGE = 500
PACE_S = 0.25
"""Least time between two rounds of changes: a rollout of many pods is told in few of them."""

READ_S = 5.0
"""How long the first look may take; what is not there by then comes later."""

SOON_S = 0.4
"""How long a client that follows waits for everything, before it is told of what there is."""

_WORKLOADS = (objects.DEPLOYMENTS, objects.STATEFUL_SETS, objects.DAEMON_SETS, objects.JOBS)
_VIEWS: dict[str, Callable[[Any], ObjectView]] = {
    objects.PODS.name: catalog.of_pod,
    INGRESSES.name: catalog.of_ingress,
    **{kind.name: partial(catalog.of_workload, kind.singular) for kind in _WORKLOADS},
}
KINDS: tuple[Kind[Any], ...] = (
    objects.SERVICES,
    objects.ENDPOINT_SLICES,
    objects.PODS,
    *_WORKLOADS,
    INGRESSES,
)


_QUICK = (objects.SERVICES, objects.ENDPOINT_SLICES)
"""What is asked for most, and never long."""


async def namespaces(cluster: Cluster) -> NamespaceList:
    """All namespaces, or the context's own where they may not be listed."""
    current = cluster.context.namespace
    try:
        found = await cluster.api.list(objects.NAMESPACES, None)
    except KfwdError as error:
        return NamespaceList(current=current, namespaces=(current,), problem=error.text)
    return NamespaceList(
        current=current, namespaces=tuple(sorted(each.name for each in found.items or ()))
    )


class Browser:
    """The objects of a namespace (None: of all), in pages: first all there is, then changes.

    Iterates over pages until `close()`; without `follow` the first round is all. With it, services
    are told of before a list of pods that takes long.
    A wait for the next page may be cancelled and made again.
    """

    def __init__(self, cluster: Cluster, namespace: str | None, *, follow: bool) -> None:
        self._follow = follow
        self._told: dict[str, ObjectView] = {}
        self._problems: dict[str, str] = {}
        self._rounds = 0
        self._complete = False
        self._pages: deque[ObjectsPage] = deque()
        self._changed = asyncio.Event()
        self._made: dict[str, tuple[Any, Readiness | None, ObjectView]] = {}
        self._stack = ExitStack()
        self._sources = {kind.name: self._use(cluster, kind, namespace) for kind in KINDS}

    def _use(self, cluster: Cluster, kind: Kind[Any], namespace: str | None) -> Source[Any]:
        source = self._stack.enter_context(cluster.reflectors.use(kind, namespace))
        self._stack.callback(source.subscribe(self._changed.set))
        return source

    def close(self) -> None:
        self._stack.close()

    def __aiter__(self) -> Browser:
        return self

    async def __anext__(self) -> ObjectsPage:
        while not self._pages:
            if self._rounds and not self._follow:
                raise StopAsyncIteration
            await self._wait()
            self._changed.clear()
            self._pages.extend(self._round())
        return self._pages.popleft()

    async def _wait(self) -> None:
        if self._rounds:
            await self._changed.wait()
            await asyncio.sleep(PACE_S)
            return
        if not self._follow:
            await _looked(self._sources.values(), READ_S)
        elif not await _looked(self._sources.values(), SOON_S):
            await _looked([self._sources[kind.name] for kind in _QUICK], READ_S)

    def _round(self) -> Iterator[ObjectsPage]:
        """What changed since the last round, in pages; nothing if nothing did."""
        now = self._look()
        problems = {
            name: source.problem.text
            for name, source in self._sources.items()
            if source.problem is not None
        }
        changed = iter([view for key, view in now.items() if self._told.get(key) != view])
        removed = tuple(key for key in self._told if key not in now)
        first, known = not self._rounds, self._complete
        self._complete = all(s.synced or s.problem for s in self._sources.values())
        moved = removed or problems != self._problems or known != self._complete
        self._told, self._problems, self._rounds = now, problems, self._rounds + 1
        pages = list(iter(lambda: tuple(islice(changed, PAGE)), ()))
        if not pages and (first or moved):
            pages = [()]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            yield ObjectsPage(
                objects=page,
                removed=removed if last else (),
                complete=last and self._complete,
                problems=problems if last else {},
            )

    def _look(self) -> dict[str, ObjectView]:
        slices = self._sources[objects.ENDPOINT_SLICES.name]
        behind = catalog.readiness(slices.objects.values()) if slices.synced else None
        made: dict[str, tuple[Any, Readiness | None, ObjectView]] = {}
        for kind in KINDS:
            if kind is not objects.ENDPOINT_SLICES:
                self._look_at(kind, self._sources[kind.name].objects, behind, made)
        self._made = made
        return {key: view for key, (_, _, view) in made.items()}

    def _look_at(
        self,
        kind: Kind[Any],
        found: Mapping[str, Any],
        behind: Mapping[str, Readiness] | None,
        made: dict[str, tuple[Any, Readiness | None, ObjectView]],
    ) -> None:
        """Views of one kind; those of objects that did not change are kept as they are."""
        for each in found.values():
            place = f"{each.metadata.namespace}/{each.name}"
            pods = None
            if kind is objects.SERVICES and behind is not None:
                pods = behind.get(place, Readiness())
            key = f"{kind.singular}/{place}"
            old = self._made.get(key)
            if old is None or old[0] is not each or old[1] != pods:
                old = (each, pods, _view(kind, each, pods))
            made[key] = old


async def _looked(sources: Iterable[Source[Any]], within_s: float) -> bool:
    """Whether the first look at all of them was over in time."""
    try:
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(source.ready() for source in sources))
    except TimeoutError:
        return False
    return True


def _view(kind: Kind[Any], found: Any, behind: Readiness | None) -> ObjectView:
    if kind is objects.SERVICES:
        return catalog.of_service(found, behind)
    return _VIEWS[kind.name](found)
