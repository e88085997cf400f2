"""Tasks: named, owned, and stopped or named as stuck."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from functools import partial

import pytest

from kfwd.tasks import TaskSet, Threads, in_thread
from tests.until import until


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


async def test_a_call_in_a_thread_returns_or_raises() -> None:
    thread = await in_thread(threading.current_thread, "call")
    assert (thread.name, thread.daemon) == ("call", True)
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0, "call")


async def test_what_comes_after_the_caller_has_left_is_discarded() -> None:
    gate, late = threading.Event(), list[bool]()
    tasks = TaskSet("owner")
    tasks.spawn(in_thread(lambda: gate.wait(5), "call", discard=late.append), "task")
    await asyncio.sleep(0)
    assert await tasks.close() == []
    gate.set()
    await until(lambda: late)
    assert late == [True]


async def test_no_more_threads_than_allowed_do_what_comes_and_then_end() -> None:
    gate, threads, begun = threading.Event(), Threads("calls", most=2, waiting=3), list[int]()

    def call(number: int) -> int:
        begun.append(number)
        gate.wait(5)
        return 10 // number

    waiting = [threads.run(partial(call, number)) for number in (1, 2, 5, 0, 10)]
    with pytest.raises(OverflowError, match="calls: 2 run, 3 wait"):
        threads.run(partial(call, 9))
    waiting[4].cancel()
    await asyncio.sleep(0)  # by then it is known not to be wanted
    await until(lambda: len(begun) == 2)
    assert sum(thread.name == "calls" for thread in threading.enumerate()) == 2
    gate.set()
    assert [await future for future in waiting[:3]] == [10, 5, 2]
    with pytest.raises(ZeroDivisionError):
        await waiting[3]
    await until(lambda: not any(thread.name == "calls" for thread in threading.enumerate()))
    assert sorted(begun) == [0, 1, 2, 5]


async def test_where_the_system_gives_no_thread_there_is_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Threads("calls", most=1, waiting=0)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OverflowError, match="calls: can't start new thread"):
            threads.run(lambda: 1)
    assert await threads.run(lambda: 2) == 2, "the place is free again"


def test_a_process_ends_while_a_call_blocks() -> None:
    code = (
        "import asyncio, threading; from kfwd.tasks import TaskSet, Threads, in_thread\n"
        "async def main():\n"
        "    tasks = TaskSet('t')\n"
        "    tasks.spawn(in_thread(threading.Event().wait, 'call'), 'call')\n"
        "    Threads('calls', most=1, waiting=1).run(threading.Event().wait)\n"
        "    await asyncio.sleep(0)\n"
        "    await tasks.close()\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
