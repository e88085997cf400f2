"""What every test gets: a check that nothing it started is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

# looptime asks for the current loop in every test; unset, the policy would make one nobody closes.
asyncio.set_event_loop(None)


def pytest_configure() -> None:
    """Give children the usual SIGINT, even where a script runs the tests in the background.

    In a pod the tests must not take its own cluster for theirs.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("KUBERNETES_SERVICE_HOST", None)


def open_files() -> dict[str, str]:
    """Descriptors of this process and what they are open on."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith(("socket:", "/")) and not target.startswith(("/dev/", "/proc/")):
            found[entry.name] = target
    return found


def ended(thread: threading.Thread) -> bool:
    """Whether a thread is over, or on its last steps (asyncio's `waitpid-N` report from there)."""
    thread.join(1.0)
    return not thread.is_alive()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a socket or an open file."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("no_task_left_behind")
    threads, files = set(threading.enumerate()), open_files()
    yield
    new_threads = set(threading.enumerate()) - threads
    left = [t for t in new_threads if not t.name.startswith("asyncio_") and not ended(t)]
    assert not left, f"threads left: {left}"
    if new := open_files().items() - files.items():
        gc.collect()
        new = open_files().items() - files.items()
    assert not new, f"files left: {new}"


TURNS = 10
"""Turns of the loop in which a task that was told to end must have ended."""


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """Fail a test that leaves a task running."""
    before = asyncio.all_tasks()
    yield
    for _ in range(TURNS):
        await asyncio.sleep(0)
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left, f"tasks left: {left}"
