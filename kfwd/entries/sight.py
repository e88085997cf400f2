"""What the cluster says about one target right now: the objects that resolving it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from kfwd.entries.states import Fault, fault_of
from kfwd.errors import Forbidden
from kfwd.kube.objects import NODES
from kfwd.kube.reflector import Source
from kfwd.kube.reflectors import Reflectors
from kfwd.resolve import direct
from kfwd.resolve.direct import Address
from kfwd.resolve.endpoints import Facts, Resolution, kinds_needed, name_needed, resolve
from kfwd.resolve.target import Target

_OTHER = {"pods", "services", "endpointslices", "nodes"}


class Sight:
    """The sources that a target needs, in a namespace."""

    def __init__(self, target: Target, namespace: str, sources: Mapping[str, Source[Any]]) -> None:
        self._target = target
        self._namespace = namespace
        self._sources = sources

    @property
    def looked(self) -> bool:
        """Whether every kind was read, or is known to be unreadable."""
        return all(source.synced or source.problem for source in self._sources.values())

    @property
    def fault(self) -> Fault | None:
        """What hinders reading. Where the objects are known all the same it is a warning."""
        needed = (source for kind, source in self._sources.items() if kind != "nodes")
        for source in sorted(needed, key=lambda source: source.synced):
            if source.problem is not None:
                known = source.synced or isinstance(source.problem, Forbidden)
                usable = known and self._known("pods")
                return fault_of(source.problem, severity="warning" if usable else "error")
        return None

    def resolve(self, remote: str) -> Resolution:
        """What the target and a remote port stand for."""
        return resolve(self._target, remote, self._facts(), self._namespace)

    def addresses(self, remote: str, resolution: Resolution) -> tuple[Address, ...]:
        """The addresses around the API server that lead to a remote port."""
        return direct.addresses(self._target, remote, self._facts(), resolution)

    def refresh(self) -> None:
        """Look again at once."""
        for source in self._sources.values():
            source.refresh()

    def _facts(self) -> Facts:
        workload = {kind: self._known(kind) for kind in self._sources if kind not in _OTHER}
        return Facts(
            pods=self._known("pods"),
            services=self._known("services"),
            slices=self._known("endpointslices"),
            nodes=self._known("nodes"),
            workloads={kind: objects for kind, objects in workload.items() if objects is not None},
        )

    def _known(self, kind: str) -> Mapping[str, Any] | None:
        source = self._sources.get(kind)
        return source.objects if source is not None and source.synced else None


@contextmanager
def looking(
    reflectors: Reflectors,
    target: Target,
    namespace: str,
    wake: Callable[[], None],
    *,
    nodes: bool = False,
) -> Iterator[Sight]:
    """Look at what `target` needs, and if asked at nodes; `wake` is called after every change."""
    with ExitStack() as stack:
        sources: dict[str, Source[Any]] = {}
        for kind in kinds_needed(target):
            name = name_needed(target, kind)
            source = stack.enter_context(reflectors.use(kind, namespace, name))
            stack.callback(source.subscribe(wake))
            sources[kind.name] = source
        if nodes:
            sources["nodes"] = stack.enter_context(reflectors.use(NODES, None))
            stack.callback(sources["nodes"].subscribe(wake))
        yield Sight(target, namespace, sources)
