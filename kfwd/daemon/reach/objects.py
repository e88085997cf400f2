"""What the cluster says around a target, read once: by reflectors that may run anyway, or lists."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from kfwd.errors import Forbidden, KfwdError, NotFound
from kfwd.kube import objects, route_objects
from kfwd.kube.cluster import Cluster
from kfwd.kube.objects import Kind, T
from kfwd.kube.reflector import Source
from kfwd.kube.route_objects import full_name
from kfwd.resolve.endpoints import kinds_needed, name_needed
from kfwd.resolve.facts import Facts
from kfwd.resolve.routes import Surroundings
from kfwd.resolve.rules import RuleObjects, build
from kfwd.resolve.target import Target

READ_S = 5.0
"""How long reading may take; what is not there by then counts as not readable."""

_AROUND: tuple[Kind[Any], ...] = (
    objects.SERVICES,
    objects.ENDPOINT_SLICES,
    objects.PODS,
    objects.NODES,
)
_WORKLOADS = {kind.name for kind in objects.WORKLOADS}


async def facts(cluster: Cluster, target: Target, namespace: str) -> Facts:
    """The objects of the namespace, and nodes.

    Raises what hinders reading the target's own kind. Other kinds may stay unread.
    """
    needed = kinds_needed(target)
    with ExitStack() as stack:
        sources: dict[str, Source[Any]] = {}
        for kind in {kind.name: kind for kind in (*needed, *_AROUND)}.values():
            scope = namespace if kind.namespaced else None
            use = cluster.reflectors.use(kind, scope, name_needed(target, kind))
            sources[kind.name] = stack.enter_context(use)
        await _read(sources.values())
        if (own := sources.get(target.kind)) is not None and not own.synced:
            raise own.problem or KfwdError(f"reading {target.kind} took over {READ_S:g} s")
        return _facts(sources)


async def surroundings(cluster: Cluster, namespace: str, gateways: tuple[str, ...]) -> Surroundings:
    """The routing rules of the whole cluster, or of the namespace where that is all one may see."""
    kinds: tuple[Kind[Any], ...] = (
        route_objects.INGRESSES,
        route_objects.HTTP_ROUTES,
        route_objects.GATEWAYS,
        route_objects.REFERENCE_GRANTS,
        objects.NAMESPACES,
    )
    ingresses, routes, taking, grants, namespaces = await asyncio.gather(
        *(_listed(cluster, kind, namespace) for kind in kinds)
    )
    rules = RuleObjects(
        ingresses=ingresses or (),
        routes=routes or (),
        gateways=None if taking is None else {full_name(each): each for each in taking},
        grants=grants,
        namespaces=None if namespaces is None else {each.name: each.labels for each in namespaces},
    )
    unread = ingresses is None and routes is None
    return Surroundings(
        rules=None if unread else build(rules),
        ingresses=tuple(ingresses or ()),
        gateways=gateways,
    )


async def _read(sources: Any) -> None:
    try:
        async with asyncio.timeout(READ_S):
            await asyncio.gather(*(source.ready() for source in sources))
    except TimeoutError:
        return


def _facts(sources: dict[str, Source[Any]]) -> Facts:
    known = {name: dict(s.objects) if s.synced else None for name, s in sources.items()}
    workloads = {name: known[name] for name in _WORKLOADS & known.keys()}
    return Facts(
        pods=known["pods"],
        services=known["services"],
        slices=known["endpointslices"],
        nodes=known["nodes"],
        workloads={name: found for name, found in workloads.items() if found is not None},
    )


async def _listed(cluster: Cluster, kind: Kind[T], namespace: str) -> Sequence[T] | None:
    """All objects of a kind that may be seen; none of a kind that the cluster does not have."""
    for scope in (None, namespace) if kind.namespaced else (None,):
        try:
            async with asyncio.timeout(READ_S):
                return (await cluster.api.list(kind, scope)).items or ()
        except Forbidden:
            continue
        except NotFound:
            return ()
        except (KfwdError, TimeoutError):
            return None
    return None
