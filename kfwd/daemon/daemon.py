"""The daemon: what can be asked of it. Every change goes one way, one after the other:

saved state -> what is wanted -> stop, then start -> saved to disk. A change that was begun is
carried out, even if whoever asked for it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from kfwd.api_contexts import ContextList, SwitchRequest
from kfwd.api_handover import HandoverRequest, Successor
from kfwd.api_model import EntryRequest, Plan, Taken
from kfwd.daemon import adhoc, context_list, profiles
from kfwd.daemon.attached import Attached
from kfwd.daemon.callers import Callers
from kfwd.daemon.changes import Changes
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.doctor.examine import Doctor
from kfwd.daemon.factory import Factory, Inherited
from kfwd.daemon.health import DAEMON, about
from kfwd.daemon.history import History
from kfwd.daemon.logins import Logins
from kfwd.daemon.logs import Ring
from kfwd.daemon.profiles_up import ProfilesUp
from kfwd.daemon.profiles_watch import watch_profiles
from kfwd.daemon.reach import limits
from kfwd.daemon.reconciler import Reconciler
from kfwd.daemon.shared_context import SharedContext
from kfwd.daemon.state import Saved, Saver, encode
from kfwd.daemon.store import Store, sample
from kfwd.daemon.supervisor import Supervisor
from kfwd.daemon.switch import Switch
from kfwd.daemon.wakeups import open_netlink, watch_clocks, watch_network
from kfwd.entries.entry import Entry
from kfwd.errors import DaemonReplaced, NotFound, UsageError
from kfwd.front.door import Door
from kfwd.kube import kubeconfig
from kfwd.model import ADHOC, ContextRef, EntryView, Problem, Wanted
from kfwd.paths import Paths, kubeconfigs
from kfwd.profiles import words
from kfwd.tasks import TaskSet

log = logging.getLogger(__name__)


class Daemon:
    """One daemon. `start`, then any of the rest, then `close`.

    `env` is what plugins see, and names the kubeconfig of callers that name none. `hand_over` and
    `on_listeners` (some may have been bound or closed) are set by who runs it.
    """

    hand_over: Callable[[HandoverRequest], Awaitable[Successor]]

    def __init__(
        self,
        paths: Paths,
        saved: Saved,
        *,
        store: Store,
        ring: Ring,
        env: Mapping[str, str],
        inherited: Inherited | None = None,
    ) -> None:
        self.paths, self.saved, self.store, self.ring = paths, saved, store, ring
        self._default_kubeconfig = kubeconfigs(env)
        self.limits = limits.read(env.get(limits.VARIABLE))
        self.stopping = asyncio.Event()
        self.on_listeners: Callable[[], None] = lambda: None
        self._tasks = TaskSet("daemon")
        self.callers = Callers()
        self.history = History(paths.history_file, store.set_problem)
        self.saver = Saver(paths.state_file, lambda: encode(self.saved), self._save_failed)
        self.changes = Changes(self._tasks, self.saver)
        self.attached = Attached(self._end_attached)
        self._clusters = self._lender(env)
        self._factory = Factory(saved.ports, self.saver.changed, inherited)
        self._supervisor = running = Supervisor(self._make, show=self.show, gone=self._gone)
        self._switch = Switch(saved, self._clusters, running, self._tasks)
        self._reconciler = Reconciler(
            saved, self.attached, running, self._clusters, self._reconciled
        )
        self.profiles = ProfilesUp(
            self._reconciler, self.changes, store, paths.profiles, self._default_kubeconfig
        )
        self.logins = Logins(self._clusters, self._default_kubeconfig)
        self.doctor = Doctor(
            self._clusters, supervisor=running, store=store, history=self.history, env=env
        )

    def _lender(self, env: Mapping[str, str]) -> Clusters:
        return Clusters(
            env,
            self.saved.transports_known,
            changed=self._show_contexts,
            learned=self.saver.changed,
            cut=self.history.note_cut,
        )

    async def start(self, *, accepting: bool = True) -> None:
        """Bind every listener of what was up, then look after everything.

        Without `accepting`, connections are left to another process until the doors resume.
        """
        self._supervisor.accepting = accepting
        async with self.changes.lock:
            await self._reconciler.reconcile()
        self._supervisor.accepting = True
        self._tasks.spawn(self.saver.run(), "save state")
        self._tasks.spawn(self.history.run(), "write history")
        self._tasks.spawn(sample(self.store, self._supervisor.counters), "sample counters")
        watch = watch_profiles(
            self.paths.profiles, lambda: self.saved.profiles, self.profiles.reload
        )
        self._tasks.spawn(watch, "watch profiles")
        self._tasks.spawn(watch_clocks(self.look_again), "watch the clocks")
        self._tasks.spawn(watch_network(self.look_again, open_netlink()), "watch the network")

    def doors(self) -> list[tuple[str, Door[Any]]]:
        """Where connections come in, with the ids of the entries."""
        return self._supervisor.doors()

    @property
    def left(self) -> bool:
        return self.changes.over

    def leave(self) -> None:
        """Another process is the daemon: hold no listener, change and save nothing any more."""
        self.changes.over = True
        self.saver.leave()
        self.attached.leave()
        for id, door in self.doors():
            door.leave()
            self.history.forget(id)

    async def close(self) -> list[str]:
        """Stop everything. Returns the names of the tasks that did not stop in time."""
        self.attached.close()
        stuck = await self._supervisor.close()
        stuck += await self._clusters.close()
        stuck += await self._tasks.close()
        await self.saver.close()
        await self.history.close()
        return stuck

    async def reload_all(self) -> None:
        """Read the files of all profiles that are up, and look at the clusters, at once."""
        await self.profiles.reload_all()
        self._clusters.refresh()

    async def put(self, name: str, taken: Taken, request: EntryRequest) -> str:
        """Add or change an ad-hoc entry; returns its id."""

        async def change() -> str:
            spec = msgspec.structs.replace(request.spec, name=self._name(name, taken))
            adhoc.check(spec)
            context = await self._find(request.kubeconfig, request.context)
            wanted = Wanted(profile=ADHOC, spec=spec, context=context)
            others = (each for id, each in self._reconciler.wanted.items() if id != wanted.id)
            adhoc.refuse_clash(spec, others)
            self._reconciler.forget(wanted.id)
            if request.attached:
                self.attached.expect(wanted)
            else:
                self.saved.adhoc[wanted.id] = wanted
            await self._reconciler.reconcile()
            return wanted.id

        return await self.changes.run(change)

    async def remove(self, id: str) -> Wanted:
        """End an ad-hoc entry for good; returns what it was."""

        async def change() -> Wanted:
            was = self._reconciler.known(id)
            if was.profile != ADHOC:
                raise UsageError(
                    f"{id} belongs to a profile", hint="edit its file, or take the profile down"
                )
            self._reconciler.forget(id)
            self.saved.ports.pop(id, None)
            await self._reconciler.reconcile()
            return was

        return await self.changes.run(change)

    async def pause(self, id: str, paused: bool) -> None:
        """Free the entry's ports and end its connections, or undo that and look again at once."""

        async def change() -> None:
            context = self._reconciler.known(id).context
            (self.saved.paused.add if paused else self.saved.paused.discard)(id)
            await self._reconciler.reconcile()
            if not paused:
                self._clusters.refresh(context)

        await self.changes.run(change)

    async def switch(self, request: SwitchRequest) -> Plan:
        """Have entries go on in another context, on the listeners they have."""

        async def change() -> Plan:
            to = await self._find(request.kubeconfig, request.to)
            plan = await self._switch.carry_out(request.source, to, end=request.end)
            await self._reconciler.reconcile()
            return plan

        return await self.changes.run(change)

    async def restart(self, id: str) -> None:
        """Stop the entry and start it anew; one that is paused comes back."""
        if self._reconciler.known(id).paused:
            await self.pause(id, False)
        else:
            await self.changes.run(lambda: self._reconciler.restart(id))

    async def contexts(self, paths: tuple[str, ...]) -> ContextList:
        """The contexts to choose from."""
        known = await asyncio.to_thread(kubeconfig.load, paths or self._default_kubeconfig)
        return context_list.listed(known, self._clusters.in_use(), self._reconciler.wanted.values())

    @contextlib.asynccontextmanager
    async def context(
        self, paths: tuple[str, ...], name: str | None
    ) -> AsyncIterator[SharedContext]:
        """A context for a while, whether an entry uses it or not. Raises `ConfigError`."""
        with self._clusters.borrow(await self._find(paths, name)) as context:
            yield context

    async def _find(self, paths: tuple[str, ...], name: str | None) -> ContextRef:
        return await asyncio.to_thread(profiles.find, paths or self._default_kubeconfig, name)

    def entry(self, id: str) -> Entry:
        """The running entry. Raises `NotFound`."""
        entry = self._supervisor.entry(id)
        if entry is None:
            raise NotFound(f'there is no entry "{id}"', hint="`kfwd ls` lists them")
        return entry

    def look_again(self, reason: str) -> None:
        """Something happened to the machine or its network: ask every API server and session."""
        log.info("%s: looking at the clusters again", reason)
        self._clusters.way_changed()

    def look(self) -> None:
        """Bring the counters in the store up to now."""
        self.store.move(self._supervisor.counters())

    def show(self, view: EntryView) -> None:
        if not self.left:
            self.history.note(view)
        self.store.put(view)
        self.on_listeners()

    def _reconciled(self) -> None:
        self.profiles.show()
        self.saver.changed()

    def _make(self, wanted: Wanted) -> Entry:
        context = self._clusters.get(wanted.context)
        return self._factory.make(wanted, context, self._supervisor.show)

    def _gone(self, id: str) -> None:
        self.history.forget(id)
        self.store.remove(id)
        self.on_listeners()

    def _name(self, name: str, taken: Taken) -> str:
        known = {each.spec.name for each in self._reconciler.adhoc}
        if taken == "next":
            return words.free_name(name, known)
        if taken == "fail" and name in known:
            raise adhoc.NameTaken(f'there is an entry "{ADHOC}/{name}" already')
        return name

    def _show_contexts(self) -> None:
        views = self._clusters.views()
        self.history.note_contexts(*views)
        self.store.set_contexts(*views)

    def _save_failed(self, problem: Problem | None) -> None:
        if problem is not None:
            log.error("%s", problem.text)
        self.store.set_problem("save", about(DAEMON, problem) if problem else None)

    def _end_attached(self, id: str) -> None:
        self._tasks.spawn(self._remove_attached(id), f"end {id}")

    async def _remove_attached(self, id: str) -> None:
        with contextlib.suppress(NotFound, DaemonReplaced):  # somebody else removed it or will
            await self.remove(id)
