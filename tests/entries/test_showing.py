from __future__ import annotations

import asyncio
from typing import Any

from kfwd.entries.showing import Showing
from kfwd.entries.states import Verdict
from kfwd.model import Problem, State, utcnow
from tests.standin import entry


class Thing:
    """An entry whose verdict a test sets."""

    def __init__(self) -> None:
        self.verdict = Verdict(State.STARTING)
        self.views: list[Any] = []
        self.showing = Showing("dev/web", lambda: self.verdict, self.view, self.views.append)

    def view(self) -> Any:
        return entry(state=self.showing.verdict.state, problem=self.showing.verdict.problem)


async def test_however_much_changes_in_a_turn_it_is_shown_once() -> None:
    thing = Thing()
    for _ in range(3):
        thing.showing.changed()
    assert thing.views == []
    await asyncio.sleep(0)
    assert len(thing.views) == 1
    thing.showing.changed()
    await asyncio.sleep(0)
    assert len(thing.views) == 2


async def test_a_problem_that_says_the_same_keeps_its_time() -> None:
    thing = Thing()
    first = Problem(code="a", severity="error", text="x", since=utcnow().replace(year=2000))
    thing.verdict = Verdict(State.WAITING, first)
    thing.showing.judge()
    thing.verdict = Verdict(State.WAITING, Problem(code="a", severity="error", text="x"))
    thing.showing.judge()
    assert thing.showing.verdict.problem is first


async def test_the_time_of_a_state_is_when_it_began() -> None:
    thing = Thing()
    thing.showing.since = began = utcnow().replace(year=2000)
    thing.showing.judge()
    assert thing.showing.since == began
    thing.verdict = Verdict(State.READY)
    thing.showing.judge()
    assert thing.showing.since != began


async def test_nothing_is_shown_after_the_end() -> None:
    thing = Thing()
    thing.showing.changed()
    thing.showing.end()
    thing.showing.changed()
    await asyncio.sleep(0)
    assert thing.views == []
