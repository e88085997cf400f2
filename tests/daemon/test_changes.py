"""Changes go one after the other, to their end, and not to a daemon that was replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kfwd.daemon.changes import Changes
from kfwd.daemon.state import Saver
from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet


def changes(tasks: TaskSet, folder: Path) -> Changes:
    return Changes(tasks, Saver(folder / "state.json", lambda: b"", lambda problem: None))


async def test_one_that_was_begun_ends_though_nobody_waits_and_the_next_comes_after(
    tmp_path: Path,
) -> None:
    tasks, seen, go = TaskSet("test"), [], asyncio.Event()
    each = changes(tasks, tmp_path)

    async def first() -> None:
        await go.wait()
        seen.append("first")

    async def second() -> str:
        seen.append("second")
        return "done"

    hung_up = tasks.spawn(each.run(first), "first")
    await asyncio.sleep(0)
    hung_up.cancel()
    waiting = tasks.spawn(each.run(second), "second")
    go.set()
    assert await waiting == "done"
    assert seen == ["first", "second"]
    await tasks.close()


async def test_what_fails_is_told_to_who_asked(tmp_path: Path) -> None:
    async def fail() -> None:
        raise KfwdError("no")

    with pytest.raises(KfwdError, match="no"):
        await changes(TaskSet("test"), tmp_path).run(fail)


async def test_a_daemon_that_was_replaced_changes_nothing(tmp_path: Path) -> None:
    each = changes(TaskSet("test"), tmp_path)
    each.over = True

    async def never() -> None:
        raise AssertionError

    with pytest.raises(KfwdError) as caught:
        await each.run(never)
    assert caught.value.code == "daemon-replaced"
