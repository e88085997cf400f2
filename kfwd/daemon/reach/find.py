"""Every way to a target, tried from here."""

from __future__ import annotations

import asyncio
from typing import Protocol

from kfwd.api_model import RouteList, RouteView
from kfwd.daemon.reach import objects
from kfwd.daemon.reach.knock import Dials
from kfwd.daemon.reach.limits import Limits
from kfwd.daemon.reach.trials import Trials
from kfwd.entries.states import Fault
from kfwd.errors import KfwdError, Unreachable
from kfwd.kube.cluster import Cluster
from kfwd.model import Snapshot
from kfwd.resolve import target as targets
from kfwd.resolve.route import Candidate, order
from kfwd.resolve.routes import candidates
from kfwd.resolve.target import Target

OPEN_S = 5.0


class Context(Dials, Protocol):
    """The context to look in."""

    @property
    def name(self) -> str: ...

    @property
    def fault(self) -> Fault | None: ...

    async def cluster(self) -> Cluster: ...


async def routes(
    context: Context,
    text: str,
    namespace: str | None,
    *,
    gateways: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> RouteList:
    """The routes to `TARGET` or `TARGET:PORT`, the best first.

    `gateways` are where kfwd gateways of this context listen. Raises `UsageError`, `NotFound`, and
    what hinders reading the target.
    """
    target, port = parse(text)
    cluster = await opened(context)
    where = namespace or cluster.context.namespace
    known, around = await asyncio.gather(
        objects.facts(cluster, target, where), objects.surroundings(cluster, where, gateways)
    )
    found = candidates(target, port, known, where, around)
    trials = Trials(context, cluster, limits or Limits())
    views = await asyncio.gather(*(trials.view(route) for route in found))
    return RouteList(target=str(target), routes=tuple(best_first(found, views)))


def parse(text: str) -> tuple[Target, str | None]:
    """`TARGET` or `TARGET:PORT`. Raises `UsageError`."""
    return targets.with_port(text) if ":" in text else (targets.parse(text), None)


def best_first(found: list[Candidate], views: list[RouteView]) -> list[RouteView]:
    """The routes in the order that people want."""
    pairs = zip(found, views, strict=True)
    ranked = sorted(pairs, key=lambda p: order(p[1].kind, p[1].state, p[0].web, p[1].latency_ms))
    return [view for _, view in ranked]


def gateways(snapshot: Snapshot, context: str) -> tuple[str, ...]:
    """Where the kfwd gateways of a context listen, `HOST:PORT` each."""
    listening = (
        port.listen
        for entry in snapshot.entries
        if entry.kind == "gateway" and entry.context == context
        for port in entry.ports
    )
    tcp = ([each for each in listen if not each.startswith("unix:")] for listen in listening)
    return tuple(each[0] for each in tcp if each)


async def opened(context: Context) -> Cluster:
    """The cluster of a context. Raises what hinders reading its kubeconfig."""
    try:
        async with asyncio.timeout(OPEN_S):
            return await context.cluster()
    except TimeoutError:
        fault = context.fault
        text = fault.problem.text if fault else f"the context {context.name} does not open"
        raise (KfwdError if fault else Unreachable)(text) from None
