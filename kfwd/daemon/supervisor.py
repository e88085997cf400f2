"""Keeps entries running: starts, stops, and starts again what ended by a bug.

Each entry runs in a task of its own name that a task set of its own holds. Stopping has a
deadline, and what did not stop is reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from kfwd.backoff import Backoff
from kfwd.daemon.reconcile import Plan
from kfwd.entries.entry import Context, Entry
from kfwd.front.door import Door
from kfwd.model import EntryCounters, EntryView, Problem, State, Wanted
from kfwd.tasks import STOP_S, TaskSet

log = logging.getLogger(__name__)

RESTART_FIRST_S = 1.0
RESTART_CAP_S = 60.0


class Running:
    """One entry, the wish it comes from, and the task that runs it."""

    def __init__(self, wanted: Wanted, entry: Entry) -> None:
        self.wanted = wanted
        self.entry = entry
        self.tasks = TaskSet(wanted.id)


class Supervisor:
    """All entries that are up. `show` gets every view, `gone` every id that went for good.

    While `accepting` is false what is started binds and accepts nothing.
    """

    def __init__(
        self,
        make: Callable[[Wanted], Entry],
        *,
        show: Callable[[EntryView], None],
        gone: Callable[[str], None],
        backoff: Callable[[], Backoff] = lambda: Backoff(first=RESTART_FIRST_S, cap=RESTART_CAP_S),
        stop_s: float = STOP_S,
    ) -> None:
        self.accepting = True
        self._make = make
        self._show = show
        self._gone = gone
        self._backoff = backoff
        self._stop_s = stop_s
        self._running: dict[str, Running] = {}

    @property
    def wanted(self) -> dict[str, Wanted]:
        """What runs, as it was wanted."""
        return {id: running.wanted for id, running in self._running.items()}

    def doors(self) -> list[tuple[str, Door[Any]]]:
        """Where connections come in, with the ids of the entries."""
        running = self._running.items()
        return [(id, door) for id, each in running for door in each.entry.doors]

    def entry(self, id: str) -> Entry | None:
        running = self._running.get(id)
        return running.entry if running else None

    def show(self, view: EntryView) -> None:
        """What an entry shows of itself; one that is stopping shows nothing more."""
        if view.id in self._running:
            self._show(view)

    def counters(self) -> list[EntryCounters]:
        """The numbers of all entries, now."""
        return [running.entry.counters() for running in self._running.values()]

    async def apply(self, plan: Plan) -> list[str]:
        """Stop, then start. Every listener is bound before anything else begins.

        Returns the names of the tasks that did not stop in time; nothing waits for them longer.
        """
        stuck = await self._stop(plan.stop)
        for id in set(plan.stop) - set(plan.changed):
            self._gone(id)
        started = [Running(wanted, self._make(wanted)) for wanted in plan.start]
        for running in started:
            self._bind(running)
        for running in started:
            self._running[running.wanted.id] = running
            self._show(running.entry.view())
            running.tasks.spawn(self._live(running), "run")
        return stuck

    def move(
        self, wanted: Wanted, context: Context, *, end: bool
    ) -> tuple[asyncio.Task[None], ...]:
        """Have an entry go on in another context as `wanted` says, on the listeners it has.

        Returns what is still open in the context before.
        """
        running = self._running[wanted.id]
        running.wanted = wanted
        return tuple(running.entry.move(context, end=end))

    async def close(self) -> list[str]:
        """Stop everything; entries stay shown. Returns the names of what did not stop in time."""
        return await self._stop(list(self._running))

    async def _stop(self, ids: Iterable[str]) -> list[str]:
        stopping = [self._running.pop(id) for id in ids if id in self._running]
        for running in stopping:
            view = running.entry.view()
            self._show(msgspec.structs.replace(view, state=State.STOPPING, problem=None))
        stuck = await asyncio.gather(*(self._end(running) for running in stopping))
        return [name for names in stuck for name in names]

    async def _end(self, running: Running) -> list[str]:
        stuck = await running.tasks.close(self._stop_s)
        return stuck + await running.entry.close()

    def _bind(self, running: Running) -> None:
        try:
            running.entry.bind()
            if not self.accepting:
                for door in running.entry.doors:
                    door.pause()
        except Exception:  # a bug in one entry must not keep the others from starting
            log.exception("%s cannot bind", running.wanted.id, extra={"entry": running.wanted.id})

    async def _live(self, running: Running) -> None:
        """Run the entry; one that fails by a bug is made anew after a while."""
        backoff, now = self._backoff(), asyncio.get_running_loop().time
        while True:
            backoff.succeeded(now())
            try:
                await running.entry.run()
                raise RuntimeError("the entry ended by itself")
            except Exception as error:
                log.exception("%s failed", running.wanted.id, extra={"entry": running.wanted.id})
                self._show(_broken(running.entry.view(), error))
            await asyncio.sleep(backoff.failed(now()))
            await running.entry.close()
            running.entry = self._make(running.wanted)


def _broken(view: EntryView, error: BaseException) -> EntryView:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    problem = Problem(
        code="internal-error",
        severity="error",
        text=f"kfwd failed over this entry: {type(error).__name__}: {error}",
        hint="it is started again by itself; please report what `kfwd logs` says",
    )
    return msgspec.structs.replace(view, state=State.FAILED, problem=problem)
