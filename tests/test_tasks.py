"""Tasks: named, owned, and stopped or named as stuck."""

from __future__ import annotations

import asyncio
import logging

import pytest

from kfwd.tasks import TaskSet


async def test_a_task_carries_its_owners_name() -> None:
    tasks = TaskSet("owner")
    task = tasks.spawn(asyncio.sleep(60), "nap")
    assert task.get_name() == "owner/nap"
    assert len(tasks) == 1
    assert await tasks.close() == []
    assert task.cancelled()


async def test_closing_names_what_does_not_stop() -> None:
    tasks = TaskSet("owner")
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.spawn(stubborn(), "stubborn")
    await asyncio.sleep(0)
    assert await tasks.close(timeout=0.05) == ["owner/stubborn"]
    release.set()
    await task


async def test_a_failure_nobody_awaits_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tasks = TaskSet("owner")

    async def fails() -> None:
        raise RuntimeError("boom")

    with caplog.at_level(logging.ERROR):
        await asyncio.wait([tasks.spawn(fails(), "fails")])
        await asyncio.sleep(0)
    assert "owner/fails failed" in caplog.text
    assert "boom" in caplog.text
    assert len(tasks) == 0
