"""Has what runs follow what is wanted: what is saved, and the entries of a process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from kfwd.api_model import Plan
from kfwd.daemon import wants
from kfwd.daemon.attached import Attached
from kfwd.daemon.clusters import Clusters
from kfwd.daemon.reconcile import Plan as Steps
from kfwd.daemon.reconcile import diff
from kfwd.daemon.state import Saved, UpProfile
from kfwd.daemon.supervisor import Supervisor
from kfwd.errors import NotFound
from kfwd.model import ADHOC, Wanted

log = logging.getLogger(__name__)


class Reconciler:
    """One change at a time: whoever calls holds the lock of `Changes`.

    `done` is called whenever what runs has been brought in line.
    """

    def __init__(
        self,
        saved: Saved,
        attached: Attached,
        supervisor: Supervisor,
        clusters: Clusters,
        done: Callable[[], None],
    ) -> None:
        self.saved = saved
        self._attached = attached
        self._supervisor = supervisor
        self._clusters = clusters
        self._done = done

    @property
    def wanted(self) -> dict[str, Wanted]:
        """Everything that should run, by id."""
        return wants.wanted(self.saved, self._attached.entries)

    @property
    def adhoc(self) -> list[Wanted]:
        """What is wanted of no profile."""
        return [each for each in self.wanted.values() if each.profile == ADHOC]

    def known(self, id: str) -> Wanted:
        """What is wanted under an id. Raises `NotFound`."""
        if (wanted := self.wanted.get(id)) is None:
            raise NotFound(f'there is no entry "{id}"', hint="`kfwd ls` lists them")
        return wanted

    def forget(self, id: str) -> None:
        """Want an ad-hoc entry no more, and no entry of this id paused."""
        self.saved.adhoc.pop(id, None)
        self.saved.paused.discard(id)
        self._attached.discard(id)

    def plan(self, profiles: Mapping[str, UpProfile]) -> Plan:
        """What it would do if these profiles were up as well."""
        goal = replace(self.saved, profiles={**self.saved.profiles, **profiles})
        after = wants.wanted(goal, self._attached.entries)
        return wants.plan_of(profiles, self._supervisor.wanted, after)

    async def reconcile(self) -> None:
        """Stop, then start."""
        self.saved.paused.intersection_update(self.wanted)
        await self._carry_out(diff(self._supervisor.wanted, self.wanted))

    async def restart(self, id: str) -> None:
        """Make an entry anew. Raises `NotFound`."""
        await self._carry_out(Steps(stop=(id,), start=(self.known(id),)))

    async def _carry_out(self, steps: Steps) -> None:
        if stuck := await self._supervisor.apply(steps):
            log.error("did not stop in time: %s", ", ".join(stuck))
        self._clusters.retain({each.context for each in self._supervisor.wanted.values()})
        self._done()
