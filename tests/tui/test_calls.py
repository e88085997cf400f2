"""Calls in threads, with failures in words."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.tui.calls import MOST, Calls
from tests.until import until


class Screen:
    """What the app says."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, bool]] = []

    def say(self, text: str, *, hint: str = "", bad: bool = False) -> None:
        self.said.append((text, hint, bad))


@pytest.fixture
def app() -> Screen:
    return Screen()


@pytest.fixture
async def calls(app: Screen) -> AsyncIterator[Calls]:
    tasks = TaskSet("test")
    yield Calls(app, tasks)  # type: ignore[arg-type]  # says, and that is all that is needed
    await tasks.close()


async def test_the_answer_comes_on_the_loop(calls: Calls) -> None:
    got: list[tuple[int, threading.Thread]] = []
    calls.start(lambda: 42, lambda answer: got.append((answer, threading.current_thread())))
    await until(lambda: got)
    assert got == [(42, threading.main_thread())]


def refuse() -> None:
    raise KfwdError("it cannot be", hint="try later")


async def test_a_failure_is_said(calls: Calls, app: Screen) -> None:
    calls.start(refuse)
    await until(lambda: app.said)
    assert app.said == [("it cannot be", "try later", True)]


async def test_a_caller_may_handle_the_failure(calls: Calls, app: Screen) -> None:
    failed: list[str] = []
    calls.start(refuse, failed=lambda error: failed.append(error.text))
    await until(lambda: failed)
    assert (failed, app.said) == (["it cannot be"], [])


async def test_there_is_a_bound(calls: Calls, app: Screen) -> None:
    gate, done = threading.Event(), list[bool]()
    for _ in range(MOST + 1):
        calls.start(lambda: gate.wait(5), done.append)
    assert [said[0] for said in app.said] == ["too much is under way"]
    gate.set()
    await until(lambda: len(done) == MOST)
