from __future__ import annotations

import asyncio

from kfwd.sim.controllers.queue import Queue


async def test_a_key_is_reconciled_once_however_often_it_was_added() -> None:
    seen: list[tuple[str, str]] = []
    queue = Queue(lambda namespace, name: seen.append((namespace, name)))
    for _ in range(3):
        queue.add("demo", "a")
    queue.add("demo", "b")
    await asyncio.sleep(0)
    assert seen == [("demo", "a"), ("demo", "b")]
    queue.add("demo", "a")
    await asyncio.sleep(0)
    assert len(seen) == 3


async def test_a_key_added_while_it_is_reconciled_has_another_turn() -> None:
    seen: list[str] = []

    def reconcile(namespace: str, name: str) -> None:
        seen.append(name)
        if len(seen) < 2:
            queue.add(namespace, name)

    queue = Queue(reconcile)
    queue.add("demo", "a")
    for _ in range(3):
        await asyncio.sleep(0)
    assert seen == ["a", "a"]


async def test_a_later_turn_comes_once_and_closing_forgets_what_waits() -> None:
    came = asyncio.Event()
    queue = Queue(lambda namespace, name: came.set())
    queue.add_later("demo", "a", 60)
    queue.add_later("demo", "a", 0.001)
    async with asyncio.timeout(5):
        await came.wait()
    came.clear()
    queue.add("demo", "a")
    queue.add_later("demo", "b", 0)
    queue.close()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not came.is_set()
