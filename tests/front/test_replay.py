"""What is kept of a connection, and when it is given up."""

from __future__ import annotations

from kfwd.front.replay import CONNECTION_MAX, Budget, Replay


def test_it_keeps_the_bytes_in_order() -> None:
    replay = Replay(Budget())
    replay.keep(b"ab")
    replay.keep(memoryview(b"c"))
    assert (replay.complete, replay.bytes()) == (True, b"abc")


def test_too_many_bytes_of_one_connection_end_it_for_good() -> None:
    budget = Budget()
    replay = Replay(budget)
    replay.keep(bytes(CONNECTION_MAX))
    assert replay.complete
    replay.keep(b"x")
    replay.keep(b"y")
    assert not replay.complete
    assert budget.take(64 * 1024 * 1024)


def test_a_daemon_keeps_no_more_than_its_budget() -> None:
    budget = Budget(100)
    first, second = Replay(budget), Replay(budget)
    first.keep(bytes(80))
    second.keep(bytes(30))
    assert (first.complete, second.complete) == (True, False)
    first.drop()
    third = Replay(budget)
    third.keep(bytes(100))
    assert third.complete
