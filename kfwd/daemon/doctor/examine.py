"""Who is examined, and in what order that is told: contexts first, then entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import ExitStack

from msgspec import Struct

from kfwd.api_doctor import AnyDoctorEvent, DoctorQuery, HopWalked
from kfwd.daemon import profiles
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.doctor import cuts
from kfwd.daemon.doctor.context import ContextWalk
from kfwd.daemon.doctor.entry import EntryWalk, untried
from kfwd.daemon.doctor.findings import diagnosis, unknown, unread
from kfwd.daemon.doctor.walk import Told, Walk
from kfwd.daemon.history import History
from kfwd.daemon.shared_context import SharedContext
from kfwd.daemon.store import Store
from kfwd.daemon.supervisor import Supervisor
from kfwd.errors import ConfigError, NotFound, UpgradeFailed
from kfwd.kube import kubeconfig
from kfwd.kube.cluster import Cluster
from kfwd.model import ContextRef, EntryView, State
from kfwd.paths import kubeconfigs
from kfwd.tasks import TaskSet

AT_ONCE = 8
TRIED_MAX = 64
"""Entries that are walked; of more than these is told what is known."""

LOOK_S = 3.0
"""How long an entry that has just begun, or whose cluster is just back, is waited for."""

AWAY = {
    "connect-failed",
    "connect-timeout",
    "connection-lost",
    "dns-failed",
    "proxy-failed",
    "session-lost",
    "timeout",
    "tls-failed",
    "unreachable",
}
"""Problems that watches and sessions of an entry get over soon when the API server is back."""

BY_RIGHTS = {"forbidden", "portforward-forbidden", "not-readable"}
"""Problems of a namespace, whichever entry has them."""


class Asked(Struct, frozen=True):
    """Whom to walk. `alike`: who else has the problem of one that is walked."""

    contexts: tuple[ContextRef, ...]
    entries: tuple[str, ...] = ()
    alike: Mapping[str, list[str]] = {}


class Doctor:
    """`env` is the daemon's, and names the kubeconfig of callers that name none."""

    def __init__(
        self,
        clusters: Clusters,
        *,
        supervisor: Supervisor,
        store: Store,
        history: History,
        env: Mapping[str, str],
    ) -> None:
        self._clusters = clusters
        self._supervisor = supervisor
        self._store = store
        self._history = history
        self._env = env
        self._default = kubeconfigs(env)

    async def examine(self, query: DoctorQuery) -> AsyncGenerator[AnyDoctorEvent, None]:
        """Every hop as it is walked, then the diagnosis. Raises `NotFound`."""
        try:
            asked = await self._asked(query)
        except ConfigError as error:
            for event in unknown(query.context, error):
                yield event
            return
        tasks, told = TaskSet("doctor"), await _callers(query, asked)
        for step in told:
            yield step
        with ExitStack() as stack:
            try:
                for walk in self._begin(asked, query.path, stack, tasks):
                    async for step in walk:
                        told.append(step)
                        yield step
            finally:
                await tasks.close()
        yield diagnosis(told, asked.alike)

    async def _asked(self, query: DoctorQuery) -> Asked:
        wanted = self._supervisor.wanted
        if query.entry is not None:
            if query.entry not in wanted:
                raise NotFound(f'there is no entry "{query.entry}"', hint="`kfwd ls` lists them")
            return Asked((wanted[query.entry].context,), (query.entry,))
        used = tuple(self._clusters.in_use())
        if query.context is not None or not used:
            paths = query.kubeconfig or self._default
            return Asked((await asyncio.to_thread(profiles.find, paths, query.context),))
        grouped = groups(self._store.snapshot().entries)
        return Asked(used, tuple(id for id in grouped if id in wanted), grouped)

    def _begin(
        self, asked: Asked, path: str | None, stack: ExitStack, tasks: TaskSet
    ) -> list[Walk]:
        """Start all walks; they run at the same time."""
        walks, clusters, room = [], {}, asyncio.Semaphore(AT_ONCE)
        for ref in asked.contexts:
            context, walk = stack.enter_context(self._clusters.borrow(ref)), Walk(ref.name)
            walks.append(walk)
            clusters[ref] = context, tasks.spawn(self._context(context, walk, path), ref.name)
        for number, id in enumerate(asked.entries):
            walk = Walk(id)
            walks.append(walk)
            if number >= TRIED_MAX:
                self._untried(id, walk)
                continue
            context, cluster = clusters[self._supervisor.wanted[id].context]
            tasks.spawn(self._entry(id, context, cluster, walk, room), id)
        return walks

    async def _context(
        self, context: SharedContext, walk: Walk, path: str | None
    ) -> Cluster | None:
        try:
            cluster = await ContextWalk(context, walk, self._env, path).run()
            walk.tell("cuts", await self._cuts(context.name))
            return cluster
        finally:
            walk.end()

    async def _cuts(self, context: str) -> Told:
        return cuts.told(await self._history.cuts(context))

    async def _entry(
        self,
        id: str,
        context: SharedContext,
        reached: asyncio.Task[Cluster | None],
        walk: Walk,
        room: asyncio.Semaphore,
    ) -> None:
        try:
            cluster = await asyncio.shield(reached)
            async with room:
                if cluster is not None:
                    await self._begun(id)
                if (entry := self._supervisor.entry(id)) is not None:
                    await EntryWalk(entry, context, cluster, walk).run()
        finally:
            walk.end()

    def _untried(self, id: str, walk: Walk) -> None:
        if (entry := self._supervisor.entry(id)) is not None:
            untried(entry, walk)
        walk.end()

    async def _begun(self, id: str) -> None:
        """Let an entry find out what there is now that its API server answers."""
        subscription = self._store.subscribe()
        try:
            async with asyncio.timeout(LOOK_S):
                async for _ in subscription:
                    if not _at_a_loss(self._store.entry(id)):
                        return
        except TimeoutError:
            return
        finally:
            subscription.close()


async def _callers(query: DoctorQuery, asked: Asked) -> list[HopWalked]:
    """What is wrong with the caller's kubeconfig, where no walk reads it."""
    walked = query.entry or query.context or not query.kubeconfig
    if walked or any(ref.kubeconfig == query.kubeconfig for ref in asked.contexts):
        return []
    try:
        await asyncio.to_thread(kubeconfig.load, query.kubeconfig)
    except ConfigError as error:
        return [unread(error)]
    return []


def _at_a_loss(view: EntryView | None) -> bool:
    """Whether an entry does not know yet what its API server, which answers, says."""
    if view is None or view.problem is None:
        return view is not None and view.state is State.STARTING
    return view.problem.cause is not None or view.problem.code in AWAY


def groups(entries: Iterable[EntryView]) -> dict[str, list[str]]:
    """The entries with a problem of their own, one for each problem, and who else has that one."""
    first: dict[tuple[str, str, str], str] = {}
    found: dict[str, list[str]] = {}
    for entry in entries:
        problem = entry.problem
        if problem is None or problem.severity == "info":
            continue
        if problem.cause is not None and problem.code != UpgradeFailed.code:
            continue  # the walk to its context tells; that opens no session
        by_rights = problem.code in BY_RIGHTS
        said = (problem.code, entry.namespace) if by_rights else (problem.code, problem.text)
        one = first.setdefault((entry.context, *said), entry.id)
        found.setdefault(one, [])
        if one != entry.id:
            found[one].append(entry.id)
    return found
