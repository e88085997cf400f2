from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from kfwd.entries.showing import Showing
from kfwd.entries.states import Facts, Fault, PortFacts
from kfwd.model import Problem, utcnow
from tests.standin import entry

READY = PortFacts(bound=True, usable=True, ready=True, proven=True)


def late(since: datetime) -> PortFacts:
    """A port that is waiting for a reason."""
    problem = Problem(code="a", severity="error", text="x", since=since)
    return PortFacts(bind=Fault(problem))


class Thing:
    """An entry with a port about which a test says what is known."""

    def __init__(self) -> None:
        self.port = PortFacts()
        self.views: list[Any] = []
        self.showing = Showing("dev/web", self.facts, self.view, self.views.append)

    def facts(self) -> Facts:
        return Facts(ports=(self.port,), looked=True)

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
    thing.port = late(utcnow().replace(year=2000))
    thing.showing.judge()
    first = thing.showing.verdict.problem
    thing.port = late(utcnow())
    thing.showing.judge()
    assert thing.showing.verdict.problem is first is not None


async def test_the_time_of_a_state_and_of_a_part_is_when_it_began() -> None:
    thing = Thing()
    thing.showing.since = began = utcnow().replace(year=2000)
    thing.showing.judge()
    assert thing.showing.since == began
    listener, *_ = thing.showing.parts = tuple(
        replace(part, since=began) for part in thing.showing.parts
    )
    assert (listener.part, listener.state) == ("listener", "unknown")
    thing.port = READY
    thing.showing.judge()
    assert thing.showing.since != began
    since = {part.part: part.since == began for part in thing.showing.parts}
    assert since == {
        "listener": False,
        "context": True,
        "pod": False,
        "session": False,
        "backend": True,
    }


async def test_nothing_is_shown_after_the_end() -> None:
    thing = Thing()
    thing.showing.changed()
    thing.showing.end()
    thing.showing.changed()
    await asyncio.sleep(0)
    assert thing.views == []
