"""The daemon: what can be asked of it. Every change goes one way, one after the other:

saved state -> what is wanted -> stop, then start -> saved to disk. A change that was begun is
carried out, even if whoever asked for it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kfwd.api_contexts import ContextList, SwitchRequest
from kfwd.api_handover import HandoverRequest, Successor
from kfwd.api_model import DownRequest, EntryRequest, Plan, Taken, UpRequest
from kfwd.daemon import adhoc, context_list, profiles, reloading, wants
from kfwd.daemon.attached import Attached
from kfwd.daemon.callers import Callers
from kfwd.daemon.changes import Changes
from kfwd.daemon.clusters import Clusters, SharedContext
from kfwd.daemon.doctor.examine import Doctor
from kfwd.daemon.factory import Factory, Inherited
from kfwd.daemon.health import DAEMON, about
from kfwd.daemon.history import History
from kfwd.daemon.logins import Logins
from kfwd.daemon.logs import Ring
from kfwd.daemon.profiles_watch import Change, watch_profiles
from kfwd.daemon.reach import limits
from kfwd.daemon.reconcile import Plan as Steps
from kfwd.daemon.reconcile import diff
from kfwd.daemon.state import Saved, Saver, UpProfile, encode
from kfwd.daemon.store import Store, sample
from kfwd.daemon.supervisor import Supervisor
from kfwd.daemon.switch import Switch
from kfwd.daemon.wakeups import open_netlink, watch_clocks, watch_network
from kfwd.entries.entry import Entry
from kfwd.errors import DaemonReplaced, KfwdError, NotFound, UsageError
from kfwd.front.door import Door
from kfwd.kube import kubeconfig
from kfwd.model import ADHOC, ContextRef, EntryView, Problem, Wanted
from kfwd.paths import Paths
from kfwd.tasks import TaskSet

log = logging.getLogger(__name__)


class Daemon:
    """One daemon. `start`, then any of the rest, then `close`.

    `hand_over` and `on_listeners` (some may have been bound or closed) are set by who runs it.
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
        default_kubeconfig: tuple[str, ...],
        inherited: Inherited | None = None,
    ) -> None:
        self.paths = paths
        self.saved = saved
        self.store = store
        self.ring = ring
        self.history = History(paths.history_file, store.set_problem)
        self.callers = Callers()
        self.stopping = asyncio.Event()
        self.on_listeners: Callable[[], None] = lambda: None
        self.saver = Saver(paths.state_file, lambda: encode(self.saved), self._save_failed)
        self.attached = Attached(self._end_attached)
        self._factory = Factory(saved.ports, self.saver.changed, inherited)
        self._clusters = Clusters(
            env,
            saved.transports_known,
            changed=self._show_contexts,
            learned=self.saver.changed,
            cut=self.history.note_cut,
        )
        self.logins = Logins(self._clusters, default_kubeconfig)
        self._tasks = TaskSet("daemon")
        self.limits = limits.read(env.get(limits.VARIABLE))
        self._default_kubeconfig = default_kubeconfig
        self._supervisor = Supervisor(self._make, show=self.show, gone=self._gone)
        self.doctor = Doctor(
            self._clusters,
            supervisor=self._supervisor,
            store=store,
            history=self.history,
            env=env,
            default_kubeconfig=default_kubeconfig,
        )
        self._switch = Switch(saved, self._clusters, self._supervisor, self._tasks)
        self._profile_problems: dict[str, Problem] = {}
        self._changes = Changes(self._tasks, self.saver)
        self.change = self._changes.run
        self.check_not_replaced = self._changes.check

    async def start(self, *, accepting: bool = True) -> None:
        """Bind every listener of what was up, then look after everything.

        Without `accepting`, connections are left to another process until the doors resume.
        """
        self._supervisor.accepting = accepting
        async with self._changes.lock:
            await self._reconcile()
        self._supervisor.accepting = True
        self._tasks.spawn(self.saver.run(), "save state")
        self._tasks.spawn(self.history.run(), "write history")
        self._tasks.spawn(sample(self.store, self._supervisor.counters), "sample counters")
        watch = watch_profiles(self.paths.profiles, lambda: self.saved.profiles, self.reload)
        self._tasks.spawn(watch, "watch profiles")
        self._tasks.spawn(watch_clocks(self.look_again), "watch the clocks")
        self._tasks.spawn(watch_network(self.look_again, open_netlink()), "watch the network")

    def doors(self) -> list[tuple[str, Door[Any]]]:
        """Where connections come in, with the ids of the entries."""
        return self._supervisor.doors()

    @property
    def left(self) -> bool:
        return self._changes.over

    def leave(self) -> None:
        """Another process is the daemon: hold no listener, change and save nothing any more."""
        self._changes.over = True
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
        await self.saver.write()
        await self.history.close()
        return stuck

    async def up(self, request: UpRequest) -> Plan:
        """Bring profiles up, as their files are now."""
        return await self.change(lambda: self._up(request))

    async def _up(self, request: UpRequest) -> Plan:
        specs = await self._wish(request)
        plan = self._plan(specs)
        self.saved.profiles.update(specs)
        for name in specs:
            self._profile_problems.pop(name, None)
        await self._reconcile()
        return plan

    async def plan(self, request: UpRequest) -> Plan:
        """What `up` would do."""
        return self._plan(await self._wish(request))

    async def down(self, request: DownRequest) -> Plan:
        """Take profiles down; what they were pinned to is forgotten."""

        async def change() -> Plan:
            names = list(self.saved.profiles) if request.all else list(request.profiles)
            self._check_known(names)
            running = self._wanted.items()
            going = {id: each for id, each in running if request.all or each.profile in names}
            plan = wants.plan(names, going, {})
            for name in names:
                self.saved.profiles.pop(name, None)
                self._profile_problems.pop(name, None)
            for id in going:
                self._forget(id)
            await self._reconcile()
            return plan

        return await self.change(change)

    async def reload(self, changes: Sequence[Change]) -> None:
        """Profiles' files changed. One that is invalid changes nothing but its problem."""
        self.check_not_replaced()
        up = [change for change in changes if change.name in self.saved.profiles]
        if gone := tuple(change.name for change in up if change.deleted):
            log.warning("the files of these profiles are gone, they go down: %s", ", ".join(gone))
            await self.down(DownRequest(profiles=gone))
        names = [change.name for change in up if not change.deleted]
        await reloading.together(names, self._renew, self._refuse)

    async def _renew(self, names: Sequence[str]) -> Plan:
        """Those that are still up, as their files are now."""

        async def change() -> Plan:
            up = tuple(name for name in names if name in self.saved.profiles)
            return await self._up(UpRequest(kubeconfig=(), profiles=up)) if up else Plan()

        return await self.change(change)

    def _refuse(self, name: str, error: KfwdError) -> None:
        problem = self._profile_problems[name] = profiles.problem_of(error)
        log.warning("profile %s does not count as it is: %s", name, problem.text)
        self._show_profiles()

    async def reload_all(self) -> None:
        """Read the files of all profiles that are up, and look at the clusters, at once."""
        await self.reload([Change(name) for name in self.saved.profiles])
        self._clusters.refresh()

    async def put(self, name: str, taken: Taken, request: EntryRequest) -> str:
        """Add or change an ad-hoc entry; returns its id."""

        async def change() -> str:
            spec = msgspec.structs.replace(request.spec, name=self._name(name, taken))
            adhoc.check(spec)
            context = await self._find(request.kubeconfig, request.context)
            wanted = Wanted(profile=ADHOC, spec=spec, context=context)
            others = (each for id, each in self._wanted.items() if id != wanted.id)
            adhoc.refuse_clash(spec, others)
            self._forget(wanted.id)
            if request.attached:
                self.attached.expect(wanted)
            else:
                self.saved.adhoc[wanted.id] = wanted
            await self._reconcile()
            return wanted.id

        return await self.change(change)

    async def remove(self, id: str) -> Wanted:
        """End an ad-hoc entry for good; returns what it was."""

        async def change() -> Wanted:
            was = self._known(id)
            if was.profile != ADHOC:
                raise UsageError(
                    f"{id} belongs to a profile", hint="edit its file, or take the profile down"
                )
            self._forget(id)
            self.saved.ports.pop(id, None)
            await self._reconcile()
            return was

        return await self.change(change)

    async def pause(self, id: str, paused: bool) -> None:
        """Free the entry's ports and end its connections, or undo that and look again at once."""

        async def change() -> None:
            context = self._known(id).context
            (self.saved.paused.add if paused else self.saved.paused.discard)(id)
            await self._reconcile()
            if not paused:
                self._clusters.refresh(context)

        await self.change(change)

    async def switch(self, request: SwitchRequest) -> Plan:
        """Have entries go on in another context, on the listeners they have."""

        async def change() -> Plan:
            to = await self._find(request.kubeconfig, request.to)
            plan = await self._switch.carry_out(request.source, to, end=request.end)
            await self._reconcile()
            return plan

        return await self.change(change)

    async def restart(self, id: str) -> None:
        """Stop the entry and start it anew; one that is paused comes back."""

        async def change() -> None:
            await self._carry_out(Steps(stop=(id,), start=(self._known(id),)))

        await (self.pause(id, False) if self._known(id).paused else self.change(change))

    async def contexts(self, paths: tuple[str, ...]) -> ContextList:
        """The contexts to choose from."""
        known = await asyncio.to_thread(kubeconfig.load, paths or self._default_kubeconfig)
        return context_list.listed(known, self._clusters.in_use(), self._wanted.values())

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

    def _make(self, wanted: Wanted) -> Entry:
        context = self._clusters.get(wanted.context)
        return self._factory.make(wanted, context, self._supervisor.show)

    def _gone(self, id: str) -> None:
        self.history.forget(id)
        self.store.remove(id)
        self.on_listeners()

    @property
    def _wanted(self) -> dict[str, Wanted]:
        return wants.wanted(self.saved, self.attached.entries)

    def _known(self, id: str) -> Wanted:
        if (wanted := self._wanted.get(id)) is None:
            raise NotFound(f'there is no entry "{id}"', hint="`kfwd ls` lists them")
        return wanted

    def _name(self, name: str, taken: Taken) -> str:
        known = {each.spec.name for each in self._wanted.values() if each.profile == ADHOC}
        if taken == "next":
            return wants.free_name(name, known)
        if taken == "fail" and name in known:
            raise adhoc.NameTaken(f'there is an entry "{ADHOC}/{name}" already')
        return name

    def _check_known(self, names: Iterable[str]) -> None:
        known = {*self.saved.profiles, *profiles.names(self.paths.profiles)}
        for name in names:
            if name not in known:
                raise NotFound(f'there is no profile "{name}"', hint="`kfwd profile list`")

    def _forget(self, id: str) -> None:
        self.saved.adhoc.pop(id, None)
        self.saved.paused.discard(id)
        self.attached.discard(id)

    async def _wish(self, request: UpRequest) -> dict[str, UpProfile]:
        """The profiles asked for, read and pinned. Raises what is wrong with them."""
        before = dict(self.saved.profiles)
        entries = [each for each in self._wanted.values() if each.profile == ADHOC]
        taken = [listener for each in entries for listener in adhoc.listeners(each.spec)]
        read, folder, default = profiles.read_pinned, self.paths.profiles, self._default_kubeconfig
        return await asyncio.to_thread(read, folder, request, before, taken=taken, default=default)

    def _plan(self, specs: dict[str, UpProfile]) -> Plan:
        goal = msgspec.structs.replace(self.saved, profiles={**self.saved.profiles, **specs})
        after = wants.wanted(goal, self.attached.entries)
        return wants.plan_of(specs, self._supervisor.wanted, after)

    async def _reconcile(self) -> None:
        self.saved.paused.intersection_update(self._wanted)
        await self._carry_out(diff(self._supervisor.wanted, self._wanted))

    async def _carry_out(self, steps: Steps) -> None:
        if stuck := await self._supervisor.apply(steps):
            log.error("did not stop in time: %s", ", ".join(stuck))
        self._clusters.retain({each.context for each in self._supervisor.wanted.values()})
        self._show_profiles()
        self.saver.changed()

    def _show_contexts(self) -> None:
        views = self._clusters.views()
        self.history.note_contexts(*views)
        self.store.set_contexts(*views)

    def _show_profiles(self) -> None:
        self.store.set_profiles(profiles.views(self.saved.profiles, self._profile_problems))

    def _save_failed(self, problem: Problem | None) -> None:
        if problem is not None:
            log.error("%s", problem.text)
        self.store.set_problem("save", about(DAEMON, problem) if problem else None)

    def _end_attached(self, id: str) -> None:
        self._tasks.spawn(self._remove_attached(id), f"end {id}")

    async def _remove_attached(self, id: str) -> None:
        with contextlib.suppress(NotFound, DaemonReplaced):  # somebody else removed it or will
            await self.remove(id)
