"""Entries run, stop, and run again after a bug; who does not stop is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kfwd.api_doctor import Fact
from kfwd.api_model import ConnectionView
from kfwd.backoff import Backoff
from kfwd.daemon.reconcile import Plan, diff
from kfwd.daemon.supervisor import Supervisor
from kfwd.entries.states import Facts
from kfwd.model import ContextRef, EntryCounters, EntryView, State, Wanted
from tests.daemon.records import counters, entry, wanted
from tests.until import until


class FakeEntry:
    """An entry that notes what is done to it, and does in `run` what a test says."""

    def __init__(self, wanted: Wanted, log: list[str]) -> None:
        self.id = wanted.id
        self.accepted: set[Callable[[int], None]] = set()
        self.log = log
        self.fails: Exception | None = None
        self.stubborn = asyncio.Event()
        self.stubborn.set()

    def bind(self) -> None:
        self.log.append(f"bind {self.id}")

    async def run(self) -> None:
        self.log.append(f"run {self.id}")
        if self.fails:
            raise self.fails
        try:
            await asyncio.Event().wait()
        finally:
            await self.stubborn.wait()
            self.log.append(f"end {self.id}")

    async def close(self) -> list[str]:
        self.log.append(f"close {self.id}")
        return []

    def move(self, context: object, *, end: bool) -> list[asyncio.Task[None]]:
        self.log.append(f"move {self.id} {'end' if end else 'keep'}")
        return []

    def view(self) -> EntryView:
        return entry(self.id)

    def facts(self) -> Facts:
        return Facts(ports=())

    def parts(self) -> tuple[Fact, ...]:
        return ()

    def counters(self) -> EntryCounters:
        return counters(self.id)

    def connections(self) -> tuple[ConnectionView, ...]:
        return ()


class Rig:
    def __init__(self, prepare: Callable[[FakeEntry], None] = lambda entry: None) -> None:
        self.log: list[str] = []
        self.made: list[FakeEntry] = []
        self.views: list[EntryView] = []
        self.gone: list[str] = []
        self._prepare = prepare
        self.supervisor = Supervisor(
            self.make,
            show=self.views.append,
            gone=self.gone.append,
            backoff=lambda: Backoff(first=0.01, cap=0.01, uniform=lambda low, high: high),
            stop_s=0.05,
        )

    def make(self, wanted: Wanted) -> FakeEntry:
        made = FakeEntry(wanted, self.log)
        self.made.append(made)
        self._prepare(made)
        return made

    async def want(self, *entries: Wanted) -> list[str]:
        goal = {each.id: each for each in entries}
        return await self.supervisor.apply(diff(self.supervisor.wanted, goal))

    def codes(self) -> list[str | None]:
        return [view.problem.code if view.problem else None for view in self.views]


async def test_every_listener_is_bound_before_anything_runs() -> None:
    rig = Rig()
    await rig.want(wanted("a"), wanted("b"))
    assert rig.log == ["bind dev/a", "bind dev/b"]
    await until(lambda: len(rig.log) == 4)
    assert rig.log[2:] == ["run dev/a", "run dev/b"]
    await rig.supervisor.close()


async def test_what_stops_has_ended_before_the_next_is_bound() -> None:
    rig = Rig()
    await rig.want(wanted("a"))
    await until(lambda: "run dev/a" in rig.log)
    await rig.want(wanted("b"))
    assert rig.log == ["bind dev/a", "run dev/a", "end dev/a", "close dev/a", "bind dev/b"]
    assert rig.gone == ["dev/a"]
    assert [view.state for view in rig.views if view.id == "dev/a"][-1] is State.STOPPING
    await rig.supervisor.close()


async def test_an_entry_that_changes_is_never_gone() -> None:
    rig = Rig()
    await rig.want(wanted("a", local=1000))
    await rig.want(wanted("a", local=2000))
    assert rig.gone == []
    assert rig.supervisor.wanted == {"dev/a": wanted("a", local=2000)}
    await rig.supervisor.close()


async def test_an_entry_stopped_before_its_first_step_is_closed_all_the_same() -> None:
    rig = Rig()
    await rig.want(wanted("a"))
    await rig.want()
    assert (rig.log[0], rig.log[-1]) == ("bind dev/a", "close dev/a")


async def test_an_entry_that_fails_by_a_bug_shows_it_and_is_made_anew() -> None:
    def fail_first(made: FakeEntry) -> None:
        if len(rig.made) == 1:
            made.fails = ZeroDivisionError("odd")

    rig = Rig(fail_first)
    await rig.want(wanted("a"))
    await until(lambda: rig.log.count("run dev/a") == 2)
    assert "internal-error" in rig.codes()
    broken = rig.views[rig.codes().index("internal-error")]
    assert broken.state is State.FAILED
    assert broken.problem is not None
    assert "ZeroDivisionError: odd" in broken.problem.text
    assert rig.log.count("close dev/a") == 1
    assert rig.supervisor.entry("dev/a") is rig.made[1]
    await rig.supervisor.close()


async def test_a_bug_inside_a_task_group_is_shown_as_itself() -> None:
    def fail(made: FakeEntry) -> None:
        made.fails = ExceptionGroup("group", [KeyError("key")])

    rig = Rig(fail)
    await rig.want(wanted("a"))
    await until(lambda: "internal-error" in rig.codes())
    problem = rig.views[-1].problem
    assert problem is not None
    assert "KeyError" in problem.text
    await rig.supervisor.close()


async def test_a_bug_while_binding_does_not_keep_others_from_starting() -> None:
    def fail(made: FakeEntry) -> None:
        if made.id == "dev/a":
            made.bind = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]  # a bug

    rig = Rig(fail)
    await rig.want(wanted("a"), wanted("b"))
    await until(lambda: "run dev/b" in rig.log)
    await rig.supervisor.close()


async def test_who_does_not_stop_in_time_is_named_and_nobody_waits_longer() -> None:
    rig = Rig()
    await rig.want(wanted("a"), wanted("b"))
    await until(lambda: "run dev/b" in rig.log)
    rig.made[0].stubborn.clear()
    async with asyncio.timeout(2):
        assert await rig.supervisor.close() == ["dev/a/run"]
    assert "end dev/b" in rig.log
    rig.made[0].stubborn.set()
    await until(lambda: "end dev/a" in rig.log)


async def test_counters_of_all_that_run_can_be_read_at_once() -> None:
    rig = Rig()
    await rig.want(wanted("a"), wanted("b"))
    assert [each.id for each in rig.supervisor.counters()] == ["dev/a", "dev/b"]
    await rig.supervisor.close()
    assert rig.supervisor.counters() == []
    assert rig.supervisor.entry("dev/a") is None
    assert await rig.supervisor.apply(Plan()) == []


async def test_an_entry_that_moves_goes_on_as_it_is_and_is_made_anew_as_it_is_wanted() -> None:
    rig = Rig()
    await rig.supervisor.apply(Plan(start=(wanted("web"),)))
    await asyncio.sleep(0)
    there = wanted("web", context=ContextRef(kubeconfig=("/k",), name="prod"))
    assert rig.supervisor.move(there, None, end=True) == ()  # type: ignore[arg-type]  # a stand-in
    assert rig.log[-1] == f"move {there.id} end"
    assert diff(rig.supervisor.wanted, {there.id: there}).start == ()
    await rig.supervisor.close()
