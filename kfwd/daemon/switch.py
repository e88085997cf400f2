"""`kfwd context switch`: entries go on in another context, on the same listeners.

All of them or none: before anything moves, what they stand for is looked for in the other cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack

from msgspec.structs import replace

from kfwd.api_model import Plan
from kfwd.daemon import wants
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.reach import find, objects
from kfwd.daemon.state import Saved
from kfwd.daemon.supervisor import Supervisor
from kfwd.errors import Forbidden, KfwdError, NotFound, UsageError
from kfwd.kube.cluster import Cluster
from kfwd.kube.objects import NAMESPACES
from kfwd.model import ContextRef, ForwardSpec, ProxySpec, Wanted
from kfwd.resolve import target as targets
from kfwd.resolve.endpoints import resolve
from kfwd.resolve.target import Target
from kfwd.tasks import TaskSet

MISSING = frozenset(
    {"not-found", "no-such-port", "bad-port", "udp-port", "no-selector", "external-name"}
)
"""What no wait cures. A target without a ready pod may be switched to: it waits, as ever."""


class SwitchRefused(NotFound):
    """Something that the entries stand for is not in the other cluster; nothing was changed."""

    code = "switch-refused"


class Switch:
    """Carries switches out, for a daemon that makes one change at a time."""

    def __init__(
        self, saved: Saved, clusters: Clusters, supervisor: Supervisor, tasks: TaskSet
    ) -> None:
        self._saved = saved
        self._clusters = clusters
        self._supervisor = supervisor
        self._tasks = tasks

    async def carry_out(self, source: str, to: ContextRef, *, end: bool) -> Plan:
        """Move what is in a context named `source`. Raises `NotFound`, `SwitchRefused`, or why the
        other cluster cannot be asked; then nothing has changed.
        """
        goal = moved(self._saved, source, to)
        before, after = wants.wanted(self._saved, {}), wants.wanted(goal, {})
        going = {id: each for id, each in after.items() if each != before[id]}
        if not going and source == to.name:
            raise UsageError(f'"{source}" is where they are already')
        if not going:
            raise NotFound(
                f'no entry is in a context "{source}" that could go to {to.name}',
                hint="`kfwd ls` shows the context of each",
                code="no-entry",
            )
        with self._clusters.borrow(to) as context:
            await _refuse_missing(await find.opened(context), going.values())
            self._saved.profiles, self._saved.adhoc = goal.profiles, goal.adhoc
            for id, wanted in going.items():
                self._move(before[id].context, wanted, end=end)
            self._clusters.retain({each.context for each in self._supervisor.wanted.values()})
        return wants.plan((), {id: before[id] for id in going}, going)

    def _move(self, source: ContextRef, wanted: Wanted, *, end: bool) -> None:
        context = self._clusters.get(wanted.context)
        if left := self._supervisor.move(wanted, context, end=end):
            kept = ExitStack()
            kept.enter_context(self._clusters.borrow(source))
            self._tasks.spawn(_until_over(left, kept), f"leave {source.name}")


async def _until_over(left: Iterable[asyncio.Task[None]], kept: ExitStack) -> None:
    """Keep a context as long as connections are open in it."""
    with kept:
        await asyncio.wait(left)


def moved(saved: Saved, source: str, to: ContextRef) -> Saved:
    """What is saved after a switch: the profiles and ad-hoc entries in `source` are in `to`."""
    profiles = {
        name: replace(up, moved=None if to == up.context else to)
        if up.current.name == source
        else up
        for name, up in saved.profiles.items()
    }
    adhoc = {
        id: replace(each, context=to) if each.context.name == source else each
        for id, each in saved.adhoc.items()
    }
    return replace(saved, profiles=profiles, adhoc=adhoc)


async def _refuse_missing(cluster: Cluster, entries: Iterable[Wanted]) -> None:
    await cluster.api.version()
    found = await asyncio.gather(*(_missing(cluster, each) for each in entries))
    if lines := list(dict.fromkeys(line for lines in found for line in lines)):
        raise SwitchRefused(
            "\n".join([f"not all of it exists in {cluster.name}:", *_listed(lines)]),
            hint="nothing was changed; make what is missing, or take those entries down first",
        )


def _listed(lines: list[str]) -> list[str]:
    """A line each, that make one sentence when they are joined."""
    return [*(f"{line};" for line in lines[:-1]), lines[-1]]


async def _missing(cluster: Cluster, wanted: Wanted) -> list[str]:
    """What an entry stands for and the cluster does not have."""
    spec = wanted.spec
    namespace = spec.namespace or wanted.namespace or cluster.context.namespace
    if spec.target is None:
        return []
    try:
        await cluster.api.get(NAMESPACES, None, namespace)
    except NotFound:
        return [f"{wanted.id}: there is no namespace {namespace}"]
    except Forbidden:
        pass  # its objects will tell
    return [f"{wanted.id}: {text}" for text in await _unresolved(cluster, spec, namespace)]


async def _unresolved(cluster: Cluster, spec: ForwardSpec | ProxySpec, namespace: str) -> list[str]:
    target, ports = _meant(spec)
    try:
        facts = await objects.facts(cluster, target, namespace)
    except Forbidden:
        return []  # what may not be looked at cannot be missed
    except KfwdError as error:
        return [error.text]
    problems = [resolve(target, port, facts, namespace).problem for port in ports]
    return [each.text for each in problems if each is not None and each.code in MISSING]


def _meant(spec: ForwardSpec | ProxySpec) -> tuple[Target, list[str]]:
    if isinstance(spec, ProxySpec):
        target, port = targets.with_port(spec.target or "")
        return target, [port]
    return targets.parse(spec.target), [port.remote for port in spec.ports]
