"""The profiles that are up: brought up, taken down, and kept as their files are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from kfwd.api_model import DownRequest, Plan, UpRequest
from kfwd.daemon import adhoc, profiles, reloading, wants
from kfwd.daemon.changes import Changes
from kfwd.daemon.profiles_watch import Change
from kfwd.daemon.reconciler import Reconciler
from kfwd.daemon.state import UpProfile
from kfwd.daemon.store import Store
from kfwd.errors import KfwdError, NotFound
from kfwd.model import Problem

log = logging.getLogger(__name__)


class ProfilesUp:
    """`folder` has the files; `default_kubeconfig` is for those who name none."""

    def __init__(
        self,
        reconciler: Reconciler,
        changes: Changes,
        store: Store,
        folder: Path,
        default_kubeconfig: tuple[str, ...],
    ) -> None:
        self._reconciler = reconciler
        self._saved = reconciler.saved
        self._changes = changes
        self._store = store
        self._folder = folder
        self._default_kubeconfig = default_kubeconfig
        self._problems: dict[str, Problem] = {}

    async def up(self, request: UpRequest) -> Plan:
        """Bring profiles up, as their files are now."""
        return await self._changes.run(lambda: self._up(request))

    async def _up(self, request: UpRequest) -> Plan:
        specs = await self._wish(request)
        plan = self._reconciler.plan(specs)
        self._saved.profiles.update(specs)
        for name in specs:
            self._problems.pop(name, None)
        await self._reconciler.reconcile()
        return plan

    async def plan(self, request: UpRequest) -> Plan:
        """What `up` would do."""
        return self._reconciler.plan(await self._wish(request))

    async def _wish(self, request: UpRequest) -> dict[str, UpProfile]:
        """The profiles asked for, read and pinned. Raises what is wrong with them."""
        return await asyncio.to_thread(
            profiles.read_pinned,
            self._folder,
            request,
            dict(self._saved.profiles),
            taken=[each for e in self._reconciler.adhoc for each in adhoc.listeners(e.spec)],
            default=self._default_kubeconfig,
        )

    async def down(self, request: DownRequest) -> Plan:
        """Take profiles down; what they were pinned to is forgotten."""
        return await self._changes.run(lambda: self._down(request))

    async def _down(self, request: DownRequest) -> Plan:
        names = list(self._saved.profiles) if request.all else list(request.profiles)
        self._check_known(names)
        wanted = self._reconciler.wanted.items()
        going = {id: each for id, each in wanted if request.all or each.profile in names}
        plan = wants.plan(names, going, {})
        for name in names:
            self._saved.profiles.pop(name, None)
            self._problems.pop(name, None)
        for id in going:
            self._reconciler.forget(id)
        await self._reconciler.reconcile()
        return plan

    def _check_known(self, names: Sequence[str]) -> None:
        known = {*self._saved.profiles, *profiles.names(self._folder)}
        for name in names:
            if name not in known:
                raise NotFound(f'there is no profile "{name}"', hint="`kfwd profile list`")

    async def reload(self, changes: Sequence[Change]) -> None:
        """Profiles' files changed. One that is invalid changes nothing but its problem."""
        self._changes.check()
        up = [change for change in changes if change.name in self._saved.profiles]
        if gone := tuple(change.name for change in up if change.deleted):
            log.warning("the files of these profiles are gone, they go down: %s", ", ".join(gone))
            await self.down(DownRequest(profiles=gone))
        names = [change.name for change in up if not change.deleted]
        await reloading.together(names, self._renew, self._refuse)

    async def reload_all(self) -> None:
        """Read the files of all of them at once."""
        await self.reload([Change(name) for name in self._saved.profiles])

    async def _renew(self, names: Sequence[str]) -> Plan:
        """Those that are still up, as their files are now."""

        async def change() -> Plan:
            up = tuple(name for name in names if name in self._saved.profiles)
            return await self._up(UpRequest(kubeconfig=(), profiles=up)) if up else Plan()

        return await self._changes.run(change)

    def _refuse(self, name: str, error: KfwdError) -> None:
        problem = self._problems[name] = profiles.problem_of(error)
        log.warning("profile %s does not count as it is: %s", name, problem.text)
        self.show()

    def show(self) -> None:
        """Put them into the store as they are."""
        self._store.set_profiles(profiles.views(self._saved.profiles, self._problems))
