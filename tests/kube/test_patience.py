"""What takes long is told, ever more rarely, and told to be over."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.kube.patience import FIRST_S, Patience

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_what_is_quick_is_not_told() -> None:
    told: list[float | None] = []
    patience = Patience(lambda: told.append(patience.spent_s))
    with patience.during():
        await asyncio.sleep(FIRST_S / 2)
    await asyncio.sleep(10 * FIRST_S)
    assert told == []


async def test_what_takes_long_is_told_after_twice_the_time_again() -> None:
    told: list[float | None] = []
    patience = Patience(lambda: told.append(patience.spent_s))

    async def slow() -> None:
        with patience.during():
            await asyncio.sleep(100 * FIRST_S)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5 * FIRST_S):
            await slow()
    assert told == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, None]
