"""Attempts on a way that changes, over a clock that jumps."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.kube.way import Way

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Attempts:
    """The first `failing` of them hang."""

    def __init__(self, failing: int = 1) -> None:
        self.count = 0
        self.cancelled = 0
        self._failing = failing

    async def make(self) -> str:
        self.count += 1
        if self.count <= self._failing:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return "there"


async def test_an_attempt_on_a_way_that_stays_is_made_once() -> None:
    attempts = Attempts(0)
    assert await Way().attempt(attempts.make) == "there"
    assert attempts.count == 1


async def test_an_attempt_is_begun_anew_whenever_the_way_changes() -> None:
    way, attempts, loop = Way(), Attempts(2), asyncio.get_running_loop()
    began = loop.time()
    loop.call_later(3, way.changed)
    loop.call_later(3, way.changed)  # at the same moment: once
    loop.call_later(5, way.changed)
    assert await way.attempt(attempts.make) == "there"
    assert loop.time() - began == pytest.approx(5)
    assert (attempts.count, attempts.cancelled) == (3, 2)
    way.changed()  # nobody is under way


async def test_the_callers_deadline_bounds_them_all() -> None:
    way, attempts, loop = Way(), Attempts(99), asyncio.get_running_loop()
    began = loop.time()
    for when in range(1, 20):
        loop.call_later(when, way.changed)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10.5):
            await way.attempt(attempts.make)
    assert loop.time() - began == pytest.approx(10.5)
    assert attempts.count == attempts.cancelled == 11


async def test_a_time_out_of_the_attempt_itself_is_its_own() -> None:
    async def impatient() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        await Way().attempt(impatient)
