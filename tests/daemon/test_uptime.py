"""What counts as served, by the hour."""

from __future__ import annotations

import pytest

from kfwd.daemon.history_file import HOUR_S, Spent
from kfwd.daemon.uptime import Uptime
from kfwd.model import State

AT = 1000 * HOUR_S + 10.0
HOUR = 1000 * HOUR_S


@pytest.mark.parametrize(
    ("state", "spent"),
    [
        (State.READY, Spent(5, 0)),
        (State.DEGRADED, Spent(5, 0)),
        (State.WAITING, Spent(0, 5)),
        (State.STARTING, Spent(0, 5)),
        (State.FAILED, Spent(0, 5)),
        (State.PAUSED, None),
        (State.STOPPING, None),
    ],
)
def test_each_state_counts_as_up_down_or_not_at_all(state: State, spent: Spent | None) -> None:
    uptime = Uptime()
    uptime.enter("dev/web", state, 100, AT)
    assert uptime.take(105, AT + 5) == ({("dev/web", HOUR): spent} if spent else {})


def test_time_is_taken_once_and_goes_on() -> None:
    uptime = Uptime()
    uptime.enter("dev/web", State.READY, 100, AT)
    uptime.take(105, AT + 5)
    assert uptime.take(105, AT + 5) == {}
    uptime.enter("dev/web", State.WAITING, 106, AT + 6)
    uptime.leave("dev/web", 108, AT + 8)
    assert uptime.take(200, AT + 100) == {("dev/web", HOUR): Spent(1, 2)}


def test_a_night_asleep_counts_as_nothing() -> None:
    uptime = Uptime()
    uptime.enter("dev/web", State.READY, 100, AT)
    assert uptime.take(103, AT + 8 * HOUR_S) == {("dev/web", HOUR + 8 * HOUR_S): Spent(3, 0)}
