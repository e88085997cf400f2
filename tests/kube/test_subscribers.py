from __future__ import annotations

import asyncio

import pytest

from kfwd.kube.subscribers import AT_ONCE, Subscribers
from tests.until import until


def test_everybody_is_woken_in_order_until_they_leave() -> None:
    subscribers, calls = Subscribers(), list[str]()
    leave = subscribers.add(lambda: calls.append("a"))
    subscribers.add(lambda: calls.append("b"))
    subscribers.wake()
    leave()
    leave()
    subscribers.wake()
    assert calls == ["a", "b", "b"]


def test_one_callback_may_come_twice_and_leave_once() -> None:
    subscribers, calls = Subscribers(), list[str]()

    def wake() -> None:
        calls.append("x")

    leave = subscribers.add(wake)
    subscribers.add(wake)
    leave()
    subscribers.wake()
    assert calls == ["x"]


def test_one_that_fails_is_logged_and_hinders_no_other(caplog: pytest.LogCaptureFixture) -> None:
    subscribers, calls = Subscribers(), list[str]()
    subscribers.add(lambda: calls.remove("nothing"))
    subscribers.add(lambda: calls.append("b"))
    subscribers.wake()
    assert calls == ["b"]
    assert "a subscriber failed" in caplog.text


def test_one_may_leave_while_all_are_woken() -> None:
    subscribers, calls = Subscribers(), list[str]()
    leave = subscribers.add(lambda: leave())
    subscribers.add(lambda: calls.append("b"))
    subscribers.wake()
    assert calls == ["b"]


async def test_a_crowd_is_woken_over_several_turns_of_the_loop() -> None:
    subscribers, calls = Subscribers(), list[int]()
    for number in range(3 * AT_ONCE):
        subscribers.add(lambda number=number: calls.append(number))  # type: ignore[misc]
    subscribers.wake()
    turns = [len(calls)]
    while len(calls) < 3 * AT_ONCE:
        await asyncio.sleep(0)
        turns.append(len(calls))
    assert turns == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE]
    assert calls == sorted(calls)


async def test_two_changes_before_its_turn_wake_somebody_once() -> None:
    subscribers, calls = Subscribers(), list[int]()
    for number in range(AT_ONCE + 1):
        subscribers.add(lambda number=number: calls.append(number))  # type: ignore[misc]
    subscribers.wake()
    subscribers.wake()
    await until(lambda: len(calls) == 2 * AT_ONCE + 1)
    assert calls.count(AT_ONCE) == 1
