from __future__ import annotations

import pytest

from kfwd.kube.subscribers import Subscribers


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
