"""Nudges over a clock that jumps: no test here takes the time it speaks of."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.kube.nudge import Nudge

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def now() -> float:
    return asyncio.get_running_loop().time()


async def wait(nudge: Nudge, seconds: float = 60.0) -> float:
    started = now()
    async with nudge.cutting():
        await asyncio.sleep(seconds)
    return now() - started


async def test_an_undisturbed_wait_takes_its_time() -> None:
    assert await wait(Nudge()) == pytest.approx(60)


async def test_a_nudge_ends_a_wait_at_once() -> None:
    nudge = Nudge()
    asyncio.get_running_loop().call_later(5, nudge.give)
    assert await wait(nudge) == pytest.approx(5)


async def test_nudges_are_at_least_a_gap_apart_and_count_once() -> None:
    nudge = Nudge(gap_s=1.0)
    nudge.give()
    assert await wait(nudge) == pytest.approx(0)
    nudge.answer()
    for _ in range(5):
        nudge.give()
    assert await wait(nudge) == pytest.approx(1)
    nudge.answer()
    assert await wait(nudge) == pytest.approx(60)


async def test_a_nudge_during_a_look_is_kept_for_the_next_wait() -> None:
    nudge = Nudge()
    nudge.answer()
    nudge.give()
    assert await wait(nudge) == pytest.approx(0)


async def test_a_nudge_before_a_look_is_served_by_it() -> None:
    nudge = Nudge()
    nudge.give()
    nudge.answer()
    assert await wait(nudge) == pytest.approx(60)


async def test_nudges_that_looks_of_others_serve_do_not_put_off_the_next() -> None:
    nudge = Nudge(gap_s=1.0)
    for _ in range(20):
        nudge.give()
        nudge.answer()
    nudge.give()
    assert await wait(nudge) == pytest.approx(1)


async def test_the_bodys_own_timeout_is_not_taken_for_a_nudge() -> None:
    nudge = Nudge()
    with pytest.raises(TimeoutError):
        async with nudge.cutting(), asyncio.timeout(1):
            await asyncio.sleep(2)


async def test_a_cancellation_is_not_taken_for_a_nudge() -> None:
    nudge = Nudge()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(1, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await wait(nudge)
    task.uncancel()
