"""Questions that change."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import pytest

from kfwd.errors import KfwdError
from kfwd.tasks import TaskSet
from kfwd.tui.asked import Asked
from kfwd.tui.calls import Calls
from tests.tui.test_calls import Screen
from tests.until import until


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    tasks = TaskSet("test")
    yield Calls(Screen(), tasks)  # type: ignore[arg-type]  # says, and that is all that is needed
    await tasks.close()


async def test_the_same_question_is_asked_once(calls: Calls) -> None:
    came: list[int] = []
    asked = Asked[int](calls, lambda: came.append(asked.answer or 0))
    made: list[int] = []

    def call() -> int:
        made.append(1)
        return len(made)

    asked.ask("dev", call)
    await until(lambda: came)
    asked.ask("dev", call)
    asked.ask("prod", call)
    await until(lambda: len(came) == 2)
    assert (came, asked.question, asked.answer) == ([1, 2], "prod", 2)


async def test_one_at_a_time_and_the_newest_is_asked_when_the_answer_has_come(calls: Calls) -> None:
    gate, wanted = threading.Event(), ["a"]

    def next_one() -> None:
        asked.ask(wanted[-1], lambda: wanted[-1])

    asked = Asked[str](calls, next_one)
    asked.ask("a", lambda: str(gate.wait(5)))
    for question in ("b", "c"):
        wanted.append(question)
        next_one()
    gate.set()
    await until(lambda: asked.answer == "c")
    assert asked.question == "c"


async def test_a_failure_is_an_answer(calls: Calls) -> None:
    def fail() -> int:
        raise KfwdError("it cannot be")

    came: list[bool] = []
    asked = Asked[int](calls, lambda: came.append(True))
    asked.ask("dev", fail)
    await until(lambda: came)
    assert asked.error is not None
    assert (asked.error.text, asked.answer, asked.question) == ("it cannot be", None, "dev")
