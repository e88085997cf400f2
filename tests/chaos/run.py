"""A run: clients on, faults as scheduled, calm, and what is left when all is quiet."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kfwd.tasks import TaskSet
from tests.chaos.clients import Crowd
from tests.chaos.faults import calm, inject
from tests.chaos.ledger import HANG_S, Verdict
from tests.chaos.report import Report, unseen_or_repeated, verdicts
from tests.chaos.schedule import EXCLUSIVE, Event, deal
from tests.chaos.windows import Span, Window
from tests.chaos.world import Usage, World

SESSIONS_KEPT = 8 * 6
"""Free sessions at rest: at most 8 an endpoint (design section 4, rule 2); three pods, two ways."""
SPARE_FILES = 16
SPARE_THREADS = 8
SESSION_MB = 0.1
SPARE_MB = 40.0
PULSE_S = 0.25
SLOW_S = 0.25


class Attack:
    """Brings the scheduled events over the world, each as a window from its begin to its end.

    `failed` says what could not be done, and daemons that ended though nothing ended them.
    """

    def __init__(self, world: World) -> None:
        self.windows: list[Window] = []
        self.failed: list[str] = []
        self._world = world
        self._turn = asyncio.Lock()
        self._tasks = TaskSet("attack")

    async def run(self, events: list[Event]) -> None:
        """Returns when all are over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            async with asyncio.TaskGroup() as group:
                for event in events:
                    group.create_task(self._event(begin + event.at, event))
        finally:
            await asyncio.to_thread(calm, self._world)

    async def _event(self, at: float, event: Event) -> None:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        if event.kind not in EXCLUSIVE:
            await self._do(event)
            return
        async with self._turn:
            await self._do(event)

    async def _do(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        if event.kind in EXCLUSIVE:
            await self.look(f"before {event.kind}")
        window = Window(event.kind, loop.time())
        self.windows.append(window)
        try:
            await asyncio.to_thread(inject, self._world, event)
        except Exception as error:  # whatever it is, the run goes on and has failed
            self.failed.append(f"{event.kind} at {event.at:.2f} s: {error!r}")
        window.end = loop.time()

    async def look(self, when: str) -> None:
        """Whether there is a daemon, where nothing is at work that ends it."""
        if ended := await asyncio.to_thread(self._world.revive):
            self.failed.append(f"{when}: {ended}")


class Pulse:
    """Asks the daemon how it is, all the time: `slow` is when that took long.

    A cut that happened then is seen later. It is no excuse for silence, nor for a refusal.
    """

    def __init__(self, world: World) -> None:
        self.slow: list[Span] = []
        self._world = world

    async def run(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            begin = now()
            await asyncio.to_thread(self._world.snapshot)
            if now() - begin > SLOW_S:
                self.slow.append((begin, now()))
            await asyncio.sleep(PULSE_S)


async def run(seed: int, seconds: float, folder: Path) -> Report:
    """Everything, in an empty folder, which has the daemon's log afterwards."""
    world = await asyncio.to_thread(World, folder)
    try:
        await asyncio.to_thread(world.start)
        return await _attacked(world, seed, seconds)
    finally:
        await asyncio.to_thread(world.close)


async def _attacked(world: World, seed: int, seconds: float) -> Report:
    loop = asyncio.get_running_loop()
    before = await asyncio.to_thread(world.usage)
    attack, pulse, tasks = Attack(world), Pulse(world), TaskSet("pulse")
    crowd = Crowd(world.ports, attack.windows, seed)
    begin = loop.time()
    tasks.spawn(pulse.run(), "pulse")
    crowd.start()
    try:
        await attack.run(deal(seed, seconds))
        await asyncio.sleep(begin + seconds - loop.time())
        await crowd.finish()
    finally:
        await crowd.close()
        await tasks.close()
    end = loop.time()
    await attack.look("at the end")
    lost = await asyncio.to_thread(_lost, world)
    after = await asyncio.to_thread(world.usage)
    found = verdicts(crowd.outcomes, attack.windows, pulse.slow, begin)
    seen = await asyncio.to_thread(world.requests)
    return Report(
        seed=seed,
        span=(begin, end),
        windows=attack.windows,
        outcomes=crowd.outcomes,
        wrong=[*found[Verdict.WRONG], *unseen_or_repeated(crowd.answered, seen)],
        hung=found[Verdict.HUNG],
        refused=found[Verdict.REFUSED],
        lost=[*attack.failed, *lost, *leaks(before, after)],
        slow=pulse.slow,
        usage=(f"daemon before: {before}", f"daemon after:  {after}"),
    )


def _lost(world: World) -> list[str]:
    """Entries that are not there or not ready, and connections that never end."""
    found = []
    for condition, what in (
        (world.at_rest, "no connection is left"),
        (world.all_ready, "every entry is ready"),
    ):
        try:
            world.until(condition, what, HANG_S)
        except TimeoutError as error:
            found.append(str(error))
    return found


def leaks(before: Usage, after: Usage) -> list[str]:
    """What a daemon at rest holds beyond what it may."""
    most = Usage(
        files=before.files + SESSIONS_KEPT + SPARE_FILES,
        threads=before.threads + SPARE_THREADS,
        rss_mb=before.rss_mb + SESSIONS_KEPT * SESSION_MB + SPARE_MB,
    )
    over = after.files > most.files or after.threads > most.threads or after.rss_mb > most.rss_mb
    return [f"a leak: {before} before, {after} after"] if over else []
