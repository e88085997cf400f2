from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kfwd.proxy.prompt import Prompt
from kfwd.tasks import TaskSet
from tests.until import until

Life = Callable[[Prompt, list[str]], Coroutine[Any, Any, None]]


def begin(life: Life) -> tuple[Prompt, list[str], asyncio.Task[None]]:
    prompt, seen = Prompt(), list[str]()

    async def run() -> None:
        await prompt.run(life(prompt, seen))

    return prompt, seen, TaskSet("test").spawn(run(), "life")


async def called(call: Callable[[], object]) -> None:
    """Have the event loop call it, as it calls those who read sockets; then let tasks go on."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: done.set_result(call()))
    await done


async def rest_twice(prompt: Prompt, seen: list[str]) -> None:
    for word in ("one", "two"):
        await prompt.rest()
        seen.append(word)


async def test_a_life_goes_on_within_the_call_that_stirs_it() -> None:
    prompt, seen, task = begin(rest_twice)
    await asyncio.sleep(0)
    found: list[list[str]] = []
    for _ in range(2):
        await called(lambda: (prompt.stir(), found.append([*seen])))
    assert found == [["one"], ["one", "two"]]
    await task


async def test_another_task_is_not_held_up_by_it() -> None:
    prompt, seen, task = begin(rest_twice)
    await asyncio.sleep(0)
    prompt.stir()
    assert seen == []
    await until(lambda: seen)
    await called(prompt.stir)
    await task
    assert seen == ["one", "two"]


async def test_nothing_is_remembered_of_a_stir_in_vain() -> None:
    prompt, seen, task = begin(rest_twice)
    prompt.stir()  # it has not begun
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == []
    await called(lambda: (prompt.stir(), prompt.stir(), prompt.stir()))
    await task
    prompt.stir()  # it has ended


async def test_within_the_call_it_is_the_task_that_runs() -> None:
    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()
        seen.append("stirred")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        assert asyncio.current_task() is task
        await prompt.rest()

    prompt, seen, task = begin(life)
    await asyncio.sleep(0)
    current: list[object] = []
    await called(lambda: (prompt.stir(), current.append(asyncio.current_task())))
    assert (seen, current) == (["stirred"], [None])
    while not task.done():
        await called(prompt.stir)
    await task


async def test_what_it_waits_for_after_a_call_is_waited_for() -> None:
    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()
        await asyncio.sleep(0)
        seen.append(await asyncio.to_thread(lambda: "thread"))
        await prompt.rest()

    prompt, seen, task = begin(life)
    await asyncio.sleep(0)
    await called(prompt.stir)
    await until(lambda: seen)
    await called(prompt.stir)
    await task


async def test_its_failure_is_the_task_s() -> None:
    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()
        raise ValueError("no")

    prompt, _, task = begin(life)
    await asyncio.sleep(0)
    await called(prompt.stir)
    with pytest.raises(ValueError, match="no"):
        await task


async def cleans_up(prompt: Prompt, seen: list[str]) -> None:
    try:
        await prompt.rest()
        await asyncio.Event().wait()
    finally:
        seen.append("cleaned up")


@pytest.mark.parametrize("stirred", [False, True])
async def test_cancelling_the_task_cancels_it(stirred: bool) -> None:
    prompt, seen, task = begin(cleans_up)
    await asyncio.sleep(0)
    if stirred:
        await called(prompt.stir)
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cleaned up"]


async def test_cancelled_in_the_call_that_stirred_it_what_it_waits_for_is_cancelled_too() -> None:
    waited = asyncio.get_running_loop().create_future()

    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()
        await waited

    prompt, _, task = begin(life)
    await asyncio.sleep(0)
    await called(lambda: (prompt.stir(), task.cancel()))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waited.cancelled()


async def test_what_is_cancelled_in_its_place_ends_before_it_goes_on() -> None:
    async def slow(seen: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("slow")

    async def life(prompt: Prompt, seen: list[str]) -> None:
        inner = TaskSet("inner").spawn(slow(seen), "slow")
        await prompt.rest()
        try:
            await inner
        finally:
            seen.append("life")

    prompt, seen, task = begin(life)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await called(lambda: (prompt.stir(), task.cancel()))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["slow", "life"]


async def test_one_that_ended_in_the_call_is_not_cancelled_any_more() -> None:
    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()

    prompt, _, task = begin(life)
    await asyncio.sleep(0)
    await called(lambda: (prompt.stir(), task.cancel()))
    await task


async def test_many_may_wait_for_the_same_after_a_call() -> None:
    shared: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def life(prompt: Prompt, seen: list[str]) -> None:
        await prompt.rest()
        seen.append(await shared)

    begun = [begin(life) for _ in range(2)]
    await asyncio.sleep(0)
    await called(lambda: [prompt.stir() for prompt, _, _ in begun])
    await asyncio.sleep(0)
    shared.set_result("there")
    for _, seen, task in begun:
        await task
        assert seen == ["there"]


async def test_a_deadline_that_is_over_is_not_overtaken_by_a_stir() -> None:
    limit = asyncio.timeout(None)

    async def life(prompt: Prompt, seen: list[str]) -> None:
        with pytest.raises(TimeoutError):
            async with limit:
                await prompt.rest()
        await asyncio.sleep(0)
        seen.append("on")

    prompt, seen, task = begin(life)
    await asyncio.sleep(0)
    limit.reschedule(0.0)
    await called(prompt.stir)
    await task
    assert seen == ["on"]
